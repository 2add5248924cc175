"""The Jabber edge put together: one `Gateway` a domain that is ours, one `JabberEdge` a process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard import events
from switchboard.census import Census
from switchboard.lanes import Lanes
from switchboard.leases import Lease, LeaseForEver
from switchboard.model import Phase, TalkState, Visit
from switchboard.ports import Bus, Clock, Store
from switchboard.reception import Bans, Directory, Rooms, Talks

from . import namespaces as ns
from .acknowledge import Acknowledgements
from .buddies.api import ApiRosters, ApiSettings, EjabberdApi
from .buddies.list import BuddyList
from .buddies.privilege import Privileges
from .buddies.ways import Ways
from .commands import AdHoc, Context
from .component import Link, LinkState
from .crew import Crew
from .delivery import Delivery
from .desk import Desks
from .held import HeldTalks
from .inbound import stanza as decode
from .inbound.amend import Amendments
from .inbound.cards import Cards
from .inbound.iq import IqDoor
from .inbound.message import MessageDoor
from .inbound.presence import PresenceDoor
from .iqs import Iqs
from .jids import visitor_of
from .muc.host import RoomHost
from .operators import Operators
from .ownership import Domain
from .rights import Rights
from .talk import Talk

TICK = 0.5
IDLE_EVERY = 60.0
"""Seconds between looks for talks in which nothing is said any more."""
CATCH_UP_EVERY = 30.0
"""Seconds between looks for what the bus has lost, where it does not know that it has."""

log = logging.getLogger(__name__)


class JabberSettings(Struct, frozen=True):
    """How to reach the Jabber server; `grace` in seconds."""

    host: str
    port: int
    domains: tuple[str, ...]
    secret: str
    grace: float
    version: str
    api: ApiSettings | None = None
    """ejabberd's HTTP API, where contact lists are written by it."""
    admins: tuple[str, ...] = ()
    """Bare JIDs of those who own every room."""


