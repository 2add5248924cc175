"""Two gateways and one domain: the owner is killed, frozen or ended, and the other one serves."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.outbound import NOTICE
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.model import Operator as Member
from switchboard.model import Page, Visit, new_operator_id, new_visitor_id
from switchboard.reception import Talks
from switchboard.site import Site, SiteSettings
from switchboard.store import SqlStore, migrate, open_store
from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.gateway_node import GatewayNode, Orders, ending
from tests.e2e.support.house import DESK, DOMAIN, SECRET, WRITING, House, api_of, jid
from tests.e2e.support.operator import Operator, Received
from tests.e2e.support.wait import eventually
from tests.mariadb import SERVER, PrivateMariadb, mariadb

pytestmark = pytest.mark.skipif(SERVER is None, reason="no MariaDB here; `make test` installs it")

on_both = pytest.mark.parametrize("server", WRITING, indirect=True)

WITHIN = 5.0
"""Seconds from the end of an owner to the first line that the next one brings."""
FAREWELL = len("</stream:stream>")
"""What closing a link sends."""


class Pair:
    """Two gateways, `one` is the owner; `link` stands between it and the Jabber server."""

    def __init__(self, house: House, store: SqlStore, url: str, visit: Visit, link: Proxy) -> None:
        self.store = store
        self.visit = visit
        self.link = link
        self.nodes: list[GatewayNode] = []
        self._house = house
        self._url = url
        self._talks = Talks(store, MemoryBus(), SystemClock(), 4000)
        self._said = 0

    async def begin(self) -> None:
        """The first owns the domain, the second waits for it."""
        await self._start("one", self.link.port)
        await self._start("two", self._house.server.component_port)
        await eventually(lambda: self.one.serves, 10.0, self.one.log)

    async def _start(self, name: str, port: int) -> None:
        api = api_of(self._house.server)
        orders = Orders(name, self._url, port, SECRET, DOMAIN, [self.visit], api)
        node = GatewayNode(self._house.folder, orders)
        self.nodes.append(node)
        await eventually(lambda: "ready" in node.log(), 20.0, node.log)

    @property
    def one(self) -> GatewayNode:
        return self.nodes[0]

    @property
    def two(self) -> GatewayNode:
        return self.nodes[1]

    async def says(self, body: str) -> None:
        """The visitor writes."""
        self._said += 1
        await self._talks.say(self.visit, f"c{self._said}", body)

    async def says_on(self, until: asyncio.Event) -> list[str]:
        """The visitor writes ten lines a second; what was written."""
        said: list[str] = []
        while not until.is_set():
            said.append(f"line {len(said)}")
            await self.says(said[-1])
            await asyncio.sleep(0.1)
        return said

    async def log(self) -> list[str]:
        """What a widget shows."""
        return [line.body for line in await self.store.read(self.visit.visitor, 0, 1000)]

    def heard(self, operator: Operator) -> list[Received]:
        """The visitor's lines, without what the desk says itself."""
        lines = operator.messages(jid(self.visit.visitor))
        return [one for one in lines if not (one.body or "").startswith(NOTICE)]


def flips(operator: Operator, since: int) -> list[str]:
    """What said since then that anybody of ours is not there."""
    return [
        one.text
        for one in operator.received[since:]
        if one.kind == "presence" and one.type == "unavailable" and DOMAIN in one.sender
    ]


@contextmanager
def stopped(database: PrivateMariadb) -> Iterator[None]:
    """It is frozen within the block."""
    database.send(signal.SIGSTOP)
    try:
        yield
    finally:
        database.send(signal.SIGCONT)


@pytest.fixture(scope="module")
def database() -> Iterator[PrivateMariadb]:
    """Where the stores are."""
    with mariadb() as running:
        yield running


@pytest.fixture
async def pair(house: House, database: PrivateMariadb, tmp_path: Path) -> AsyncIterator[Pair]:
    """Both run, over a site whose operators are ann and bob, with one visitor."""
    database.query("CREATE DATABASE parley")
    url = database.url("parley")
    store = await open_store(url, clock=SystemClock())
    await asyncio.to_thread(migrate.upgrade, store.engine)
    await store.save_site(Site("shop", SiteSettings("The shop", ("https://shop.example",), "s")))
    for name in ("ann", "bob"):
        address = house.address(name)
        await store.save_operator(Member(new_operator_id(), "shop", address, name.title()))
    page = Page("https://shop.example/prices", "Prices")
    visit = Visit(new_visitor_id(), "shop", DOMAIN, page)
    async with proxy(house.server.component_port) as link:
        made = Pair(house, store, url, visit, link)
        with ending(made.nodes):
            await made.begin()
            yield made
    await store.close()
    database.query("DROP DATABASE parley")


