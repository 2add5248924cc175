"""Who is here now, by node and epoch.

A cache cannot be listed and the bus may lose, so presence has owners. An `Attendance` stands on
each web node and owns the visitors whose streams it holds: it publishes changes at once, a sign
of life every HERE_EVERY seconds, and everything it knows on request and every CENSUS_EVERY
seconds. A `Census` stands in each gateway and merges what the nodes say. The grace period is the
node's: a page change, a reload or a short loss of network is no news to anybody.

What may go wrong, and what then becomes of the visitors:

- A word is lost. Words are numbered, the sign of life has the last number: who misses one asks
  for everything.
- A node falls silent for SILENT_AFTER seconds, says goodbye, or comes again with a newer epoch.
  Its visitors are suspects: they leave after the grace period unless a node names them meanwhile.
- A node, or a gateway, stood still and goes on. A node says nothing until it has heard which of
  its sockets are dead, and then everything; to a gateway the time does not count.
- A visitor is on several nodes. What was said last counts; `merged` says how.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from . import events
from .model import Details, Page, Visit
from .ports import Bus, Clock, Sessions

HERE_EVERY = 3.0
SILENT_AFTER = 10.0
CENSUS_EVERY = 30.0
ASK_EVERY = 3.0
"""Seconds after which a gateway that still misses something asks again."""
ANSWER_EVERY = 1.0
"""Seconds between two full censuses of a node, however many gateways ask."""
STOOD_STILL_AFTER = 5.0
"""Seconds without a sweep after which a process must have been frozen."""
COME_TO = 2.0
"""Seconds that a node takes to hear what became of its sockets while it stood still."""
ACTIVITY_EVERY_MS = 60_000
"""Activity alone is told at once only if what was told of it is older; the census has the rest."""
PAGE_SIZE = 500

log = logging.getLogger(__name__)


class _Present:
    __slots__ = ("active_told", "seen_at", "streams", "visit")

    def __init__(self, visit: Visit, seen_at: float) -> None:
        self.visit = visit
        self.seen_at = seen_at
        self.streams: dict[int, bool] = {}
        self.active_told = 0
        """The `active_at` that was told last."""


class Attendance:
    """The visitors of one web node.

    `node` is a name that stays over restarts, `epoch` a number that grows with each; `grace` is
    in seconds.
    """

    def __init__(
        self, bus: Bus, sessions: Sessions, clock: Clock, node: str, epoch: int, grace: float
    ) -> None:
        self._bus = bus
        self._sessions = sessions
        self._clock = clock
        self._node = node
        self._epoch = epoch
        self._grace = grace
        self._present: dict[str, _Present] = {}
        self._number = 0
        """The last word's."""
        self._here_at = 0.0
        self._census_at = 0.0
        self._answered_at = float("-inf")
        self._swept_at: float | None = None
        self._stood_still_at = 0.0
        """When the last standstill began …"""
        self._quiet_until = 0.0
        """… and until when nothing is said of its consequences."""
        self._closed = False
        self._unsubscribe = bus.subscribe(events.CENSUS, self._on_event)

    def __len__(self) -> int:
        return len(self._present)

    def visit(self, visitor: str) -> Visit | None:
        """What this node knows of a visitor who is here."""
        present = self._present.get(visitor)
        return None if present is None else present.visit

    async def cached(self, visitor: str) -> Visit | None:
        """What the cache knows of a visitor, whichever node they were on."""
        return await self._sessions.get(visitor)

    def update(self, visit: Visit, stream: int | None = None, loaded: bool = False) -> Visit:
        """A visitor came or changed; `stream` is the socket that says so, None a single call.

        `loaded`: the page has just been loaded, even if it is the same one.

        A visitor with several pages open is visible if one of them is. `active_at` and `revision`
        are kept here: the caller's count for who has not been here. So are details, if the caller
        read the visit before they changed. Gives the visit as it is kept.
        """
        present = self._present.get(visit.visitor)
        if present is None:
            present = self._present[visit.visitor] = _Present(visit, 0.0)
            known = None
        else:
            known = present.visit
        present.seen_at = self._clock.monotonic()
        if stream is not None:
            present.streams[stream] = visit.page.visible
        kept = _with_visibility(visit, present)
        if known is None:
            active_at = visit.active_at or self._clock.now()
        else:
            active_at = self._clock.now() if _shows_activity(known, kept) else known.active_at
            if known.generation > kept.generation:
                kept = replace(kept, details=known.details, generation=known.generation)
        revision = visit.revision if known is None else known.revision
        if known is None or loaded or kept.page != known.page:
            revision = max(self._clock.now(), revision + 1)
        if (active_at, revision) != (kept.active_at, kept.revision):
            kept = replace(kept, active_at=active_at, revision=revision)
        present.visit = kept
        if kept != known:
            self._sessions.put(kept)
            self._tell(present)
        return kept

    def active(self, visitor: str) -> None:
        """A visitor does something: writes, or loads a page. It is not worth a write to the cache,
        where each line would cause one.
        """
        present = self._present.get(visitor)
        if present is None:
            return
        now = self._clock.now()
        if 0 <= now - present.visit.active_at < 1000:
            # So that a hello does not leave two copies of the visit, one here, one in the cache.
            return
        present.visit = replace(present.visit, active_at=now)
        if now - present.active_told >= ACTIVITY_EVERY_MS:
            self._tell(present)

    def touch(self, visitor: str) -> None:
        """A sign of life from a visitor without a socket."""
        present = self._present.get(visitor)
        if present is not None:
            present.seen_at = self._clock.monotonic()

    def closed(self, visitor: str, stream: int) -> None:
        """One of a visitor's sockets is gone: if it was the last, the grace period begins."""
        present = self._present.get(visitor)
        if present is None or present.streams.pop(stream, None) is None:
            return
        now = self._now()
        if now < self._quiet_until:
            # It died at some time while this node stood still.
            now = max(present.seen_at, self._stood_still_at)
        present.seen_at = now
        if present.streams:
            kept = _with_visibility(present.visit, present)
            if kept != present.visit:
                present.visit = kept
                self._tell(present)

    def sweep(self) -> None:
        """To be called every second: ends grace periods, says what is due."""
        now = self._now()
        self._swept_at = now
        if now < self._quiet_until:
            return
        gone = [
            visitor
            for visitor, present in self._present.items()
            if not present.streams and now - present.seen_at >= self._grace
        ]
        for visitor in gone:
            del self._present[visitor]
            self._say(events.VisitorLeft(self._node, self._epoch, self._next(), visitor))
        if now >= self._census_at:
            self._tell_all()
        if now >= self._here_at:
            self._here_at = now + HERE_EVERY
            self._say(events.NodeHere(self._node, self._epoch, self._number))

    def close(self) -> None:
        """Says goodbye; from then on nothing more."""
        if self._closed:
            return
        self._say(events.NodeLeft(self._node, self._epoch))
        self._closed = True
        self._unsubscribe()

    def _now(self) -> float:
        """Monotonic; notices that this process stood still, whoever is the first to ask."""
        now = self._clock.monotonic()
        frozen = self._swept_at is not None and now - self._swept_at > STOOD_STILL_AFTER
        if frozen and now >= self._quiet_until:
            assert self._swept_at is not None
            self._stood_still_at = self._swept_at
            self._quiet_until = now + COME_TO
            self._census_at = self._here_at = 0.0
        return now

    def _tell(self, present: _Present) -> None:
        visit = present.visit
        present.active_told = visit.active_at
        self._say(events.VisitorHere(self._node, self._epoch, self._next(), visit))

    def _tell_all(self) -> None:
        now = self._clock.monotonic()
        self._answered_at = now
        self._census_at = now + CENSUS_EVERY
        visits = [present.visit for present in self._present.values()]
        starts = range(0, max(len(visits), 1), PAGE_SIZE)
        for page, start in enumerate(starts):
            self._say(
                events.CensusPage(
                    self._node,
                    self._epoch,
                    self._next(),
                    page,
                    page == len(starts) - 1,
                    tuple(visits[start : start + PAGE_SIZE]),
                ),
            )

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _say(self, event: events.Event) -> None:
        if not self._closed:
            self._bus.publish(events.CENSUS, event)

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.CensusAsked):
            now = self._now()
            if now < self._quiet_until or now - self._answered_at < ANSWER_EVERY:
                self._census_at = 0.0
            else:
                self._tell_all()