class Gateway:
    """One component domain, as long as it is ours: the link's bridge and the census's watcher."""

    def __init__(
        self,
        domain: str,
        settings: JabberSettings,
        store: Store,
        directory: Directory,
        talks: Talks,
        rooms: Rooms,
        bus: Bus,
        clock: Clock,
        desks_live_here: bool,
        lease: Lease,
    ) -> None:
        self.domain = domain
        self._directory = directory
        self._talks = talks
        self._bus = bus
        self._clock = clock
        self._desks_live_here = desks_live_here
        self._lanes = Lanes()
        self._operators = Operators()
        self.link = Link(domain, settings.secret, settings.host, settings.port, self, clock, lease)
        self._iqs = Iqs(self.link.send, lambda: self.link.up)
        self.privileges = Privileges(domain, self._iqs)
        api = settings.api
        self._ways = Ways(
            self.privileges,
            None
            if api is None
            else ApiRosters(domain, EjabberdApi(api), clock, lambda: self.link.ours),
        )
        self._census = Census(bus, clock, self, settings.grace)
        self._held = HeldTalks(
            domain,
            talks,
            clock,
            self._lanes,
            lambda talk: self._delivery.offer(talk),
            self._talk_changed,
            lambda receipt: self._acknowledgements.visitor_read(receipt),
        )
        self._crew = Crew(directory, self._operators, self._held)
        self._desks = Desks(
            domain,
            self.link,
            bus,
            directory,
            self._crew,
            self._operators,
            clock,
            self._census,
            self._held.all,
            lambda address: self._ways.writer(address) is not None,
        )
        self._buddies = BuddyList(
            domain,
            self.link,
            store,
            directory,
            self._operators,
            self._ways,
            self._held.all,
            clock,
            self._desks if desks_live_here else None,
        )
        self._delivery = Delivery(
            domain,
            self.link,
            self._operators,
            self._crew,
            directory,
            self._held,
            talks,
            clock,
            self._lanes,
            self._buddies,
        )
        self._acknowledgements = Acknowledgements(domain, self.link, self._held, talks, self._lanes)
        rights = Rights(directory, self._census, self._held)
        bans = Bans(store, directory, clock)
        commands = Context(
            domain,
            directory,
            talks,
            bans,
            self._census,
            self._held,
            self._delivery,
            self._crew,
            clock,
            self._buddies.touch,
        )
        self._messages = MessageDoor(
            domain,
            self.link,
            rights,
            self._held,
            self._delivery,
            talks,
            self._census,
            commands,
            Amendments(domain, self._held, talks),
        )
        self._adhoc = AdHoc(self.link, rights, self._held, commands)
        self._presences = PresenceDoor(
            self.link,
            self._operators,
            rights,
            self.privileges,
            self._delivery,
            self._buddies,
            self._desks,
            self._iqs,
            self._lanes,
        )
        cards = Cards(directory, rights, self._census, talks, clock)
        self._rooms = (
            RoomHost(
                domain,
                self.link,
                store,
                directory,
                rooms,
                talks,
                bans,
                self._census.visit,
                clock,
                self._lanes,
                settings.admins,
            )
            if desks_live_here
            else None
        )
        self._questions = IqDoor(
            self.link, settings.version, directory, cards, self._lanes, self._rooms
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._doubt = asyncio.Event()
        self._unsubscribes = [directory.listen(self._directory_changed), self._census.close]

    async def start(self) -> None:
        """Takes over what an earlier process left, and begins to connect."""
        await self._held.load()
        await self._buddies.load(self._census)
        if self._rooms is not None:
            await self._rooms.start()
        topic = events.domain_topic(self.domain)
        self._unsubscribes += (
            self._bus.subscribe(topic, self._heard),
            self._bus.on_missed(self._missed),
        )
        await self._bus.listening(topic)
        self._doubt.set()
        if self._desks_live_here:
            self._desks.taken_over()
        self._census.ask()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(work)
            for work in (
                self.link.run(),
                self._buddies.run(),
                self._tick(),
                self._end_idle(),
                self._catch_up(),
            )
        ]

    def resumed(self) -> None:
        """For some time nothing was sent: whoever had to be told may not have been."""
        self._iqs.abandon()
        self._delivery.link_down()
        self._buddies.link_down()
        if self._desks_live_here:
            self._desks.resumed()
        self._delivery.operators_changed()
        self._buddies.touch()
        if self._rooms is not None:
            self._rooms.link_up()

    async def stop(self) -> None:
        """Closes the link, and leaves nobody looking as if they were there while it is ours.

        What the server still hands over is committed.
        """
        for unsubscribe in self._unsubscribes:
            unsubscribe()
        if self.link.up:
            self._buddies.say_goodbye()
            self._desks.say_goodbye()
            if self._rooms is not None:
                self._rooms.say_goodbye()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._buddies.stop()
        await self.link.stop()
        await self._lanes.settle()
        if self._rooms is not None:
            self._rooms.close()
        await self._ways.close()

    def contact_lists(self) -> dict[str, object]:
        """How each host's contact lists are written, and the API's state, for `/readyz`."""
        found: dict[str, object] = {"hosts": self._buddies.ways()}
        api = self._ways.api_health()
        return found if api is None else {**found, "api": api}

    # component.Bridge

    def link_up(self) -> None:
        self._census.ask()
        if self._desks_live_here:
            self._desks.probe()
            self._desks.announce()
        if self._rooms is not None:
            self._rooms.link_up()
        self._buddies.touch()

    def link_down(self) -> None:
        self._operators.clear()
        self.privileges.clear()
        self._iqs.abandon()
        self._delivery.link_down()
        self._buddies.link_down()
        if self._desks_live_here:
            self._desks.link_down()

    def stanza(self, xml: ET.Element) -> None:
        if self._rooms is not None and self._rooms.takes(xml):
            return
        name = xml.tag.rpartition("}")[2]
        if name == "message":
            self._message(xml)
        elif name == "presence":
            presence = decode.presence(xml)
            # At once: a pong right behind it must not be taken for the former stream's.
            if not self._presences.came_or_went(presence):
                self._lanes.put(presence.sender.full, lambda: self._presences.handle(presence))
        else:
            self._iq(decode.iq(xml))

    # census.Watcher

    def visitor_here(self, visit: Visit) -> None:
        if self._rooms is not None:
            self._rooms.visitor_here(visit)
        if visit.domain != self.domain:
            return
        talk = self._held.get(visit.visitor)
        if talk is not None:
            talk.away_told = False
            talk.name = visit.name
            if talk.visitor_cursor.delivered < talk.head:
                self._talks.look(visit.visitor, talk.head)
        self._buddies.here(visit.visitor)

    def visitor_left(self, visitor: str) -> None:
        if self._rooms is not None:
            self._rooms.visitor_left(visitor)
        self._held.forget(visitor)
        self._buddies.left(visitor)

    # Inside

    def _message(self, xml: ET.Element) -> None:
        message = decode.message(xml)
        if message.privileges is not None and not message.sender.local:
            self.privileges.granted(message.sender.bare, message.privileges)
            self._buddies.touch()
        elif message.type == "error":
            # At once, as the pong behind it is.
            self._messages.bounced(message)
        else:
            lane = visitor_of(message.to.local) or message.sender.bare
            self._lanes.put(lane, lambda: self._messages.handle(message))

    def _iq(self, iq: decode.Iq) -> None:
        if iq.type in ("get", "set"):
            if self._adhoc.takes(iq):
                lane = visitor_of(iq.to.local) or iq.sender.bare
                self._lanes.put(lane, lambda: self._adhoc.handle(iq))
            elif iq.sender.bare != self.domain:
                self._questions.handle(iq)
            return
        visitor = visitor_of(iq.to.local)
        if visitor is None:
            self._iqs.answered(iq)
        elif iq.type == "result":
            self._delivery.awake(iq.sender)
            self._delivery.pong(visitor, iq.sender, iq.id)
        elif iq.condition == "feature-not-implemented":
            # Not in the visitor's lane, where lines would wait for the client's disco.
            lane = f"disco {iq.sender.full}"
            self._lanes.put(lane, lambda: self._ping_unsupported(visitor, iq))
        else:
            self._delivery.ping_failed(visitor, iq.sender, iq.id, unsupported=False)

    async def _ping_unsupported(self, visitor: str, iq: decode.Iq) -> None:
        """Believed only if the client's disco (XEP-0030) says the same."""
        resource = self._operators.resource(iq.sender)
        if resource is not None and resource.ping is None:
            answer = await self._iqs.disco(self.domain, iq.sender.full)
            if answer is not None and answer.type == "result" and answer.payload is not None:
                features = {child.get("var") for child in answer.payload}
                resource.ping = ns.PING in features
        unsupported = resource is not None and resource.ping is False
        self._delivery.ping_failed(visitor, iq.sender, iq.id, unsupported)

    def _heard(self, event: events.Event) -> None:
        if self._rooms is not None and self._rooms.heard(event):
            return
        match event:
            case events.Committed():
                self._held.committed(event)
            case events.Receipt() if event.participant.id == event.conversation:
                self._acknowledgements.visitor_read(event)
            case events.Typing() if event.sender.id == event.conversation:
                self._delivery.visitor_types(event)
            case events.Described():
                self._census.described(event.conversation, event.details)
            case events.Look():
                self._held.look(event)
            case events.StateChanged():
                self._held.state_changed(event)
            case events.Rated(rating=rating):
                self._lanes.put(rating.conversation, lambda: self._delivery.rated(rating))
            case _:
                pass

    def _missed(self) -> None:
        """Hints may have been lost: the store has the talks, the web nodes their visitors."""
        self._doubt.set()
        if self._rooms is not None:
            self._rooms.missed()
        if self._bus.up:
            self._census.ask()

    def _talk_changed(self, talk: Talk, before: TalkState) -> None:
        if before.phase is not Phase.WAITING:
            talk.waiting_since = self._clock.now()
        self._delivery.changed(talk, before)
        self._buddies.touch()
        if not talk.open and self._census.visit(talk.visitor) is None:
            self._held.forget(talk.visitor)

    def _directory_changed(self) -> None:
        self._buddies.touch()
        self._delivery.operators_changed()
        if self._rooms is not None:
            self._rooms.directory_changed()
        if self.link.up and self._desks_live_here:
            self._desks.probe()
            self._desks.announce()

    async def _tick(self) -> None:
        swept = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK)
            self._delivery.tick()
            if loop.time() - swept >= 1.0:
                swept = loop.time()
                self._census.sweep()
                if self._desks_live_here:
                    self._desks.announce()

    async def _catch_up(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP_EVERY):
                    await self._doubt.wait()
            self._doubt.clear()
            if self._rooms is not None:
                self._rooms.missed()
            self._held.sweep(lambda visitor: self._census.visit(visitor) is not None)
            try:
                await self._held.catch_up()
            except Exception:
                log.exception("%s: the open talks could not be read", self.domain)

    async def _end_idle(self) -> None:
        while True:
            for site in list(self._directory.sites()):
                try:
                    await self._talks.end_idle(self.domain, site.key, site.settings.talk.idle_hours)
                except Exception:
                    log.exception("idle talks of %s could not be ended", site.key)
            await asyncio.sleep(IDLE_EVERY)


