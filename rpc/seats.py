"""The visitors of this node and the desks that they look at, kept as long as they are of use."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine

import msgspec

from switchboard.attendance import Attendance
from switchboard.errors import RetryLater
from switchboard.events import desk_topic
from switchboard.model import Details, SenderKind, Visit
from switchboard.ports import FALLBACK_SECONDS, Bus, Clock
from switchboard.reception import DeskBoard, Directory, Talks

from .desk_watch import DeskWatch
from .waiters import Seat

STAYS_SECONDS = 45.0
"""How long a seat outlives its last reader, beyond the grace period."""

log = logging.getLogger(__name__)


class Seats:
    """The seats of this node. `stays`: how long one without readers is kept, in seconds."""

    def __init__(
        self,
        directory: Directory,
        talks: Talks,
        attendance: Attendance,
        desks: DeskBoard,
        bus: Bus,
        clock: Clock,
        stays: float,
    ) -> None:
        self.talks = talks
        self.bus = bus
        self.clock = clock
        self._directory = directory
        self._attendance = attendance
        self._desks = desks
        self._stays = stays
        self._seats: dict[str, Seat] = {}
        self._asleep: OrderedDict[str, float] = OrderedDict()
        self._watches: dict[str, DeskWatch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe = bus.on_missed(self._missed)
        self._missing = False
        self._asking: asyncio.Task[None] | None = None
        self._differ: dict[str, tuple[Details, Details]] = {}
        """By visitor: details here and in the store, when they were last compared."""

    def __len__(self) -> int:
        return len(self._seats)

    def seat(self, visit: Visit) -> Seat:
        """The visitor's seat; from now on nothing is missed."""
        seat = self._seats.get(visit.visitor)
        if seat is None:
            seat = Seat(self, visit.visitor, self.watch(visit.site))
            self._seats[visit.visitor] = seat
        if not seat.readers:
            self.asleep(seat)
        return seat

    def watch(self, site: str) -> DeskWatch:
        """The site's desk, as visitors are told of it."""
        watch = self._watches.get(site)
        if watch is None:
            found = self._directory.find(site)
            desk = self._desks.desk(site, found.settings.title if found else "")
            watch = self._watches[site] = DeskWatch(desk)
            self._desks.listen(site, watch.changed)
            self.bus.subscribe(desk_topic(site), watch.heard)
        return watch

    def operator_name(self, site: str, id: str) -> str:
        """What visitors call an operator; "" if there is none of that id."""
        found = self._directory.operator_of_id(site, id)
        return found.name if found is not None else ""

    def load_sites(self) -> None:
        """To be called when sites have changed: their desks are heard of from now on."""
        for site in self._directory.sites():
            self.watch(site.key).retitle(site.settings.title)

    def asleep(self, seat: Seat) -> None:
        """Nobody reads there for now."""
        self._asleep[seat.visitor] = self.clock.monotonic()
        self._asleep.move_to_end(seat.visitor)

    def awake(self, seat: Seat) -> None:
        """Somebody reads there."""
        self._asleep.pop(seat.visitor, None)

    def spoken(self, visitor: str, by: SenderKind) -> None:
        """There is a conversation with the visitor from now on.

        If the visitor began it, `say` stores the details.
        """
        visit = self._attendance.visit(visitor)
        if visit is None or visit.spoken:
            return
        visit = self._attendance.update(msgspec.structs.replace(visit, spoken=True))
        if by is not SenderKind.VISITOR and visit.details != Details():
            self._run(self._save_details(visit))

    def described(self, visitor: str, details: Details) -> None:
        """An operator changed what is known of a visitor, and has stored it."""
        visit = self._attendance.visit(visitor)
        if visit is not None:
            self._attendance.update(visit.described(details))

    def sweep(self) -> None:
        """To be called every second: gives up seats that nobody uses."""
        before = self.clock.monotonic() - self._stays
        while self._asleep:
            visitor, since = next(iter(self._asleep.items()))
            if since > before:
                return
            del self._asleep[visitor]
            self._seats.pop(visitor).close()

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()
        if self._asking is not None:
            self._asking.cancel()
        for seat in self._seats.values():
            seat.close()
        self._seats.clear()
        self._asleep.clear()

    def _missed(self) -> None:
        """Hints may have been lost: who reads is told what the store has; others ask when they
        come."""
        for visitor in self._asleep:
            self._seats[visitor].doubt()
        self._missing = True
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._make_good())

    async def _make_good(self) -> None:
        while self._missing:
            self._missing = False
            try:
                await self._compare()
            except RetryLater as error:
                log.warning("what the bus lost could not be read: %s", error)
                await asyncio.sleep(FALLBACK_SECONDS)
                self._missing = True

    async def _compare(self) -> None:
        asked_in = {seat.visitor: seat.state for seat in self._seats.values() if seat.readers}
        for found in await self.talks.standings(list(asked_in)):
            seat = self._seats.get(found.id)
            if seat is not None:
                seat.stands(found, asked_in[found.id])
        visits = [self._attendance.visit(visitor) for visitor in asked_in]
        before = {visit.visitor: visit.details for visit in visits if visit and visit.spoken}
        stored = await self.talks.details_of(list(before))
        differ = {one: (before[one], told) for one, told in stored.items() if told != before[one]}
        for visitor, pair in differ.items():
            # Else they may be on their way to the store.
            if self._differ.get(visitor) == pair:
                self.described(visitor, pair[1])
        self._differ = differ

    async def _save_details(self, visit: Visit) -> None:
        try:
            await self.talks.save_details(visit)
        except RetryLater as error:
            log.warning("details of %s are not stored: %s", visit.visitor, error)