def _with_visibility(visit: Visit, present: _Present) -> Visit:
    if not present.streams:
        return visit
    return _visible(visit, any(present.streams.values()))


def _visible(visit: Visit, visible: bool) -> Visit:
    if visible == visit.page.visible:
        return visit
    page: Page = replace(visit.page, visible=visible)
    return replace(visit, page=page)


def _shows_activity(before: Visit, now: Visit) -> bool:
    """Another page, one that becomes visible, or the widget opened: a person did that."""
    read, reads = before.page, now.page
    return (
        (read.url, read.title) != (reads.url, reads.title)
        or (reads.visible and not read.visible)
        or (now.opened and not before.opened)
    )


def merged(visits: Collection[Visit]) -> Visit:
    """One visit of what several nodes, one at least, say of a visitor.

    The page is the last one that was told of, and visible if one is; the details are of the
    latest generation; what has happened once has happened.
    """
    last = max(visits, key=lambda visit: visit.revision)
    if len(visits) == 1:
        return last
    told = max(visits, key=lambda visit: (visit.generation, visit.revision))
    return _visible(
        replace(
            last,
            details=told.details,
            generation=told.generation,
            spoken=any(visit.spoken for visit in visits),
            opened=any(visit.opened for visit in visits),
            active_at=max(visit.active_at for visit in visits),
        ),
        any(visit.page.visible for visit in visits),
    )