@pytest.fixture
async def ann(pair: Pair, house: House) -> Operator:
    """In a talk with the visitor, one line each."""
    operator = await house.login("ann")
    await house.appears(operator, pair.visit)
    await pair.says("one")
    await operator.wait_for_message("one")
    operator.send_message_to(jid(pair.visit.visitor), "answer one")
    await eventually(lambda: in_log(pair, "answer one"), 10.0, "the answer is stored")
    return operator


async def in_log(pair: Pair, body: str) -> bool:
    return body in await pair.log()


async def is_answered(pair: Pair, ann: Operator, body: str) -> None:
    """A line of the operator's reaches the log, once."""
    ann.send_message_to(jid(pair.visit.visitor), body)
    await eventually(lambda: in_log(pair, body), 10.0, f"{body!r} is stored")
    await asyncio.sleep(0.5)
    assert (await pair.log()).count(body) == 1


@on_both
async def test_a_crash(pair: Pair, ann: Operator) -> None:
    """Every line arrives in order; a repetition has the id it had; nobody flickers."""
    seen, over = len(ann.received), asyncio.Event()
    writing = asyncio.create_task(pair.says_on(over))
    await ann.wait_for_message("line 3")
    killed = time.monotonic()
    pair.one.kill()
    before = len(pair.heard(ann))
    await eventually(lambda: len(pair.heard(ann)) > before, WITHIN + 5.0, pair.two.log)
    took = pair.heard(ann)[before].at - killed
    print(f"served again after {took:.2f} s")
    assert took < WITHIN
    await asyncio.sleep(1.0)
    over.set()
    said = await writing
    await ann.wait_for_message(said[-1])
    heard = [one.body for one in pair.heard(ann)]
    assert list(dict.fromkeys(heard)) == ["one", *said]
    assert len({one.id for one in pair.heard(ann)}) == len(said) + 1
    assert flips(ann, seen) == []
    await is_answered(pair, ann, "answer two")
    assert await pair.log() == ["one", "answer one", *said, "answer two"]


@on_both
async def test_an_end_in_good_order(pair: Pair, ann: Operator) -> None:
    """The next one serves within a second or two, nothing is said twice, nobody flickers."""
    seen, over = len(ann.received), asyncio.Event()
    writing = asyncio.create_task(pair.says_on(over))
    await ann.wait_for_message("line 3")
    ended = time.monotonic()
    pair.one.send(signal.SIGTERM)
    assert await pair.one.ended(10.0) == 0, pair.one.log()
    await eventually(lambda: pair.two.serves, WITHIN, pair.two.log)
    print(f"linked again after {time.monotonic() - ended:.2f} s")
    await asyncio.sleep(1.0)
    over.set()
    said = await writing
    await ann.wait_for_message(said[-1])
    heard = [one.body for one in pair.heard(ann)]
    assert list(dict.fromkeys(heard)) == ["one", *said]
    print(f"{len(heard) - len(said) - 1} of {len(said)} lines came twice")
    assert flips(ann, seen) == []
    await is_answered(pair, ann, "answer two")


@pytest.mark.long
@on_both
async def test_the_last_one_leaves_nobody_behind(pair: Pair, ann: Operator) -> None:
    """Where nobody waits, visitors and desks are not there any more."""
    pair.two.send(signal.SIGTERM)
    assert await pair.two.ended(10.0) == 0
    await asyncio.sleep(1.5)
    pair.one.send(signal.SIGTERM)
    assert await pair.one.ended(10.0) == 0
    for contact in (jid(pair.visit.visitor), DESK):
        presence = ann.presence_of(contact)
        assert presence is not None
        assert presence.type == "unavailable"


