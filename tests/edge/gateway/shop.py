"""A real gateway, down to the store, whose Jabber server and operators are ours."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree as ET

from slixmpp.componentxmpp import ComponentXMPP

from gateway import namespaces as ns
from gateway.component import LinkState
from gateway.gateway import Gateway, JabberSettings
from gateway.jids import visitor_full
from gateway.outbound import NOTICE
from gateway.upkeep import TICK
from gateway.xml import Xml, element, text
from switchboard import events
from switchboard.attendance import Attendance
from switchboard.leases import LeaseForEver
from switchboard.model import Details, Operator, Page, Visit
from switchboard.ports import Bus
from switchboard.reception import Directory, Rooms, Talks
from switchboard.rooms import Seated
from switchboard.sessions.memory import MemorySessions
from switchboard.site import RoutingSettings, Site, SiteSettings
from switchboard.store import SqlStore
from tests.e2e.support.wait import eventually

DOMAIN = "chat.example.org"
ADMIN = "boss@example.org"
SETTINGS = JabberSettings("127.0.0.1", 1, (DOMAIN,), "secret", 15.0, "test", admins=(ADMIN,))
_MESSAGE = f"{{{ns.COMPONENT}}}message"


class HandClock:
    """Time that the test moves."""

    seconds = 1_000_000.0

    def now(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Shop:
    """A site with the operators ann, bob and cyd, whose server grants rosters; and its visitors."""

    def __init__(self, store: SqlStore, clock: HandClock, bus: Bus) -> None:
        self.store = store
        self.clock = clock
        self.bus = bus
        self.directory = Directory(store)
        self.talks = Talks(store, self.bus, clock, 4000)
        self.rooms = Rooms(store, self.bus, clock, self.directory, DOMAIN, 4000)
        self.sent: list[ET.Element] = []
        self.gone: set[str] = set()
        """Full JIDs for which the server answers that nobody is there."""
        self._attendance = Attendance(self.bus, MemorySessions(), clock, "node", 1, 15.0)
        self._number = 0
        self.lease = LeaseForEver(DOMAIN)
        self.gateway: Gateway

    async def open(self, routing: RoutingSettings) -> None:
        """The gateway is linked, and nobody is signed in."""
        settings = SiteSettings("Shop", ("https://shop.example",), "s", routing=routing)
        await self.store.save_site(Site("shop", settings))
        for name in ("ann", "bob", "cyd"):
            address = f"{name}@example.org"
            await self.store.save_operator(Operator(f"o-{name}", "shop", address, name.title()))
        await self.directory.refresh()
        await self._begin()
        self._links()

    async def _begin(self) -> None:
        gateway = self.gateway = Gateway(
            DOMAIN,
            SETTINGS,
            self.store,
            self.directory,
            self.talks,
            self.rooms,
            self.bus,
            self.clock,
            True,
            self.lease,
        )
        await gateway._held.load()
        await gateway._buddies.load()
        assert gateway._rooms is not None
        await gateway._rooms.start()
        self._deafen = self.bus.subscribe(events.domain_topic(DOMAIN), gateway._heard)
        stream = SimpleNamespace(
            transport=SimpleNamespace(get_write_buffer_size=lambda: 0), send_raw=self._routed
        )
        gateway.link._component = cast("ComponentXMPP", stream)  # type: ignore[assignment]

    def _links(self) -> None:
        self.gateway.link.state = LinkState.UP
        self.gateway.link_up()
        granted = {"roster": "both", "presence": "managed_entity"}
        perms = [element("perm", {"access": one, "type": kind}) for one, kind in granted.items()]
        privilege = element("privilege", {"xmlns": ns.PRIVILEGES[0]}, *perms)
        self._hears(f'<message from="example.org" to="{DOMAIN}">{privilege}</message>')

    async def relinks(self) -> None:
        """The link breaks and is back; nobody's presence is known."""
        self.gateway.link.state = LinkState.LOST
        self.gateway.link_down()
        self._links()
        await self.settled()

    async def dies(self) -> None:
        """The gateway's process ends without a word."""
        await self.settled()
        self.gateway.link.state = LinkState.LOST
        self._deafen()
        for unsubscribe in self.gateway._unsubscribes:
            unsubscribe()

    async def comes_back(self) -> None:
        """Another process takes its place."""
        await self._begin()
        self._links()
        await self.settled()

    async def settled(self) -> None:
        """Waits until the gateway has done what it was told."""
        for _ in range(3):
            await asyncio.sleep(0)
            await self.gateway._lanes.settle()
        await eventually(lambda: not self.gateway.link._outgoing)

    # Operators

    async def signs_in(self, name: str) -> None:
        self._hears(f'<presence from="{name}@example.org/desk" to="{DOMAIN}"/>')
        await self.settled()

    async def signs_out(self, name: str) -> None:
        self._hears(f'<presence from="{name}@example.org/desk" to="{DOMAIN}" type="unavailable"/>')
        await self.settled()

    async def writes(
        self, name: str, visitor: str, body: str, *more: Xml, id: str | None = None
    ) -> str:
        """A message of an operator's, with further elements; its id."""
        self._number += 1
        id = id or f"w{self._number}"
        stanza = {
            "from": f"{name}@example.org/desk",
            "to": visitor_full(visitor, DOMAIN),
            "id": id,
        }
        words = [text("body", body)] if body else []
        self._hears(element("message", dict(stanza), *words, *more))
        await self.settled()
        return id

    async def hears(self, stanza: str) -> None:
        """The gateway gets a stanza."""
        self._hears(stanza)
        await self.settled()

    async def asks(self, name: str, to: str, kind: str, payload: str) -> ET.Element:
        """The answer to an iq of an operator's, or of a full JID's."""
        self._number += 1
        sender = name if "/" in name else f"{name}@example.org/desk"
        head = f'type="{kind}" id="i{self._number}" from="{sender}" to="{to}"'
        self._hears(f"<iq {head}>{payload}</iq>")
        await self.settled()
        return next(one for one in reversed(self.sent) if one.get("id") == f"i{self._number}")

    def got(self, name: str) -> list[str]:
        """The visitors' lines that an operator was sent."""
        return [body for body in self._bodies(name) if not body.startswith(NOTICE)]

    def told(self, name: str) -> list[str]:
        """What the desk itself said to an operator."""
        return [body for body in self._bodies(name) if body.startswith(NOTICE)]

    def _bodies(self, name: str) -> list[str]:
        bodies = [
            one.findtext(f"{{{ns.COMPONENT}}}body")
            for one in self.sent
            if one.tag == _MESSAGE and one.get("to") == f"{name}@example.org/desk"
        ]
        return [body for body in bodies if body]

    # Visitors and time

    def sits(self, visitor: str, *seats: Seated, name: str = "") -> None:
        """A visitor is in these rooms now."""
        visit = Visit(visitor, "shop", DOMAIN, rooms=seats)
        if name:
            visit = visit.described(Details(name))
        self._attendance.update(visit, stream=1)

    def reads(self, visitor: str, title: str) -> None:
        page = Page(f"https://shop.example/{title}", title)
        self._attendance.update(Visit(visitor, "shop", DOMAIN, page), stream=1)

    async def says(self, visitor: str, body: str) -> None:
        self._number += 1
        await self.talks.say(Visit(visitor, "shop", DOMAIN), f"c{self._number}", body)
        await self.settled()

    async def passes(self, seconds: float) -> None:
        for _ in range(int(seconds / TICK)):
            self.clock.seconds += TICK
            self.gateway._delivery.tick()
            await self.settled()

    async def lists_are_right(self) -> None:
        """Contact lists are as they should be."""
        await asyncio.sleep(0)  # the bus delivers
        await self.gateway._buddies.reconcile()
        await eventually(lambda: not self.gateway.link._outgoing)

    # The server

    def _routed(self, data: str) -> None:
        for stanza in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{data}</all>'):
            self.sent.append(stanza)
            if stanza.tag.endswith("iq") and stanza.get("type") in ("get", "set"):
                kind = "error" if stanza.get("to") in self.gone else "result"
                head = f'type="{kind}" id="{stanza.get("id")}" from="{stanza.get("to")}"'
                self._hears(f'<iq {head} to="{stanza.get("from")}"/>')

    def _hears(self, stanza: str) -> None:
        self.gateway.stanza(ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{stanza}</all>')[0])
