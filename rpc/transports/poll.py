"""The long poll: a reader that lives for one call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from switchboard.attendance import Attendance

from .. import wire
from ..hall import Hall
from ..readers import Reader
from ..room_readers import RoomReader
from ..shared import Row, Shared
from ..tokens import Place
from ..waiters import Seat

LONGEST = 30.0
MOST_EVENTS = 200
"""What does not fit waits for the next poll, which is answered at once."""


class Poll(Reader):
    """Collects events until there is one, the time is over, or it is cut short."""

    __slots__ = ("_begun", "_cut", "_wake", "events", "lost", "rooms", "told")

    def __init__(self, place: Place, told: tuple[int, int]) -> None:
        super().__init__(place)
        self.events: list[wire.Event] = []
        self.told = told
        """What the page knows of desk and talk once it has these events, for its cursor."""
        self._wake: asyncio.Future[None] | None = None
        self._begun = False
        self._cut = False
        self.rooms: tuple[RoomReader, ...] = ()
        self.lost = False
        """Whether its position was none of the log."""

    def begin(self, passing: Iterable[wire.EventData]) -> None:
        """From now on it takes events; `passing` are those that no log holds."""
        self._begun = True
        for data in passing:
            self._take(data)

    def enter(self, rooms: Iterable[tuple[Hall, str, Place]]) -> None:
        """It reads in these rooms too, as the occupant of that id, from that place on."""
        for hall, own, place in rooms:
            reader = hall.add(self, own)
            hall.rounds.place(reader, place)
            self.rooms = (*self.rooms, reader)

    def leave(self) -> None:
        """It reads in no room any more."""
        rooms, self.rooms = self.rooms, ()
        for reader in rooms:
            reader.hall.remove(reader)

    async def collect(self, seat: Seat, wait: float) -> None:
        """Waits at most `wait` seconds for events. Raises RetryLater."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            await seat.catch_up(self)
            for reader in self.rooms:
                await reader.hall.rounds.catch_up(reader)
            left = deadline - loop.time()
            if self.events or self._cut or self.lost or left <= 0:
                return
            self._wake = loop.create_future()
            timer = loop.call_later(left, self._ring)
            try:
                await self._wake
            finally:
                timer.cancel()
                self._wake = None

    def cut_short(self) -> None:
        """Ends the wait now: the client is gone, or the server is about to be."""
        self._cut = True
        self._ring()

    def ready(self) -> bool:
        return self._begun and len(self.events) < MOST_EVENTS and not (self._cut or self.lost)

    def push(self, data: wire.EventData) -> None:
        self._take(data)
        self._ring()

    def fall_behind(self) -> None:
        self._ring()

    def lose_place(self) -> None:
        self.lost = True
        self._ring()

    # What halls see (room_readers.Host).

    def hear(self, reader: RoomReader, told: Sequence[Row | Shared]) -> None:
        for one in told:
            if isinstance(one, Row):
                reader.move(one)
            data = one.data(reader.own)
            if data is not None:
                self.push(data)

    def left(self, reader: RoomReader) -> None:
        self.rooms = tuple(other for other in self.rooms if other is not reader)

    def renamed(self) -> None:
        """The cursor is made when it ends."""

    def _take(self, data: wire.EventData) -> None:
        self.events.append(wire.event(data))
        match data:
            case wire.DeskData():
                self.told = (wire.digest(data), self.told[1])
            case wire.TalkData():
                self.told = (self.told[0], wire.digest(data))
            case _:
                pass

    def _ring(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Polls:
    """All polls that wait on this node."""

    def __init__(self, attendance: Attendance) -> None:
        self._attendance = attendance
        self._waiting: dict[Poll, str] = {}
        self._closed = False

    def __iter__(self) -> Iterator[Poll]:
        return iter(list(self._waiting))

    def add(self, poll: Poll, visitor: str) -> None:
        """A poll begins."""
        self._waiting[poll] = visitor
        if self._closed:
            poll.cut_short()

    def remove(self, poll: Poll) -> None:
        """A poll ends."""
        del self._waiting[poll]

    def sweep(self) -> None:
        """To be called every second, before the attendance's: who waits is here."""
        for visitor in self._waiting.values():
            self._attendance.touch(visitor)

    def close(self) -> None:
        """Answers all of them now, and those at once that still come."""
        self._closed = True
        for poll in self:
            poll.cut_short()
