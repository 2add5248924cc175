"""The visitors of this node and the desks that they look at, kept as long as they are of use."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine

import msgspec

from switchboard.census import Attendance
from switchboard.errors import RetryLater
from switchboard.events import desk_topic
from switchboard.model import Details, SenderKind, Visit
from switchboard.ports import Bus, Clock
from switchboard.reception import DeskBoard, Directory, Talks

from .waiters import DeskWatch, Seat

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
            self._attendance.update(msgspec.structs.replace(visit, details=details))

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
        for seat in self._seats.values():
            seat.close()
        self._seats.clear()
        self._asleep.clear()

    async def _save_details(self, visit: Visit) -> None:
        try:
            await self.talks.save_details(visit)
        except RetryLater as error:
            log.warning("details of %s are not stored: %s", visit.visitor, error)
