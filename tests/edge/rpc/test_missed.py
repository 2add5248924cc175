"""Web nodes and a gateway over a real Redis: what is lost while it, or the way to it, is gone; and
what it spares the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from switchboard.bus.redis import RedisBus
from switchboard.conversation import Ended, HandedBack, OperatorWrote
from switchboard.errors import RetryLater
from switchboard.events import Committed, StateChanged, conversation_topic
from switchboard.model import Act, Cursor, Details
from switchboard.ports import Draft
from switchboard.reception import Talks
from switchboard.reception.talks import operator_sender
from switchboard.sessions.memory import MemorySessions
from switchboard.store import SqlStore
from tests.e2e.support.faults import Proxy, proxy
from tests.edge.rpc.client import WebSocket
from tests.edge.rpc.conftest import ANN, DOMAIN, ManualClock, World, eventually
from tests.edge.rpc.rooms import ann_says, bodies, guest
from tests.redis import SERVER, PrivateRedis, redis_server

pytestmark = pytest.mark.skipif(SERVER is None, reason="no redis-server; `make test` installs it")

ASKED_EVERY = 0.5
"""Seconds between two questions to the store of who hears nothing, instead of two."""


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateRedis]:
    """The server between all of them."""
    with redis_server() as running:
        yield running


class Cluster:
    """Two web nodes, and a gateway's side, each with a bus of its own over one store."""

    def __init__(self, store: SqlStore, clock: ManualClock, urls: list[str]) -> None:
        self.buses = [RedisBus(url) for url in urls]
        sessions = MemorySessions()
        self.one = World(store, clock, self.buses[0], sessions)
        self.two = World(store, clock, self.buses[1], sessions)
        self.gateway = Talks(store, self.buses[2], clock, message_chars=4000)
        self.store = store
        self.way: Proxy
        """The first node's to the server."""

    async def start(self) -> None:
        for bus in self.buses:
            await bus.start()
        await eventually(lambda: all(bus.up for bus in self.buses))
        await self.one.start()
        await self.two.start()
        self.two.note_statements()

    async def stop(self) -> None:
        for world in (self.one, self.two):
            await world.stop()
        for bus in self.buses:
            await bus.close()

    async def answers(self, visitor: str, body: str) -> None:
        """An operator writes."""
        await self.gateway.answer(ANN, visitor, DOMAIN, body, None, None)

    async def cut(self) -> None:
        """The first node hears and tells nothing from now on."""
        self.way.black_hole()
        await eventually(lambda: not self.buses[0].up)

    async def mend(self) -> None:
        """It does again."""
        self.way.black_hole(False)
        self.way.cut()
        await eventually(lambda: self.buses[0].up)

    async def talk(self, world: World) -> tuple[WebSocket, str, str]:
        """A visitor has spoken and was answered: the socket, the visitor, the token."""
        socket, hello = await world.visitor()
        visitor = hello["visitor"]["id"]
        said = await socket.answer("say", id="m1", body="Hello?")
        await self.answers(visitor, "Good day")
        assert [(await socket.message())["seq"] for _ in range(2)] == [1, 2]
        return socket, visitor, said["token"]


@pytest.fixture
async def cluster(
    server: PrivateRedis, store: SqlStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cluster]:
    """All of it, with a proxy between the first node and the server."""
    monkeypatch.setattr("switchboard.bus.missed.FALLBACK_SECONDS", ASKED_EVERY)
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(proxy(server.port))
        here = f"redis://127.0.0.1:{way.port}/0"
        cluster = Cluster(store, clock, [here, server.url, server.url])
        cluster.way = way
        stack.push_async_callback(cluster.stop)
        await cluster.start()
        yield cluster


async def test_hints_cross(cluster: Cluster) -> None:
    """What the gateway commits comes to a node of another process, without any read."""
    socket, visitor, _ = await cluster.talk(cluster.one)
    cluster.two.forget_statements()
    await cluster.answers(visitor, "And?")
    assert (await socket.message())["body"] == "And?"
    assert not [one for one in cluster.two.statements if "messages.seq > " in one]


