"""The desks: their state, told to visitors by the bus and to operators as a contact."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from switchboard import events
from switchboard.census import Census
from switchboard.hours import is_open
from switchboard.model import DeskState, Phase
from switchboard.ports import Bus, Clock
from switchboard.reception import Directory
from switchboard.reception.desks import ANNOUNCE_EVERY, MOST_QUEUED, QUEUE_EVERY
from switchboard.routing import desk_state
from switchboard.site import Site

from . import outbound
from .avatar import desk_avatar
from .buddies import policy
from .capabilities import DESK
from .component import Link
from .crew import Crew
from .jids import desk_bare, desk_full
from .operators import Operators
from .talk import Talk
from .xml import Xml

SETTLE = 3.0
"""Seconds after a start in which no desk is called offline: those who are there are being told."""

_SHOW = {DeskState.ONLINE: "", DeskState.BUSY: "dnd", DeskState.OFFLINE: "xa"}


class _Counts(Struct, frozen=True):
    """A site's visitors, those of them in contact lists, and talks that wait."""

    visitors: int
    shown: int
    waiting: int
    closed: bool

    def status(self, appear: bool) -> str:
        """In a few words; `appear`: whether any are shown at all where this is read."""
        closed = "closed, " if self.closed else ""
        noun = "visitor" if self.visitors == 1 else "visitors"
        some = f" ({self.shown} shown)" if appear and self.shown < self.visitors else ""
        return f"{closed}{self.visitors} {noun}{some}, {self.waiting} waiting"


class Desks:
    """All desks, which live on the first domain."""

    def __init__(
        self,
        domain: str,
        link: Link,
        bus: Bus,
        directory: Directory,
        crew: Crew,
        operators: Operators,
        clock: Clock,
        census: Census,
        talks: Callable[[], Iterable[Talk]],
        appear: Callable[[str], bool],
    ) -> None:
        self._domain = domain
        self._link = link
        self._bus = bus
        self._directory = directory
        self._crew = crew
        self._operators = operators
        self._clock = clock
        self._census = census
        self._talks = talks
        self._appear = appear
        """Whether visitors come into an operator's contact list by themselves."""
        self._announced: dict[str, events.Desk] = {}
        self._announce_at = 0.0
        self._settled_at = 0.0
        self._queued: dict[str, tuple[float, tuple[str, ...]]] = {}
        """By site: when its queue was told, and what."""
        self._contacts: dict[str, set[str]] = {}
        self._shown: dict[tuple[str, str], Xml] = {}
        """By site and operator: what is in the last presence."""

    def state(self, site: str) -> DeskState:
        """Online only if the site is open, the link is up and one who takes chats is there."""
        found = self._directory.find(site)
        if not self._link.up or found is None or self._is_closed(found):
            return DeskState.OFFLINE
        standings = self._crew.standings(found)
        return desk_state(standing.availability for standing in standings.values())

    def taken_over(self) -> None:
        """What an earlier process announced holds until we know better."""
        self._settled_at = self._clock.monotonic() + SETTLE

    def announce(self) -> None:
        """To be called every second and on each change: tells what changed, all when due."""
        if not self._link.ours:
            return
        now = self._clock.monotonic()
        due = now >= self._announce_at
        if due:
            self._announce_at = now + ANNOUNCE_EVERY
        for site in self._directory.sites():
            desk = events.Desk(site.key, self.state(site.key), site.settings.title)
            if desk.state is DeskState.OFFLINE and now < self._settled_at:
                continue
            if due or self._announced.get(site.key) != desk:
                self._announced[site.key] = desk
                self._bus.publish(events.desk_topic(site.key), desk)
        self._announce_queues(now)
        if due and self._link.up:
            self._show_contacts()

    def tell_all(self) -> None:
        """Somebody knows of none of them."""
        self._announce_at = 0.0
        self.announce()

    def _announce_queues(self, now: float) -> None:
        """Who waits, oldest first: what changed, at most every QUEUE_EVERY; and all again then."""
        queues: dict[str, list[Talk]] = {}
        for talk in self._talks():
            if talk.state.phase is Phase.WAITING:
                queues.setdefault(talk.site, []).append(talk)
        for site in queues.keys() | self._queued.keys():
            told_at, told = self._queued.get(site, (0.0, ()))
            if told and now - told_at < QUEUE_EVERY:
                continue
            oldest = sorted(queues.get(site, ()), key=lambda talk: talk.waiting_since)
            waiting = tuple(talk.visitor for talk in oldest[:MOST_QUEUED])
            self._bus.publish(events.desk_topic(site), events.Queue(site, waiting))
            self._queued[site] = (now, waiting)
            if not waiting:
                del self._queued[site]

    def probe(self) -> None:
        """Asks for every operator's presence (RFC 6121 §4.3): answered to who shares theirs."""
        for site in self._directory.sites():
            for operator in self._directory.operators(site.key):
                self._link.send(
                    outbound.presence(desk_bare(site.key, self._domain), operator.address, "probe")
                )

    def added(self, site: str, address: str) -> None:
        """An operator has the desk as a contact."""
        self._contacts.setdefault(site, set()).add(address)
        self._shown.pop((site, address), None)
        if (found := self._directory.find(site)) is not None:
            self._show(found, address, self._count(found))

    def removed(self, site: str, address: str) -> None:
        """The desk is no contact of theirs any more."""
        self._contacts.get(site, set()).discard(address)
        if self._shown.pop((site, address), None) is not None:
            self._link.send(
                outbound.presence(desk_full(site, self._domain), address, "unavailable")
            )

    def operator_gone(self, address: str) -> None:
        """An operator's last client has left: whoever comes next has seen nothing."""
        for pair in [pair for pair in self._shown if pair[1] == address]:
            del self._shown[pair]

    def link_down(self) -> None:
        """Visitors learn at once; contacts are told anew when the link is back."""
        self._contacts.clear()
        self._shown.clear()
        self.tell_all()

    def resumed(self) -> None:
        """What was told lately may not have been sent."""
        self._shown.clear()
        self.tell_all()

    def say_goodbye(self) -> None:
        """The component stops."""
        for site, address in self._shown:
            self._link.send(
                outbound.presence(desk_full(site, self._domain), address, "unavailable")
            )

    def _show_contacts(self) -> None:
        for key, addresses in self._contacts.items():
            there = [address for address in addresses if self._operators.is_there(address)]
            site = self._directory.find(key)
            if there and site is not None:
                counts = self._count(site)
                for address in there:
                    self._show(site, address, counts)

    def _show(self, site: Site, address: str, counts: _Counts) -> None:
        key, settings = site.key, site.settings
        if self._directory.operator(key, address) is None:
            return
        news = outbound.presence(
            desk_full(key, self._domain),
            address,
            None,
            _SHOW[self.state(key)],
            counts.status(self._appear(address)),
            settings.title,
            [DESK.in_presence, outbound.photo(desk_avatar(settings.look.accent).sha1)],
        )
        if self._shown.get((key, address)) != news:
            self._shown[key, address] = news
            self._link.send(news)

    def _is_closed(self, site: Site) -> bool:
        return not is_open(site.settings.hours, self._clock.now())

    def _count(self, site: Site) -> _Counts:
        visits = [visit for visit in self._census if visit.site == site.key]
        talks = [talk for talk in self._talks() if talk.site == site.key]
        talking = {talk.visitor for talk in talks if talk.open}
        return _Counts(
            len(visits),
            policy.count_present(visits, talking, site.settings.presence),
            sum(talk.state.phase is Phase.WAITING for talk in talks),
            self._is_closed(site),
        )
