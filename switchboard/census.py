"""Who is here now, by node and epoch.

A cache cannot be listed and the bus may lose, so presence has owners. An `Attendance` stands on
each web node and owns the visitors whose streams it holds: it publishes changes at once, and
everything it knows on request and every CENSUS_EVERY seconds. A `Census` stands in each gateway
and merges what the nodes say. The grace period is the node's: a page change, a reload or a short
loss of network is no news to anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

import msgspec
from msgspec import Struct

from . import events
from .model import Details, Page, Visit
from .ports import Bus, Clock, Sessions

CENSUS_EVERY = 30.0
ACTIVITY_EVERY_MS = 60_000
"""Activity alone is told at once only if what was told of it is older; the census has the rest."""
SILENT_AFTER = 2.5 * CENSUS_EVERY
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
        self._census_at = 0.0
        self._unsubscribe = bus.subscribe(events.CENSUS, self._on_event)

    def __len__(self) -> int:
        return len(self._present)

    def visit(self, visitor: str) -> Visit | None:
        """What this node knows of a visitor who is here."""
        present = self._present.get(visitor)
        return None if present is None else present.visit

    async def recall(self, visitor: str) -> Visit | None:
        """What this node, else the cache, knows of a visitor."""
        return self.visit(visitor) or await self._sessions.get(visitor)

    def update(self, visit: Visit, stream: int | None = None) -> Visit:
        """A visitor came or changed; `stream` is the socket that says so, None a single call.

        A visitor with several pages open is visible if one of them is. `active_at` is kept here:
        the caller's counts for who has not been here. Gives the visit as it is kept.
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
        if active_at != kept.active_at:
            kept = msgspec.structs.replace(kept, active_at=active_at)
        present.visit = kept
        if kept != known:
            self._tell(present)
        return kept

    def active(self, visitor: str) -> None:
        """A visitor does something: writes, or loads a page."""
        present = self._present.get(visitor)
        if present is None:
            return
        now = self._clock.now()
        if 0 <= now - present.visit.active_at < 1000:
            # So that a hello does not leave two copies of the visit, one here, one in the cache.
            return
        present.visit = msgspec.structs.replace(present.visit, active_at=now)
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
        present.seen_at = self._clock.monotonic()
        if present.streams:
            kept = _with_visibility(present.visit, present)
            if kept != present.visit:
                present.visit = kept
                self._tell(present)

    def sweep(self) -> None:
        """To be called every second: ends grace periods, repeats the census when due."""
        now = self._clock.monotonic()
        gone = [
            visitor
            for visitor, present in self._present.items()
            if not present.streams and now - present.seen_at >= self._grace
        ]
        for visitor in gone:
            del self._present[visitor]
            self._bus.publish(events.CENSUS, events.VisitorLeft(self._node, self._epoch, visitor))
        if now >= self._census_at:
            self._tell_all()

    def close(self) -> None:
        """Stops answering."""
        self._unsubscribe()

    def _tell(self, present: _Present) -> None:
        visit = present.visit
        present.active_told = visit.active_at
        self._sessions.put(visit)
        self._bus.publish(events.CENSUS, events.VisitorHere(self._node, self._epoch, visit))

    def _tell_all(self) -> None:
        self._census_at = self._clock.monotonic() + CENSUS_EVERY
        visits = [present.visit for present in self._present.values()]
        starts = range(0, max(len(visits), 1), PAGE_SIZE)
        for page, start in enumerate(starts):
            self._bus.publish(
                events.CENSUS,
                events.CensusPage(
                    self._node,
                    self._epoch,
                    page,
                    page == len(starts) - 1,
                    tuple(visits[start : start + PAGE_SIZE]),
                ),
            )

    def _on_event(self, event: events.Event) -> None:
        if isinstance(event, events.CensusAsked):
            self._tell_all()


def _with_visibility(visit: Visit, present: _Present) -> Visit:
    if not present.streams:
        return visit
    visible = any(present.streams.values())
    if visible == visit.page.visible:
        return visit
    page: Page = msgspec.structs.replace(visit.page, visible=visible)
    return msgspec.structs.replace(visit, page=page)


