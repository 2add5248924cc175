"""What an operator's client is told of visitors who read on: a real gateway, a server of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree as ET

import pytest
from slixmpp.componentxmpp import ComponentXMPP

from gateway import namespaces as ns
from gateway.buddies.list import STATUS_EVERY
from gateway.component import LinkState
from gateway.edge import Gateway, JabberSettings
from switchboard import events
from switchboard.bus.memory import MemoryBus
from switchboard.census import Attendance
from switchboard.model import Operator, Page, Site, SiteSettings, Visit, new_visitor_id
from switchboard.reception import Directory, Talks
from switchboard.sessions.memory import MemorySessions
from switchboard.store import open_store
from switchboard.store.migrate import upgrade
from tests.e2e.support.wait import eventually

DOMAIN = "chat.example.org"
ANN = "ann@example.org/desk"
SETTINGS = JabberSettings("127.0.0.1", 1, (DOMAIN,), "secret", 15.0, "test")


class HandClock:
    """Time that the test moves."""

    seconds = 1_000_000.0

    def now(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Shop:
    """A gateway whose server grants rosters, with the operator Ann signed in; and the visitors."""

    def __init__(self, gateway: Gateway, bus: MemoryBus, clock: HandClock) -> None:
        self.gateway = gateway
        self.clock = clock
        self.presences: list[ET.Element] = []
        self._attendance = Attendance(bus, MemorySessions(), clock, "node", 1, 15.0)
        stream = SimpleNamespace(
            transport=SimpleNamespace(get_write_buffer_size=lambda: 0), send_raw=self._sent
        )
        gateway.link._component = cast("ComponentXMPP", stream)  # type: ignore[assignment]
        gateway.link.state = LinkState.UP
        gateway.link_up()
        roster = (
            '<perm access="roster" type="both"/><perm access="presence" type="managed_entity"/>'
        )
        self._says(f'<privilege xmlns="{ns.PRIVILEGES[-1]}">{roster}</privilege>')
        self._hears(f'<presence from="{ANN}" to="{DOMAIN}"/>')

    def reads(self, visitor: str, title: str) -> None:
        page = Page(f"https://shop.example/{title}", title)
        self._attendance.update(Visit(visitor, "shop", DOMAIN, page), stream=1)

    async def brought_up_to_date(self) -> None:
        await asyncio.sleep(0)  # the bus delivers
        await self.gateway._buddies.reconcile()
        await eventually(lambda: not self.gateway.link._outgoing, 1.0)

    def statuses(self, visitor: str) -> list[str]:
        """What Ann's client was told of a visitor, in order."""
        own = [one for one in self.presences if one.get("from", "").startswith(visitor)]
        return [one.findtext(f"{{{ns.COMPONENT}}}status") or "" for one in own]

    def _sent(self, data: str) -> None:
        for stanza in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{data}</all>'):
            if stanza.tag.endswith("presence"):
                self.presences.append(stanza)
            elif stanza.tag.endswith("iq"):
                head = f'type="result" id="{stanza.get("id")}" from="{stanza.get("to")}"'
                self._hears(f'<iq {head} to="{DOMAIN}"/>')

    def _says(self, child: str) -> None:
        self._hears(f'<message from="example.org" to="{DOMAIN}">{child}</message>')

    def _hears(self, stanza: str) -> None:
        self.gateway.stanza(ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{stanza}</all>')[0])


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    clock, bus = HandClock(), MemoryBus()
    store = await open_store(f"sqlite:///{tmp_path}/log.db", clock=clock)
    upgrade(store.engine)
    await store.save_site(Site("shop", SiteSettings("Shop", ("https://shop.example",), "s")))
    await store.save_operator(Operator("o-ann", "shop", "ann@example.org", "Ann"))
    directory = Directory(store)
    await directory.refresh()
    talks = Talks(store, bus, clock, 4000)
    gateway = Gateway(DOMAIN, SETTINGS, store, directory, talks, bus, clock, True)
    await gateway._buddies.load(gateway._census)
    bus.subscribe(events.domain_topic(DOMAIN), gateway._heard)
    yield Shop(gateway, bus, clock)
    await gateway._lanes.settle()
    await store.close()


async def test_pages_in_quick_succession_are_one_status(shop: Shop) -> None:
    """The first at once, then at most one in STATUS_EVERY, and the last is always told."""
    visitor = new_visitor_id()
    for second in range(12):
        shop.reads(visitor, f"page {second}")
        await shop.brought_up_to_date()
        shop.clock.seconds += 1
    shop.clock.seconds += STATUS_EVERY
    await shop.brought_up_to_date()
    told = [status.partition(" · ")[0] for status in shop.statuses(visitor)]
    assert told == ["page 0", "page 5", "page 10", "page 11"]


async def test_a_thousand_visitors_reach_the_cap_and_no_further(shop: Shop) -> None:
    """One page a second in all: 50 buddies, each told at most once in STATUS_EVERY."""
    visitors = [new_visitor_id() for _ in range(1000)]
    for visitor in visitors:
        shop.reads(visitor, "first")
    await shop.brought_up_to_date()
    shown = {visitor for visitor in visitors if shop.statuses(visitor)}
    assert len(shown) == 50
    for second in range(60):
        shop.clock.seconds += 1
        shop.reads(visitors[(second * 7) % 1000], f"page {second}")
        await shop.brought_up_to_date()
    for visitor in visitors:
        assert len(shop.statuses(visitor)) <= 1 + 60 / STATUS_EVERY
