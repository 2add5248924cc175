"""The rooms of this node: kept as long as anybody here is in them, or reads them.

Who of this node's visitors is in a room is what their visits say, and the attendance tells it; a
room that a site gives up, and a ban, end it.
"""

from __future__ import annotations

import asyncio
import logging

from msgspec.structs import replace

from switchboard.attendance import Attendance
from switchboard.errors import RetryLater
from switchboard.ports import FALLBACK_SECONDS, Bus, Clock
from switchboard.reception import DeskBoard, Directory, Rooms, Talks
from switchboard.rooms import Room, Seated

from .hall import Hall, newcomer
from .tokens import Cursors

log = logging.getLogger(__name__)


class Halls:
    """The halls of this node. `stays`: how long one that nobody uses is kept, in seconds."""

    def __init__(
        self,
        directory: Directory,
        rooms: Rooms,
        talks: Talks,
        attendance: Attendance,
        desks: DeskBoard,
        bus: Bus,
        clock: Clock,
        cursors: Cursors,
        stays: float,
    ) -> None:
        self._directory = directory
        self._rooms = rooms
        self._talks = talks
        self._attendance = attendance
        self._desks = desks
        self._bus = bus
        self._clock = clock
        self._cursors = cursors
        self._stays = stays
        self._halls: dict[str, Hall] = {}
        self._missing = False
        self._asking: asyncio.Task[None] | None = None
        self._unsubscribe = bus.on_missed(self._missed)
        attendance.watch_rooms(self._moved)

    def __len__(self) -> int:
        return len(self._halls)

    def hall(self, room: Room) -> Hall:
        """The room's hall; from now on nothing is missed."""
        hall = self._halls.get(room.conversation)
        if hall is None:
            hall = Hall(room, self._rooms, self._bus, self._clock, self._cursors, self)
            self._halls[room.conversation] = hall
        hall.used_at = self._clock.monotonic()
        return hall

    def find(self, conversation: str) -> Hall | None:
        """The hall of a room that there is, by its conversation."""
        room = self._directory.room(conversation)
        return self.hall(room) if room is not None else None

    def seat(self, visitor: str, hall: Hall, name: str) -> None:
        """The visitor is in the room, under that name; it was checked."""
        visit = self._attendance.visit(visitor)
        if visit is not None:
            others = [one for one in visit.rooms if one.room != hall.conversation]
            rooms = (*others, Seated(hall.conversation, name))
            self._attendance.update(replace(visit, rooms=rooms))
            if visitor not in hall.guests:
                hall.seat(visitor, name)  # the room was away, and the visit has kept it

    def unseat(self, visitor: str, conversation: str, kicked: bool = False) -> None:
        """The visitor is in the room no more, on any node: a leave, or made to go."""
        hall = self._halls.get(conversation)
        if hall is not None:
            hall.unseat(visitor, kicked=kicked, gone=True)
        visit = self._attendance.visit(visitor)
        if visit is not None:
            rooms = tuple(one for one in visit.rooms if one.room != conversation)
            self._attendance.update(replace(visit, rooms=rooms))

    # What halls hear.

    def expelled(self, hall: Hall, visitor: str) -> None:
        """See hall.Watcher."""
        if visitor in hall.guests:
            self.unseat(visitor, hall.conversation, kicked=True)

    def renamed(self, hall: Hall, visitor: str, name: str) -> None:
        """See hall.Watcher."""
        if visitor in hall.guests:
            self.seat(visitor, hall, name)
            hall.tell_renamed(visitor)

    def has_gateway(self, hall: Hall) -> bool:
        """See hall.Watcher."""
        return self._desks.heard(hall.room.id.site)

    # What the edge calls.

    def load(self) -> None:
        """To be called when sites or bans have changed."""
        now = self._clock.now()
        for hall in list(self._halls.values()):
            room = self._directory.room(hall.conversation)
            if room is not None:
                hall.room = room
                hall.roster.newcomer = newcomer(room)
            for visitor in list(hall.guests):
                ban = self._directory.ban(hall.room.id.site, visitor)
                if room is None or not room.settings.guests or (ban and ban.holds(now)):
                    self.unseat(visitor, hall.conversation, kicked=True)

    def sweep(self) -> None:
        """To be called every second, after the attendance's."""
        now = self._clock.monotonic()
        for conversation, hall in list(self._halls.items()):
            hall.sweep()
            if not hall.used and now - hall.used_at > self._stays:
                del self._halls[conversation]
                hall.close()

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()
        if self._asking is not None:
            self._asking.cancel()
        for hall in self._halls.values():
            hall.close()
        self._halls.clear()

    def _moved(self, visitor: str, before: tuple[Seated, ...], now: tuple[Seated, ...]) -> None:
        """A visitor of this node came to rooms or went, as the attendance has it."""
        for seated in now:
            if seated not in before and (hall := self.find(seated.room)) is not None:
                hall.seat(visitor, seated.name)
        rooms = {seated.room for seated in now}
        for seated in before:
            if seated.room not in rooms and seated.room in self._halls:
                self._halls[seated.room].unseat(visitor)

    def _missed(self) -> None:
        self._missing = True
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._make_good())

    async def _make_good(self) -> None:
        while self._missing:
            self._missing = False
            try:
                found = await self._talks.standings(list(self._halls))
            except RetryLater as error:
                log.warning("what the bus lost could not be read: %s", error)
                await asyncio.sleep(FALLBACK_SECONDS)
                self._missing = True
                continue
            ends = {one.id: one.seq for one in found}
            for conversation, hall in self._halls.items():
                hall.missed(ends.get(conversation, 0))