@pytest.mark.parametrize("server", ["prosody"], indirect=True)
async def test_a_freeze(pair: Pair, ann: Operator) -> None:
    """A former owner that wakes stores what is in its socket, and says nothing to anybody."""
    seen, frozen = len(ann.received), time.monotonic()
    pair.one.send(signal.SIGSTOP)
    ann.send_message_to(jid(pair.visit.visitor), "into the frozen one")
    await pair.says("two")
    took = (await ann.wait_for_message("two")).at - frozen
    print(f"served again after {took:.2f} s")
    assert took < WITHIN
    await asyncio.sleep(frozen + 6.0 - time.monotonic())
    heard, sent = len(pair.heard(ann)), pair.link.up.octets
    pair.one.send(signal.SIGCONT)
    await eventually(lambda: in_log(pair, "into the frozen one"), 15.0, pair.one.log)
    await asyncio.sleep(3.0)
    assert pair.link.up.octets - sent <= FAREWELL
    assert len(pair.heard(ann)) == heard
    assert flips(ann, seen) == []
    assert f"{DOMAIN} is another's now" in pair.one.log()
    await is_answered(pair, ann, "answer two")
    said = ["one", "answer one", "two", "into the frozen one", "answer two"]
    assert await pair.log() == said
    pair.two.kill()
    await pair.says("three")
    await ann.wait_for_message("three")
    await is_answered(pair, ann, "answer three")


@pytest.mark.parametrize("server", ["ejabberd"], indirect=True)
@pytest.mark.parametrize(
    "ending", [signal.SIGKILL, pytest.param(signal.SIGCONT, marks=pytest.mark.long)]
)
async def test_a_freeze_where_both_are_linked(
    pair: Pair, ann: Operator, ending: signal.Signals
) -> None:
    """ejabberd gives part of all to the frozen one until that is ended or wakes, and not after."""
    seen = len(ann.received)
    pair.one.send(signal.SIGSTOP)
    await pair.says("two")
    await asyncio.sleep(10.0)
    sent = pair.link.up.octets
    pair.one.send(ending)
    await ann.wait_for_message("two")
    await asyncio.sleep(3.0)
    assert pair.link.up.octets - sent <= FAREWELL
    assert flips(ann, seen) == []
    for number in range(10):
        await is_answered(pair, ann, f"answer {number}")
    for number in range(10):
        await pair.says(f"line {number}")
        await ann.wait_for_message(f"line {number}")


@pytest.mark.long
@pytest.mark.parametrize("server", ["ejabberd"], indirect=True)
async def test_who_comes_after_a_freeze_is_seen(pair: Pair, ann: Operator, house: House) -> None:
    """Contact lists and presence are as before, though the server took its grants back."""
    pair.one.send(signal.SIGSTOP)
    await eventually(lambda: pair.two.serves, WITHIN, pair.two.log)
    await asyncio.sleep(5.0)
    pair.one.kill()
    await ann.logout()
    await pair.says("while nobody is there")
    bob = await house.login("bob")
    await house.appears(bob, pair.visit)
    await bob.wait_for_message("while nobody is there")
    await is_answered(pair, bob, "answer two")


@pytest.mark.long
@pytest.mark.parametrize("server", ["prosody"], indirect=True)
async def test_a_store_that_is_away(pair: Pair, ann: Operator, database: PrivateMariadb) -> None:
    """The owner stays the owner, on the link that it has, and goes on when the store is back."""
    seen, linked = len(ann.received), "linked with the Jabber server"
    with stopped(database):
        await asyncio.sleep(3.0)
        ann.send_message_to(jid(pair.visit.visitor), "while it was away")
        await asyncio.sleep(3.0)
    await eventually(lambda: in_log(pair, "while it was away"), 10.0, pair.one.log)
    await pair.says("two")
    await ann.wait_for_message("two")
    await is_answered(pair, ann, "answer two")
    assert pair.one.log().count(linked) == 1
    assert "sending again" in pair.one.log()
    assert not pair.two.serves
    assert flips(ann, seen) == []


@pytest.mark.long
@on_both
async def test_who_cannot_reach_the_server_leaves_it_to_another(pair: Pair, ann: Operator) -> None:
    """The store alone is not enough to own a domain."""
    seen = len(ann.received)
    await pair.link.stop()
    await pair.says("two")
    await ann.wait_for_message("two", timeout=20.0)
    assert pair.two.serves
    assert flips(ann, seen) == []
    await is_answered(pair, ann, "answer two")
    await pair.link.start()