def _shows_activity(before: Visit, now: Visit) -> bool:
    """Another page, one that becomes visible, or the widget opened: a person did that."""
    read, reads = before.page, now.page
    return (
        (read.url, read.title) != (reads.url, reads.title)
        or (reads.visible and not read.visible)
        or (now.opened and not before.opened)
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
    visits: dict[str, Visit]
    collecting: set[str]
    next_page: int = 0
    suspects: frozenset[str] = frozenset()
    suspects_until: float = 0.0


class Census:
    """Every visitor on any node, merged; tells one watcher of changes. `grace` in seconds."""

    def __init__(self, bus: Bus, clock: Clock, watcher: Watcher, grace: float) -> None:
        self._bus = bus
        self._clock = clock
        self._watcher = watcher
        self._grace = grace
        self._nodes: dict[str, _Node] = {}
        self._here: dict[str, Visit] = {}
        self._unsubscribe = bus.subscribe(events.CENSUS, self._on_event)

    def ask(self) -> None:
        """Asks every node for all it knows."""
        self._bus.publish(events.CENSUS, events.CensusAsked())

    def visit(self, visitor: str) -> Visit | None:
        """The visitor, if here."""
        return self._here.get(visitor)

    def described(self, visitor: str, details: Details) -> None:
        """An operator changed what is known of a visitor: their node will say so too."""
        for node in self._nodes.values():
            visit = node.visits.get(visitor)
            if visit is not None:
                self._saw(node, msgspec.structs.replace(visit, details=details))

    def __iter__(self) -> Iterator[Visit]:
        return iter(self._here.values())

    def sweep(self) -> None:
        """To be called every second: a silent node takes its visitors with it."""
        now = self._clock.monotonic()
        if not self._bus.up:
            # Deaf: nobody is silent, or absent, before they could have been heard again.
            for node in self._nodes.values():
                node.heard_at, node.suspects_until = now, now + self._grace
            return
        for name, node in list(self._nodes.items()):
            if now - node.heard_at > SILENT_AFTER:
                log.warning("web node %s is silent: its %d visitors leave", name, len(node.visits))
                del self._nodes[name]
                for visitor in node.visits:
                    self._maybe_left(visitor)
            elif node.suspects and now >= node.suspects_until:
                gone = [v for v in node.suspects if node.visits.pop(v, None) is not None]
                node.suspects = frozenset()
                for visitor in gone:
                    self._maybe_left(visitor)

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.VisitorHere(node, epoch, visit):
                if (owner := self._node(node, epoch)) is not None:
                    self._saw(owner, visit)
            case events.VisitorLeft(node, epoch, visitor):
                owner = self._node(node, epoch)
                if owner is not None and owner.visits.pop(visitor, None) is not None:
                    self._maybe_left(visitor)
            case events.CensusPage():
                self._on_page(event)
            case _:
                pass

    def _on_page(self, page: events.CensusPage) -> None:
        node = self._node(page.node, page.epoch)
        if node is None:
            return
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
            absent = frozenset(node.visits) - node.collecting
            if absent - node.suspects:
                self._suspect(node, absent)

    def _node(self, name: str, epoch: int) -> _Node | None:
        node = self._nodes.get(name)
        now = self._clock.monotonic()
        if node is None:
            node = self._nodes[name] = _Node(epoch, now, {}, set())
        elif epoch < node.epoch:
            return None
        elif epoch > node.epoch:
            node.epoch = epoch
            self._suspect(node, frozenset(node.visits))
        node.heard_at = now
        return node

    def _suspect(self, node: _Node, visitors: frozenset[str]) -> None:
        node.suspects = visitors
        node.suspects_until = self._clock.monotonic() + self._grace

    def _saw(self, node: _Node, visit: Visit) -> None:
        node.visits[visit.visitor] = visit
        if visit.visitor in node.suspects:
            node.suspects -= {visit.visitor}
        if self._here.get(visit.visitor) != visit:
            self._here[visit.visitor] = visit
            self._watcher.visitor_here(visit)

    def _maybe_left(self, visitor: str) -> None:
        for node in self._nodes.values():
            visit = node.visits.get(visitor)
            if visit is not None:
                self._here[visitor] = visit
                return
        if self._here.pop(visitor, None) is not None:
            self._watcher.visitor_left(visitor)
