"""What serves one component domain, put together; what it hears goes to whom it is for."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard import events
from switchboard.census import Census
from switchboard.lanes import Lanes
from switchboard.leases import Lease
from switchboard.model import Phase, TalkState, Visit
from switchboard.ports import Bus, Clock, Store
from switchboard.reception import Bans, Directory, Rooms, Talks

from .acknowledge import Acknowledgements
from .buddies.api import ApiRosters, ApiSettings, EjabberdApi
from .buddies.list import BuddyList
from .buddies.privilege import Privileges
from .buddies.ways import Ways
from .commands import AdHoc, Context
from .component import Link
from .crew import Crew
from .delivery import Delivery
from .desk import Desks
from .held import HeldTalks
from .inbound.amend import Amendments
from .inbound.answers import Answers
from .inbound.cards import Cards
from .inbound.door import Door
from .inbound.iq import IqDoor
from .inbound.message import MessageDoor
from .inbound.presence import PresenceDoor
from .iqs import Iqs
from .muc.host import RoomHost
from .operators import Operators
from .rights import Rights
from .talk import Talk
from .upkeep import Upkeep


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
    messages_per_minute: int = 60
    """Of one Jabber user in rooms, moderators excepted; 0 is no limit."""


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
            self._census,
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
            rooms,
            bans,
            self._census,
            self._held,
            self._delivery,
            self._crew,
            clock,
            self._buddies.touch,
        )
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
                settings.messages_per_minute,
            )
            if desks_live_here
            else None
        )
        self._door = Door(
            domain,
            self._rooms,
            MessageDoor(
                domain,
                self.link,
                rights,
                self._held,
                self._delivery,
                talks,
                self._census,
                commands,
                Amendments(domain, self._held, talks),
            ),
            PresenceDoor(
                self.link,
                self._operators,
                rights,
                self.privileges,
                self._delivery,
                self._buddies,
                self._desks,
                self._iqs,
                self._lanes,
            ),
            AdHoc(self.link, rights, self._held, commands),
            IqDoor(
                self.link,
                settings.version,
                directory,
                Cards(directory, rights, self._census, talks, clock),
                self._lanes,
                self._rooms,
            ),
            Answers(domain, self._operators, self._iqs, self._delivery.clients, self._lanes),
            self.privileges,
            self._buddies,
            self._lanes,
        )
        self._upkeep = Upkeep(
            domain,
            directory,
            talks,
            self._census,
            self._held,
            self._delivery,
            self._desks if desks_live_here else None,
            self._rooms,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribes = [directory.listen(self._directory_changed), self._census.close]

    async def start(self) -> None:
        """Takes over what an earlier process left, and begins to connect."""
        await self._held.load()
        await self._buddies.load()
        if self._rooms is not None:
            await self._rooms.start()
        topic = events.domain_topic(self.domain)
        self._unsubscribes += (
            self._bus.subscribe(topic, self._heard),
            self._bus.on_missed(self._missed),
        )
        await self._bus.listening(topic)
        self._upkeep.doubt()
        if self._desks_live_here:
            self._desks.taken_over()
        self._census.ask()
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(work)
            for work in (
                self.link.run(),
                self._buddies.run(),
                self._upkeep.tick(),
                self._upkeep.end_idle(),
                self._upkeep.catch_up(),
            )
        ]

    def resumed(self) -> None:
        """For some time nothing was sent: whoever had to be told may not have been."""
        self._iqs.abandon()
        self._delivery.clients.link_down()
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
            self._buddies.presences.say_goodbye()
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
        self._delivery.clients.link_down()
        self._buddies.link_down()
        if self._desks_live_here:
            self._desks.link_down()

    def stanza(self, xml: ET.Element) -> None:
        self._door.handle(xml)

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
            case events.DesksAsked():
                self._desks.tell_all()
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
        self._upkeep.doubt()
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
