"""A domain that may be another's: what comes in is taken, and nothing goes out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway import namespaces as ns
from gateway.component import LinkState
from gateway.edge import JabberEdge
from gateway.xml import element
from switchboard import events
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.leases import Candidate, LeaseForEver
from switchboard.model import DeskState
from switchboard.reception import Directory, Rooms, Talks
from switchboard.store import open_store
from tests.e2e.support.wait import eventually
from tests.edge.gateway.shop import DOMAIN, SETTINGS, Shop
from tests.memory_leases import MemoryLeases
from tests.sqlite import empty_store

ASKS_RECEIPT = element("request", {"xmlns": ns.RECEIPTS})


@pytest.fixture
async def talk(shop: Shop, visitor: str) -> str:
    """A visitor to whom ann has answered, and who is there."""
    await shop.signs_in("ann")
    shop.reads(visitor, "prices")
    await shop.says(visitor, "hello")
    await shop.writes("ann", visitor, "good day")
    return visitor


class TestWithheld:
    """As long as the lease is not held."""

    async def test_lines_are_stored_and_not_answered(self, shop: Shop, talk: str) -> None:
        """No receipt, no notice, no error; the line itself is in the log."""
        shop.lease.held = False
        shop.sent.clear()
        await shop.writes("ann", talk, "found in the socket", ASKS_RECEIPT)
        await shop.writes("ann", talk, "!nonsense")
        await shop.writes("nobody", talk, "refused")
        await shop.passes(5.0)
        lines = await shop.talks.history(talk, None, 10)
        assert [line.body for line in lines] == ["hello", "good day", "found in the socket"]
        assert shop.sent == []

    async def test_nothing_else_is_answered(self, shop: Shop, talk: str) -> None:
        """No probe, no subscription, no question; nobody's going is told."""
        shop.lease.held = False
        shop.sent.clear()
        sender = 'from="ann@example.org/desk"'
        for stanza in (
            f'<presence {sender} to="{talk}@{DOMAIN}" type="probe"/>',
            f'<presence {sender} to="{talk}@{DOMAIN}" type="subscribe"/>',
            f'<iq {sender} to="{talk}@{DOMAIN}" type="get" id="p"><ping xmlns="{ns.PING}"/></iq>',
            f'<iq {sender} to="{DOMAIN}" type="get" id="d"><query xmlns="{ns.DISCO_INFO}"/></iq>',
        ):
            await shop.hears(stanza)
        shop.gateway.visitor_left(talk)
        await shop.passes(5.0)
        assert shop.sent == []

    async def test_no_desk_is_announced(self, shop: Shop, talk: str) -> None:
        """Neither with the state it has nor as offline when the link goes."""
        heard: list[Any] = []
        shop.bus.subscribe(events.desk_topic("shop"), heard.append)
        shop.lease.held = False
        shop.clock.seconds += 60
        shop.gateway._desks.announce()
        shop.gateway.link_down()
        await asyncio.sleep(0)
        assert heard == []

    async def test_what_was_in_hand_is_dropped(self, shop: Shop, talk: str) -> None:
        """What was to go with this turn of the loop is not sent any more."""
        shop.sent.clear()
        shop.gateway.link.send(element("presence", {"to": "ann@example.org"}))
        shop.lease.held = False
        await shop.settled()
        assert shop.sent == []


class TestResumed:
    """It is ours all the same."""

    async def test_what_was_not_sent_is_sent(self, shop: Shop, talk: str) -> None:
        """Once, with the word that the connection was interrupted."""
        shop.lease.held = False
        await shop.says(talk, "while it was not sure")
        await shop.passes(30.0)
        assert shop.got("ann") == ["hello"]
        shop.lease.held = True
        shop.gateway.resumed()
        await shop.passes(5.0)
        assert shop.got("ann").count("while it was not sure") == 1
        assert "Your last line that was stored: “good day”" in shop.told("ann")[-1]

    async def test_the_desk_is_told_again(self, shop: Shop, talk: str) -> None:
        """To visitors at once, with who is there still known."""
        heard: list[Any] = []
        shop.bus.subscribe(events.desk_topic("shop"), heard.append)
        shop.lease.held = False
        shop.lease.held = True
        shop.gateway.resumed()
        await asyncio.sleep(0)
        desks = [one.state for one in heard if isinstance(one, events.Desk)]
        assert desks == [DeskState.ONLINE]


async def test_who_takes_over_calls_no_desk_offline_at_once(shop: Shop) -> None:
    """Those who are there are told to it first; after a few seconds it is true."""
    heard: list[Any] = []
    shop.bus.subscribe(events.desk_topic("shop"), heard.append)
    shop.gateway._desks.taken_over()
    for _ in range(5):
        shop.gateway._desks.announce()
        await asyncio.sleep(0)
        shop.clock.seconds += 1
    assert [one.state for one in heard if isinstance(one, events.Desk)] == [DeskState.OFFLINE]


async def test_a_standby_serves_once_it_is_its_turn(tmp_path: Path) -> None:
    """Nothing is built before; both say whose the domain is; what is dropped listens no more."""
    clock, bus, table = SystemClock(), MemoryBus(), MemoryLeases()
    (tmp_path / "log.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=clock)
    directory = Directory(store)
    talks = Talks(store, bus, clock, 4000)
    rooms = Rooms(store, bus, clock, directory, DOMAIN, 4000)
    one, two = (
        JabberEdge(
            SETTINGS, store, directory, talks, rooms, bus, clock, Candidate(n, table, clock).lease
        )
        for n in ("one", "two")
    )
    await one.start()
    await two.start()
    assert len(one.gateways) == 1
    assert two.gateways == []
    assert two.health() == {DOMAIN: (LinkState.STANDBY, "one serves it, epoch 1")}
    assert one.owners() == two.owners() == {DOMAIN: ("one", 1)}
    await one.stop()
    assert one.gateways == []
    await eventually(lambda: bool(two.gateways), what="the other serves")
    assert two.owners() == {DOMAIN: ("two", 2)}
    await two.stop()
    assert directory._listeners == []
    assert bus._topics == {}
    await store.close()


async def test_one_process_owns_its_domains(tmp_path: Path) -> None:
    """It serves them when it has started, and says nothing of owners."""
    clock, bus = SystemClock(), MemoryBus()
    (tmp_path / "log.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=clock)
    talks = Talks(store, bus, clock, 4000)
    directory = Directory(store)
    rooms = Rooms(store, bus, clock, directory, DOMAIN, 4000)
    edge = JabberEdge(SETTINGS, store, directory, talks, rooms, bus, clock, LeaseForEver)
    await edge.start()
    assert [gateway.domain for gateway in edge.gateways] == [DOMAIN]
    assert edge.owners() == {}
    await edge.stop()
    await store.close()
