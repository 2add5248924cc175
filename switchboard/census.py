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
- A gateway begins while a node cannot be heard. It cannot know of that node: it believes the one
  that a visitor left for it, and has them back when the node speaks.
- A visitor is on several nodes. What was said last counts; `merged` says how.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from . import events
from .attendance import SILENT_AFTER, STOOD_STILL_AFTER, with_visible
from .model import Details, Visit
from .ports import Bus, Clock

ASK_EVERY = 3.0
"""Seconds after which a gateway that still misses something asks again."""

log = logging.getLogger(__name__)


def merged(visits: Collection[Visit]) -> Visit:
    """One visit of what several nodes, one at least, say of a visitor.

    The page is the last one that was told of, and visible if one is; the rooms are the last ones
    that were; the details are of the latest generation; what has happened once has happened.
    """
    last = max(visits, key=lambda visit: visit.revision)
    if len(visits) == 1:
        return last
    seated = max(visits, key=lambda visit: (visit.rooms_revision, visit.revision))
    told = max(visits, key=lambda visit: (visit.generation, visit.revision))
    return with_visible(
        replace(
            last,
            details=told.details,
            generation=told.generation,
            rooms=seated.rooms,
            rooms_revision=seated.rooms_revision,
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
                    if node.silent:
                        node.suspects.clear()
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
        elif node.silent:
            # It has been there: who is not is for its census to say.
            node.suspects.clear()
            node.whole = False
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
