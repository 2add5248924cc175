"""Owning what only one process may own at a time, and taking it over when the owner is gone.

No clocks are compared. The owner renews about every second, and may act for HELD_SECONDS from the
start of the last renewal that succeeded. Whoever waits takes the lease when they have read the same
beat for LEASE_SECONDS, by a compare-and-set on that beat. What they read was written after that
renewal began, so by then the owner acts no more: frozen, cut off or dead. Without the store nobody
can take it, and the owner, who cannot know that, holds back until it has renewed.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from typing import Protocol

from .errors import SwitchboardError
from .ports import Clock, LeaseRow, Leases

RENEW_EVERY = 0.8
LOOK_EVERY = 0.5
RETRY = 0.25
"""Seconds after which the store is asked again if it did not serve."""
HELD_SECONDS = 2.4
LEASE_SECONDS = 2.5
"""A little more: no two clocks go alike."""
SHARE_SECONDS = 0.5
"""How much longer a lease is left to others, for each that one has already."""
BLIND_SECONDS = 2.0
"""Between two looks, after which all counts as unseen: the store, or who looks, was away."""
STAND_EVERY = 1.0
AWAITED_SECONDS = 3.0
REST_SECONDS = 30.0
"""How long who passed a lease on leaves it to others, if they want it or not."""
RELEASE_WITHIN = 2.0

log = logging.getLogger(__name__)


class Change(enum.Enum):
    """What becomes of a lease, for the process that wants it."""

    TAKEN = enum.auto()
    REGAINED = enum.auto()
    """It is ours as it was, but for some time that was not sure."""
    LOST = enum.auto()


class Lease(Protocol):
    """One lease as one process sees it."""

    @property
    def held(self) -> bool:
        """Whether we may act as the owner at this moment."""

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it, who will have it soon after a release."""

    @property
    def owner(self) -> tuple[str, int]:
        """The owner and the epoch, as far as is known; "" and 0 if that is nobody."""

    async def begin(self) -> None:
        """Takes it if it is free."""

    async def run(self) -> None:
        """Keeps it, and waits for it when it is another's; until `release`."""

    async def change(self) -> Change:
        """What happens next; the first is TAKEN."""

    async def confirmed(self) -> None:
        """Returns once the lease is known to have been ours after this was called."""

    async def pass_on(self) -> None:
        """Leaves it to whoever waits, and waits for it again after REST_SECONDS."""

    def resign(self) -> None:
        """From now on it is not held; nobody else may have it before `release`."""

    async def release(self) -> None:
        """Leaves it to others, or waits for it no longer; within RELEASE_WITHIN seconds."""