async def test_a_node_that_is_cut_off_asks_the_store(cluster: Cluster) -> None:
    """Lines, receipts and the state of the talk come within some seconds; then as before."""
    socket, visitor, _ = await cluster.talk(cluster.one)
    await cluster.cut()
    await cluster.answers(visitor, "Are you there?")
    assert (await socket.message())["body"] == "Are you there?"
    cluster.gateway.seen(visitor, DOMAIN, operator_sender(ANN), Cursor(1, 1))
    receipt = await socket.event()
    assert receipt["data"] == {"to": "desk", "seq": 1, "state": "read"}
    await cluster.gateway.change(visitor, DOMAIN, HandedBack())
    await eventually_quiet(socket, lambda: socket.talks[-1]["data"] == {"state": "waiting"})
    await cluster.mend()
    await cluster.answers(visitor, "Now?")
    assert (await socket.message())["body"] == "Now?"


async def test_a_short_break(cluster: Cluster) -> None:
    """What was said in a break too short to be noticed by a clock is there when it is over."""
    socket, visitor, _ = await cluster.talk(cluster.one)
    cluster.way.black_hole()
    await cluster.answers(visitor, "One")
    await cluster.answers(visitor, "Two")
    await cluster.gateway.change(visitor, DOMAIN, Ended())
    await cluster.mend()
    assert [(await socket.message())["body"] for _ in range(2)] == ["One", "Two"]
    await eventually_quiet(socket, lambda: socket.talks[-1]["data"] == {"state": "quiet"})


async def test_an_operator_writes_first_meanwhile(cluster: Cluster) -> None:
    """A visitor who never spoke is asked for as well, and is one who has spoken from then on."""
    socket, hello = await cluster.one.visitor()
    visitor = hello["visitor"]["id"]
    await cluster.cut()
    await cluster.answers(visitor, "May I help?")
    assert (await socket.message())["body"] == "May I help?"
    assert cluster.one.visit(visitor).spoken
    await cluster.mend()


async def test_a_page_that_polls_asks_when_it_comes(cluster: Cluster) -> None:
    """Nobody waits while the hint is lost; the next poll has the line, spoken or not."""
    http = cluster.one.http()
    hello = await http.call("hello", site="acme")
    token, cursor, visitor = hello["token"], hello["cursor"], hello["visitor"]["id"]
    await http.call("poll", token=token, cursor=cursor)
    await cluster.cut()
    await cluster.answers(visitor, "May I help?")
    await asyncio.sleep(2.5 * ASKED_EVERY)
    polled = await http.call("poll", token=token, cursor=cursor)
    assert [one["data"]["message"]["body"] for one in polled["events"]] == ["May I help?"]
    await cluster.mend()
    await cluster.answers(visitor, "Hello?")
    polled = await http.call("poll", token=token, cursor=polled["cursor"], wait=5)
    assert [one["data"]["message"]["body"] for one in polled["events"]] == ["Hello?"]


async def test_a_node_that_was_cut_off_tells_what_it_stored(cluster: Cluster) -> None:
    """The visitor wrote on one node while it was cut off, and reads on another."""
    socket, _, token = await cluster.talk(cluster.one)
    other = await cluster.two.socket()
    await other.call("resume", token=token, cursor=socket.cursor)
    await cluster.cut()
    await socket.call("say", id="m2", body="Still here")
    assert (await socket.message())["body"] == "Still here"
    assert await other.quiet() == []
    await cluster.mend()
    assert (await other.message())["body"] == "Still here"


async def test_details_that_an_operator_changed_meanwhile(cluster: Cluster) -> None:
    """The node takes them from the store, once they can't be older than its own."""
    _, visitor, _ = await cluster.talk(cluster.one)
    await cluster.cut()
    details = Details(name="Zoe", tags=("vip",))
    await cluster.gateway.describe(visitor, "acme", DOMAIN, details)
    await eventually(lambda: cluster.one.visit(visitor).details == details, 8)
    await cluster.mend()


