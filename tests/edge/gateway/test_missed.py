"""A gateway whose bus is cut: what it finds in the store, and what it is told when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway import namespaces as ns
from gateway.xml import element
from switchboard import events
from switchboard.bus.redis import RedisBus
from switchboard.conversation import Ended, VisitorWrote
from switchboard.model import Act, Cursor, Visit
from switchboard.ports import Draft
from switchboard.reception import Talks
from switchboard.reception.talks import visitor_sender
from switchboard.site import RoutingSettings
from switchboard.store import open_store
from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.wait import eventually
from tests.edge.gateway.shop import DOMAIN, HandClock, Shop
from tests.redis import SERVER, PrivateRedis, redis_server
from tests.sqlite import empty_store

pytestmark = pytest.mark.skipif(SERVER is None, reason="no redis-server; `make test` installs it")


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateRedis]:
    """The server between both sides."""
    with redis_server() as running:
        yield running


class Sides:
    """The shop, and a web node's side of the reception, each with a bus of its own."""

    def __init__(self, shop: Shop, web: Talks, way: Proxy) -> None:
        self.shop = shop
        self.web = web
        self.way = way
        """The gateway's to the server."""

    async def cut(self) -> None:
        self.way.black_hole()
        await eventually(lambda: not self.shop.bus.up)

    async def mend(self) -> None:
        self.way.black_hole(False)
        self.way.cut()
        await eventually(lambda: self.shop.bus.up)

    async def got(self, *lines: str, within: float = 15.0) -> None:
        """Waits until ann has been sent exactly these."""
        await eventually(lambda: self.shop.got("ann") == list(lines), within, str(lines))