class Watcher(Protocol):
    """Whoever wants to know of arrivals and departures."""

    def visitor_here(self, visit: Visit) -> None:
        """A visitor came, or what is known of them changed."""

    def visitor_left(self, visitor: str) -> None:
        """A visitor is on no node any more."""


class _Node(Struct):
    epoch: int
    heard_at: float
    number: int = 0
    """The last word's that was heard, or missed."""
    whole: bool = True
    """Whether nothing that the node has said is missing."""
    silent: bool = False
    visits: dict[str, Visit] = {}
    suspects: dict[str, float] = {}
    """Who leaves, and when (monotonic), unless a node names them before."""
    collecting: set[str] = set()
    next_page: int = 0


class Census:
    """Every visitor on any node, merged; tells one watcher of changes. `grace` in seconds."""

    def __init__(self, bus: Bus, clock: Clock, watcher: Watcher, grace: float) -> None:
        self._bus = bus
        self._clock = clock
        self._watcher = watcher
        self._grace = grace
        self._nodes: dict[str, _Node] = {}
        self._here: dict[str, Visit] = {}
        self._swept_at: float | None = None
        self._asked_at = float("-inf")
        self._unsubscribe = bus.subscribe(events.CENSUS, self._on_event)

    def ask(self) -> None:
        """Asks every node for all it knows."""
        self._asked_at = self._clock.monotonic()
        self._bus.publish(events.CENSUS, events.CensusAsked())

    def visit(self, visitor: str) -> Visit | None:
        """The visitor, if here."""
        return self._here.get(visitor)

    def described(self, visitor: str, details: Details) -> None:
        """An operator changed what is known of a visitor: their node will say so too."""
        for node in self._nodes.values():
            visit = node.visits.get(visitor)
            if visit is not None:
                node.visits[visitor] = visit.described(details)
        self._look(visitor)

    def __iter__(self) -> Iterator[Visit]:
        return iter(self._here.values())

    def sweep(self) -> None:
        """To be called every second: lets go who is on no node now, asks for what was missed."""
        now = self._clock.monotonic()
        if self._swept_at is not None and now - self._swept_at > STOOD_STILL_AFTER:
            self._pardon(now - self._swept_at)
        self._swept_at = now
        if not self._bus.up:
            # Deaf: nobody is silent, or absent, before they could have been heard again.
            for node in self._nodes.values():
                node.heard_at = now
                node.suspects = dict.fromkeys(node.suspects, now + self._grace)
            return
        for name, node in list(self._nodes.items()):
            if not node.silent and now - node.heard_at > SILENT_AFTER:
                log.warning("web node %s, with %d visitors, is silent", name, len(node.visits))
                node.silent, node.whole = True, False
                self._suspect(node, node.visits)
            for visitor in [visitor for visitor, at in node.suspects.items() if now >= at]:
                self._gone(node, visitor)
            if node.silent and not node.visits:
                del self._nodes[name]
        missing = any(not (node.whole or node.silent) for node in self._nodes.values())
        if missing and now - self._asked_at >= ASK_EVERY:
            self.ask()

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.VisitorHere(name, epoch, number, visit):
                if (node := self._heard(name, epoch, number, 1)) is not None:
                    self._saw(node, visit)
            case events.VisitorLeft(name, epoch, number, visitor):
                if (node := self._heard(name, epoch, number, 1)) is not None:
                    self._gone(node, visitor)
            case events.CensusPage(name, epoch, number):
                if (node := self._heard(name, epoch, number, 1)) is not None:
                    self._on_page(node, event)
            case events.NodeHere(name, epoch, number):
                self._heard(name, epoch, number, 0)
            case events.NodeLeft(name, epoch):
                node = self._nodes.get(name)
                if node is not None and epoch >= node.epoch:
                    node.silent = True
                    self._suspect(node, node.visits)
            case _:
                pass

    def _on_page(self, node: _Node, page: events.CensusPage) -> None:
        if page.page == 0:
            node.collecting, node.next_page = set(), 0
        for visit in page.visits:
            node.collecting.add(visit.visitor)
            self._saw(node, visit)
        if page.page != node.next_page:
            node.next_page = -1
            return
        node.next_page += 1
        if page.last:
            node.whole = True
            self._suspect(node, node.visits.keys() - node.collecting)

    def _heard(self, name: str, epoch: int, number: int, words: int) -> _Node | None:
        """The node that says something, if it is its newest epoch that does."""
        now = self._clock.monotonic()
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = _Node(epoch, now)
        elif epoch < node.epoch:
            return None
        elif epoch > node.epoch:
            node.epoch, node.number, node.whole = epoch, 0, True
            self._suspect(node, node.visits)
        if number != node.number + words:
            node.whole = False
        node.number = number
        node.heard_at, node.silent = now, False
        return node

    def _suspect(self, node: _Node, visitors: Iterable[str]) -> None:
        at = self._clock.monotonic() + self._grace
        for visitor in visitors:
            node.suspects.setdefault(visitor, at)

    def _pardon(self, seconds: float) -> None:
        """So long this process heard nobody: it says nothing about the nodes."""
        for node in self._nodes.values():
            node.heard_at += seconds
            for visitor in node.suspects:
                node.suspects[visitor] += seconds

    def _saw(self, node: _Node, visit: Visit) -> None:
        node.suspects.pop(visit.visitor, None)
        node.visits[visit.visitor] = visit
        self._look(visit.visitor)

    def _gone(self, node: _Node, visitor: str) -> None:
        node.suspects.pop(visitor, None)
        if node.visits.pop(visitor, None) is not None:
            self._look(visitor)

    def _look(self, visitor: str) -> None:
        """Tells the watcher what is new of a visitor, if anything is."""
        said = [node.visits[visitor] for node in self._nodes.values() if visitor in node.visits]
        if not said:
            if self._here.pop(visitor, None) is not None:
                self._watcher.visitor_left(visitor)
            return
        visit = merged(said)
        if visit != self._here.get(visitor):
            self._here[visitor] = visit
            self._watcher.visitor_here(visit)