async def test_the_store_is_away_too(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A sweep that fails is made again."""
    socket, visitor, _ = await cluster.talk(cluster.one)
    whole = cluster.store.standings
    failed = 0

    async def away(conversations: Any) -> Any:
        nonlocal failed
        failed += 1
        raise RetryLater("unavailable", "on purpose", 1)

    monkeypatch.setattr(cluster.store, "standings", away)
    cluster.way.black_hole()
    await cluster.answers(visitor, "Anybody?")
    await cluster.mend()
    await eventually(lambda: failed > 1)
    monkeypatch.setattr(cluster.store, "standings", whole)
    assert (await socket.message())["body"] == "Anybody?"


async def test_coming_back_to_another_node_costs_no_sql(cluster: Cluster) -> None:
    """A visitor who talked just now: missed lines, receipts and the talk's state by the bus."""
    socket, visitor, token = await cluster.talk(cluster.one)
    cursor = socket.cursor
    socket.close()
    await eventually(lambda: not cluster.one.edge.sockets)
    await cluster.answers(visitor, "Are you gone?")
    cluster.gateway.seen(visitor, DOMAIN, operator_sender(ANN), Cursor(1, 0))
    await cluster.gateway.change(visitor, DOMAIN, HandedBack())
    await cluster.store.flush()
    cluster.two.forget_statements()
    again = await cluster.two.socket()
    found = await again.call("resume", token=token, cursor=cursor)
    assert found["talk"] == {"state": "waiting"}
    assert (await again.message())["body"] == "Are you gone?"
    assert (await again.event())["data"] == {"to": "desk", "seq": 1, "state": "delivered"}
    assert cluster.two.statements == []
    again.close()
    source = await cluster.two.stream(token, again.cursor)
    polled = await cluster.two.http().call("poll", token=token, cursor=again.cursor)
    assert [one["type"] for one in polled["events"]] == ["desk"]
    source.close()
    assert not [one for one in cluster.two.statements if one.startswith("SELECT")]


async def test_a_page_loaded_after_that_has_all_receipts(cluster: Cluster) -> None:
    """The bus knows of the last receipts only: `hello` asks the store for all."""
    socket, visitor, token = await cluster.talk(cluster.one)
    cluster.gateway.seen(visitor, DOMAIN, operator_sender(ANN), Cursor(1, 1))
    assert (await socket.event())["type"] == "receipt"
    for number in range(70):
        await cluster.answers(visitor, f"{number}")
        await socket.message()
    socket.close()
    again = await cluster.two.socket()
    await again.call("resume", token=token, cursor=socket.cursor)
    page = await cluster.two.socket()
    await page.call("hello", site="acme", token=token)
    assert (await page.event())["data"] == {"to": "desk", "seq": 1, "state": "read"}


async def test_a_row_that_nobody_told(cluster: Cluster) -> None:
    """Who stored it was killed: it comes with the next hint, and nothing is skipped."""
    socket, visitor, token = await cluster.talk(cluster.one)
    socket.close()
    await cluster.store.append(silent(visitor, "Never told"))
    again = await cluster.two.socket()
    await again.call("resume", token=token, cursor=socket.cursor)
    assert await again.quiet() == []
    cluster.gateway.look(visitor, 3)
    assert (await again.message())["body"] == "Never told"

    await cluster.store.append(silent(visitor, "Nor this"))
    await cluster.answers(visitor, "But this")
    assert [(await again.message())["body"] for _ in range(2)] == ["Nor this", "But this"]
    third = await cluster.one.socket()
    await third.call("resume", token=token, cursor=socket.cursor)
    bodies = [(await third.message())["body"] for _ in range(3)]
    assert bodies == ["Never told", "Nor this", "But this"]


async def test_a_change_that_is_heard_before_the_line_before_it(cluster: Cluster) -> None:
    """Two processes tell: whatever comes first, readers have the line, and the talk as it is."""
    socket, visitor, _ = await cluster.talk(cluster.one)
    line = await cluster.store.append(silent(visitor, "Bye"))
    turned = await cluster.store.change_talk(visitor, Ended(), 1_800_000_000_000)
    topic, bus = conversation_topic(visitor), cluster.buses[2]
    bus.publish(topic, StateChanged(visitor, turned.state, turned.seq))
    assert (await socket.message())["body"] == "Bye"
    bus.publish(topic, Committed(line.message, line.state, "acme"))
    await asyncio.sleep(0.1)
    assert await socket.quiet() == []
    assert socket.talks[-1]["data"] == {"state": "quiet"}
    await cluster.answers(visitor, "Ah, and")
    assert (await socket.message())["body"] == "Ah, and"
    bus.publish(topic, StateChanged(visitor, turned.state, turned.seq))
    await asyncio.sleep(0.1)
    assert await socket.quiet() == []
    assert socket.talks[-1]["data"] == {"state": "taken", "name": "Ann"}


async def test_a_line_retracted_meanwhile_is_not_shown(cluster: Cluster) -> None:
    """The list has it as it was said; who comes back gets it as it stands."""
    socket, visitor, token = await cluster.talk(cluster.one)
    cursor = socket.cursor
    socket.close()
    await cluster.answers(visitor, "The code is 1234")
    await cluster.gateway.amend(operator_sender(ANN), visitor, "acme", DOMAIN, Act.RETRACT, 3)
    again = await cluster.two.socket()
    await again.call("resume", token=token, cursor=cursor)
    message = await again.message()
    assert (message["seq"], message["body"], message["retracted"]) == (3, "", True)


async def test_a_cursor_of_another_log(cluster: Cluster) -> None:
    """A place whose line was another one is not believed by the list either."""
    socket, visitor, token = await cluster.talk(cluster.one)
    socket.close()
    place = cluster.one.edge._services.cursors.read(visitor, socket.cursor)
    assert place is not None
    desk = place.places["desk"]
    wrong = type(desk)(desk.seq, desk.delivered, desk.read, desk.mark ^ 1)
    cursors = cluster.two.edge._services.cursors
    text = cursors.text(visitor, type(place)(place.tag, {"desk": wrong}))
    again = await cluster.two.socket()
    await again.call("resume", token=token, cursor=text)
    assert (await again.event())["type"] == "reset"


def silent(visitor: str, body: str) -> Draft:
    """An operator's line as its gateway commits it, of which nothing is told."""
    return Draft(
        conversation=visitor,
        site="acme",
        domain=DOMAIN,
        sender=operator_sender(ANN),
        client_id=body,
        body=body,
        at=1_800_000_000_000,
        event=OperatorWrote(ANN.id),
    )


async def eventually_quiet(socket: WebSocket, condition: Any) -> None:
    """Reads from the socket until the condition holds, at most some seconds."""
    deadline = asyncio.get_running_loop().time() + 15
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        assert await socket.quiet() == []
        await asyncio.sleep(0.1)


async def test_a_room_on_two_nodes(cluster: Cluster) -> None:
    """Guests of two nodes talk with each other, in one order for all."""
    zoe, _ = await guest(cluster.one, "Zoe")
    max_, _ = await guest(cluster.two, "Max")
    await zoe.call("say", id="m1", body="Hello", to="lobby")
    assert await bodies(max_, 1) == ["Hello"]
    await max_.call("say", id="m1", body="Hi", to="lobby")
    assert await bodies(zoe, 2) == ["Hello", "Hi"]
    assert await bodies(max_, 1) == ["Hi"]


async def test_a_room_meanwhile(cluster: Cluster) -> None:
    """What is said in a room while its node is cut off comes within some seconds; then as ever."""
    zoe, _ = await guest(cluster.one, "Zoe")
    max_, _ = await guest(cluster.two, "Max")
    await cluster.cut()
    for body in ("One", "Two"):
        await ann_says(cluster.two, body)
    assert await bodies(max_, 2) == await bodies(zoe, 2) == ["One", "Two"]
    await cluster.mend()
    await ann_says(cluster.two, "Three")
    assert await bodies(zoe, 1) == ["Three"]