@pytest.fixture
async def sides(
    server: PrivateRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sides]:
    """Ann is signed in."""
    monkeypatch.setattr("switchboard.bus.missed.FALLBACK_SECONDS", 0.5)
    clock = HandClock()
    (tmp_path / "log.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=clock, gather=0, flush=0.05)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        way = await stack.enter_async_context(proxy(server.port))
        buses = [RedisBus(f"redis://127.0.0.1:{port}/0") for port in (way.port, server.port)]
        for bus in buses:
            stack.push_async_callback(bus.close)
            await bus.start()
        shop = Shop(store, clock, buses[0])
        await shop.open(RoutingSettings())
        gateway = shop.gateway
        stack.push_async_callback(gateway._lanes.settle)
        shop.bus.on_missed(gateway._missed)
        watching = asyncio.create_task(gateway._upkeep.catch_up())
        stack.callback(watching.cancel)
        await eventually(lambda: all(bus.up for bus in buses))
        await shop.bus.listening(events.domain_topic(DOMAIN))
        await shop.signs_in("ann")
        yield Sides(shop, Talks(store, buses[1], clock, 4000), way)


def acknowledged(shop: Shop) -> list[str | None]:
    """The ids of the operators' stanzas for which they got a receipt."""
    found = (one.find(f"{{{ns.RECEIPTS}}}received") for one in shop.sent)
    return [one.get("id") for one in found if one is not None]


async def test_what_visitors_say_while_it_is_deaf(sides: Sides, visitor: str) -> None:
    """A talk that goes on and one that begins are found in the store; and live ones again."""
    visit, other = Visit(visitor, "shop", DOMAIN), Visit("v-" + "b" * 16, "shop", DOMAIN)
    await sides.web.say(visit, "c1", "one")
    await sides.got("one")
    await sides.cut()
    await sides.web.say(visit, "c2", "two")
    await sides.got("one", "two")
    await sides.web.say(other, "c1", "and I")
    await sides.got("one", "two", "and I")
    await sides.mend()
    await sides.web.say(other, "c2", "again")
    await sides.got("one", "two", "and I", "again")


async def test_a_break_that_nobody_waits_for(sides: Sides, visitor: str) -> None:
    """As soon as the bus is there again the store is read."""
    sides.way.black_hole()
    await sides.web.say(Visit(visitor, "shop", DOMAIN), "c1", "one")
    await sides.mend()
    await sides.got("one")


async def test_what_visitors_have_read_meanwhile(sides: Sides, visitor: str) -> None:
    """The operator gets the receipt that was asked for (XEP-0184), once it is known."""
    shop = sides.shop
    visit = Visit(visitor, "shop", DOMAIN)
    await sides.web.say(visit, "c1", "one")
    await sides.got("one")
    id = await shop.writes("ann", visitor, "two", element("request", {"xmlns": ns.RECEIPTS}))
    await sides.cut()
    assert acknowledged(shop) == []
    sides.web.seen(visitor, DOMAIN, visitor_sender(visit), Cursor(2, 0))
    await eventually(lambda: acknowledged(shop) == [id])
    await sides.mend()
    await asyncio.sleep(0.1)
    assert acknowledged(shop) == [id]


async def test_what_is_changed_in_a_talk_that_is_over(sides: Sides, visitor: str) -> None:
    """Its state and rows are asked for as well, as long as the talk is remembered."""
    shop = sides.shop
    visit = Visit(visitor, "shop", DOMAIN)
    await sides.web.say(visit, "c1", "one")
    await sides.got("one")
    shop.reads(visitor, "prices")
    await sides.cut()
    await sides.web.change(visitor, DOMAIN, Ended())
    talk = shop.gateway._held.get(visitor)
    assert talk is not None
    await eventually(lambda: not talk.open)
    sender = visitor_sender(visit)
    await sides.web.amend(sender, visitor, "shop", DOMAIN, Act.EDIT, 1, "won")
    await eventually(lambda: talk.head == 2)


async def test_who_was_cut_off_tells_how_far_the_log_reaches(sides: Sides, visitor: str) -> None:
    """A Look in the domain's topic is enough for a talk of which nothing is known."""
    shop = sides.shop
    await shop.store.append(silent(visitor, "one"))
    sides.web._bus.publish(events.domain_topic(DOMAIN), events.Look(visitor, 1))
    await sides.got("one", within=1)


async def test_a_line_whose_node_was_killed(sides: Sides, visitor: str) -> None:
    """It was stored and never told: the browser sends it again, by another node."""
    await sides.shop.store.append(silent(visitor, "one"))
    await sides.web.say(Visit(visitor, "shop", DOMAIN), "c1", "one")
    await sides.got("one", within=1)


async def test_a_change_that_is_heard_before_the_line_before_it(sides: Sides, visitor: str) -> None:
    """Two processes tell: whatever comes first, the talk is what the store says."""
    shop = sides.shop
    shop.reads(visitor, "prices")
    await sides.web.say(Visit(visitor, "shop", DOMAIN), "c1", "one")
    await sides.got("one")
    await shop.writes("ann", visitor, "two")
    line = await shop.store.append(silent(visitor, "three"))
    turned = await shop.store.change_talk(visitor, Ended(), shop.clock.now())
    topic = events.domain_topic(DOMAIN)
    shop.bus.publish(topic, events.StateChanged(visitor, turned.state, turned.seq))
    talk = shop.gateway._held.get(visitor)
    assert talk is not None
    await eventually(lambda: (talk.head, talk.open) == (3, False), 1)
    shop.bus.publish(topic, events.Committed(line.message, line.state, "shop"))
    again = await sides.web.say(Visit(visitor, "shop", DOMAIN), "c4", "four")
    await eventually(lambda: (talk.head, talk.open) == (4, True), 1)
    assert again.seq == 4
    shop.bus.publish(topic, events.StateChanged(visitor, turned.state, turned.seq))
    await shop.settled()
    assert talk.open


async def test_visitors_are_asked_for_again(sides: Sides) -> None:
    """Whoever came meanwhile is known as soon as the bus is there."""
    asked: list[events.Event] = []
    sides.web._bus.subscribe(events.CENSUS, asked.append)
    await sides.web._bus.listening(events.CENSUS)
    await sides.cut()
    await sides.mend()
    await eventually(lambda: any(isinstance(one, events.CensusAsked) for one in asked), 3)


def silent(visitor: str, body: str) -> Draft:
    """A visitor's line as its node commits it, of which nothing is told."""
    visit = Visit(visitor, "shop", DOMAIN)
    return Draft(
        conversation=visitor,
        site="shop",
        domain=DOMAIN,
        sender=visitor_sender(visit),
        client_id="c1" if body == "one" else body,
        body=body,
        at=1_800_000_000_000,
        event=VisitorWrote(),
    )