class JabberEdge:
    """All domains of one process; `lease` gives the lease of a domain."""

    def __init__(
        self,
        settings: JabberSettings,
        store: Store,
        directory: Directory,
        talks: Talks,
        rooms: Rooms,
        bus: Bus,
        clock: Clock,
        lease: Callable[[str], Lease] = LeaseForEver,
    ) -> None:
        def gateway(domain: str, lease: Lease) -> Gateway:
            first = domain == settings.domains[0]
            return Gateway(
                domain, settings, store, directory, talks, rooms, bus, clock, first, lease
            )

        self._domains = [
            Domain(name, held, store, partial(gateway, name, held))
            for name, held in ((name, lease(name)) for name in settings.domains)
        ]

    @property
    def gateways(self) -> list[Gateway]:
        """Those of the domains that are ours now."""
        return [one.gateway for one in self._domains if one.gateway is not None]

    async def start(self) -> None:
        """Takes what is free and begins to connect; returns before any link is up."""
        for domain in self._domains:
            await domain.start()

    async def stop(self) -> None:
        """Corrects presence, or leaves it to whoever waits for that, and closes all links."""
        await asyncio.gather(*(domain.stop() for domain in self._domains))

    def health(self) -> dict[str, tuple[LinkState, str]]:
        """Each domain's link, and why it is not up; a STANDBY is well too."""
        return {domain.name: domain.health() for domain in self._domains}

    def owners(self) -> dict[str, tuple[str, int]]:
        """Each domain's owner and epoch, as far as is known, where several may own it."""
        return {domain.name: domain.owner for domain in self._domains if domain.owner[0]}
