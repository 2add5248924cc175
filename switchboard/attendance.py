"""Who is here on one web node, as that node tells it: see census.py."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from . import events
from .model import Page, Visit
from .ports import Bus, Clock, Sessions
from .rooms import Seated

HERE_EVERY = 3.0
CENSUS_EVERY = 30.0
ANSWER_EVERY = 1.0
"""Seconds between two full censuses of a node, however many gateways ask."""
SILENT_AFTER = 10.0
"""Seconds without a sign of life after which gateways suspect a node to be dead."""
STOOD_STILL_AFTER = 5.0
"""Seconds without a sweep after which a process must have been frozen."""
COME_TO = 2.0
"""Seconds that a node takes to hear what became of its sockets while it stood still."""
ACTIVITY_EVERY_MS = 60_000
"""Activity alone is told at once only if what was told of it is older; the census has the rest."""
PAGE_SIZE = 500

RoomsWatcher = Callable[[str, tuple[Seated, ...], tuple[Seated, ...]], None]
"""Told of a visitor of this node, and in which rooms they were and are now."""


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
        self._rooms_watcher: RoomsWatcher | None = None
        self._unsubscribe = bus.subscribe(events.CENSUS, self._on_event)

    def __len__(self) -> int:
        return len(self._present)

    def visit(self, visitor: str) -> Visit | None:
        """What this node knows of a visitor who is here."""
        present = self._present.get(visitor)
        return None if present is None else present.visit

    def watch_rooms(self, watcher: RoomsWatcher) -> None:
        """Tells the one who wants to know which visitors of this node are in which rooms."""
        self._rooms_watcher = watcher

    async def cached(self, visitor: str) -> Visit | None:
        """What the cache knows of a visitor, whichever node they were on."""
        return await self._sessions.get(visitor)

    def update(self, visit: Visit, stream: int | None = None, loaded: bool = False) -> Visit:
        """A visitor came or changed; `stream` is the socket that says so, None a single call.

        `loaded`: the page has just been loaded, even if it is the same one.

        A visitor with several pages open is visible if one of them is. `active_at` and revisions
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
        before = visit if known is None else known
        revision, rooms_revision = before.revision, before.rooms_revision
        if known is None or loaded or kept.page != known.page:
            revision = max(self._clock.now(), revision + 1)
        if kept.rooms != before.rooms:
            rooms_revision = max(self._clock.now(), rooms_revision + 1)
        if (active_at, revision, rooms_revision) != (
            kept.active_at,
            kept.revision,
            kept.rooms_revision,
        ):
            kept = replace(
                kept, active_at=active_at, revision=revision, rooms_revision=rooms_revision
            )
        present.visit = kept
        if kept != known:
            self._sessions.put(kept)
            self._tell(present)
            self._seated(kept.visitor, known.rooms if known is not None else (), kept.rooms)
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
        if now < self._quiet_until and self._was_taken_for_dead():
            # It died at some time while this node stood still, and gateways have let go of the
            # visitor; else it may have been just now.
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
            visit = self._present.pop(visitor).visit
            self._say(events.VisitorLeft(self._node, self._epoch, self._next(), visitor))
            self._seated(visitor, visit.rooms, ())
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

    def _was_taken_for_dead(self) -> bool:
        unheard = HERE_EVERY + self._quiet_until - self._stood_still_at
        return unheard >= SILENT_AFTER + self._grace

    def _seated(self, visitor: str, before: tuple[Seated, ...], now: tuple[Seated, ...]) -> None:
        if before != now and self._rooms_watcher is not None:
            self._rooms_watcher(visitor, before, now)

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
    return with_visible(visit, any(present.streams.values()))


def with_visible(visit: Visit, visible: bool) -> Visit:
    """The same visit, its page shown or hidden."""
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