class LeaseForEver:
    """Implements Lease where there is one process, which owns everything."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.held = True
        self.awaited = False
        self.owner = ("", 0)
        self._taken = False

    async def begin(self) -> None:
        """See Lease."""

    async def run(self) -> None:
        """See Lease."""

    async def change(self) -> Change:
        """See Lease."""
        if self._taken:
            await asyncio.Event().wait()
        self._taken = True
        return Change.TAKEN

    async def confirmed(self) -> None:
        """See Lease."""

    async def pass_on(self) -> None:
        """See Lease."""

    def resign(self) -> None:
        """See Lease."""
        self.held = False

    async def release(self) -> None:
        """See Lease."""


class Candidate:
    """One process among several: owns some leases and waits for others.

    `name` is its own: no other process has it, nor has one had it before.
    """

    def __init__(self, name: str, leases: Leases, clock: Clock) -> None:
        self.name = name
        self.leases = leases
        self.clock = clock
        self.owned = 0
        """How many it has, or is about to have."""

    def lease(self, name: str) -> SharedLease:
        """The lease of that name, as this process sees it."""
        return SharedLease(name, self)


class _Watch:
    """Since when whoever waits has read the same."""

    def __init__(self) -> None:
        self._seen: LeaseRow | None = None
        self._since = 0.0
        self._looked_at = float("-inf")

    def saw(self, row: LeaseRow | None, now: float) -> float:
        """For how many seconds it has been the same."""
        if now - self._looked_at > BLIND_SECONDS or _key(row) != _key(self._seen):
            self._since = now
        self._seen, self._looked_at = row, now
        return now - self._since


def _key(row: LeaseRow | None) -> tuple[str, int, int] | None:
    return None if row is None else (row.owner, row.epoch, row.beat)


class SharedLease:
    """Implements Lease over the store."""

    def __init__(self, name: str, candidate: Candidate) -> None:
        self._name = name
        self._candidate = candidate
        self._leases = candidate.leases
        self._now = candidate.clock.monotonic
        self._changes: asyncio.Queue[Change] = asyncio.Queue()
        self._stepping = asyncio.Lock()
        self._due = asyncio.Event()
        self._waiters: list[tuple[float, asyncio.Future[None]]] = []
        self._watch = _Watch()
        self._row: LeaseRow | None = None
        self._epoch: int | None = None
        """Ours; None while we only wait."""
        self._held_until = float("-inf")
        self._in_office = False
        """Whether TAKEN was told, and LOST not yet."""
        self._lapsed = False
        self._resigned = False
        self._stood_at = self._awaited_at = self._rests_until = float("-inf")

    @property
    def held(self) -> bool:
        """See Lease."""
        return self._now() < self._held_until and not self._resigned

    @property
    def awaited(self) -> bool:
        """See Lease."""
        return self._now() - self._awaited_at < AWAITED_SECONDS

    @property
    def owner(self) -> tuple[str, int]:
        """See Lease."""
        return ("", 0) if self._row is None else (self._row.owner, self._row.epoch)

    async def begin(self) -> None:
        """See Lease."""
        await self._step_alone()

    async def run(self) -> None:
        """See Lease."""
        while not self._resigned:
            self._due.clear()
            delay = await self._step_alone()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._due.wait()

    async def step(self) -> float:
        """Does what is due; gives the seconds until something is due again."""
        try:
            return await (self._look() if self._epoch is None else self._renew(self._epoch))
        except SwitchboardError:
            self._note_lapse()
            return RETRY

    async def change(self) -> Change:
        """See Lease."""
        return await self._changes.get()

    async def confirmed(self) -> None:
        """See Lease."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._now(), waiter))
        self._due.set()
        await waiter

    async def pass_on(self) -> None:
        """See Lease."""
        async with self._stepping:
            if self._epoch is not None:
                self._held_until = float("-inf")
                await self._leases.release(self._name, self._candidate.name, self._epoch)
                self._rests_until = self._now() + REST_SECONDS
                self._leave()

    def resign(self) -> None:
        """See Lease."""
        self._resigned = True
        self._due.set()

    async def release(self) -> None:
        """See Lease."""
        self.resign()
        me = self._candidate.name
        try:
            async with asyncio.timeout(RELEASE_WITHIN), self._stepping:
                if self._epoch is None:
                    await self._leases.stand_down(self._name, me)
                else:
                    await self._leases.release(self._name, me, self._epoch)
                    self._leave()
        except (TimeoutError, SwitchboardError):
            log.warning("%s: the store is away, so the lease has to run out", self._name)

    async def _step_alone(self) -> float:
        try:
            async with self._stepping:
                return await self.step()
        except Exception:
            log.exception("%s: the lease could not be looked after", self._name)
            return LOOK_EVERY

    async def _look(self) -> float:
        row = self._row = await self._leases.look(self._name)
        now = self._now()
        if row is not None and row.owner == self._candidate.name:
            # It was taken, and only the answer was lost; it is held once it is renewed.
            self._candidate.owned += 1
            self._epoch = row.epoch
            return 0.0
        if now < self._rests_until:
            return LOOK_EVERY
        free = row is None or not row.owner
        patience = SHARE_SECONDS * self._candidate.owned + (0.0 if free else LEASE_SECONDS)
        wait = patience - self._watch.saw(row, now)
        if wait <= 0:
            return await self._take(row)
        if not free and now - self._stood_at >= STAND_EVERY:
            self._stood_at = now
            await self._leases.stand_by(self._name, self._candidate.name)
        return min(wait, LOOK_EVERY)

    async def _take(self, seen: LeaseRow | None) -> float:
        began, me = self._now(), self._candidate.name
        taken = False
        self._candidate.owned += 1
        try:
            taken = await self._leases.take(self._name, me, seen)
        finally:
            self._candidate.owned -= not taken
        if not taken:
            return LOOK_EVERY
        epoch, beats = (1, 0) if seen is None else (seen.epoch + 1, seen.standby_beat)
        self._epoch = epoch
        return self._kept(began, LeaseRow(me, epoch, 0, "", beats))

    async def _renew(self, epoch: int) -> float:
        began = self._now()
        row = await self._leases.renew(self._name, self._candidate.name, epoch)
        if row is None:
            self._leave()
            return 0.0
        self._note_lapse()
        return self._kept(began, row)

    def _kept(self, began: float, row: LeaseRow) -> float:
        """It was ours when the store answered what was asked at `began`."""
        now = self._now()
        if not row.standby:
            self._awaited_at = float("-inf")
        elif self._row is not None and row.standby_beat != self._row.standby_beat:
            self._awaited_at = now
        self._row = row
        self._held_until = began + HELD_SECONDS
        if self.held:
            self._tell_held()
        for asked, waiter in self._waiters:
            if asked <= began and not waiter.done():
                waiter.set_result(None)
        self._waiters = [one for one in self._waiters if not one[1].done()]
        return max(began + RENEW_EVERY - now, 0.0)

    def _tell_held(self) -> None:
        if not self._in_office:
            self._in_office = True
            log.info("%s is ours now (epoch %s)", self._name, self._epoch)
            self._changes.put_nowait(Change.TAKEN)
        elif self._lapsed:
            log.warning("%s: the lease is renewed: sending again", self._name)
            self._changes.put_nowait(Change.REGAINED)
        self._lapsed = False

    def _note_lapse(self) -> None:
        if self._in_office and not self._lapsed and not self.held and not self._resigned:
            self._lapsed = True
            log.warning("%s: the lease could not be renewed: nothing is sent", self._name)

    def _leave(self) -> None:
        """It is another's, or anybody's."""
        self._candidate.owned -= 1
        self._epoch, self._held_until, self._lapsed = None, float("-inf"), False
        self._watch = _Watch()
        if self._in_office and not self._resigned:
            log.warning("%s is another's now", self._name)
            self._changes.put_nowait(Change.LOST)
        self._in_office = False
