"""A room's log, as far as this node has it: the latest rows, each encoded once.

It is itself a reader of the log. Rows come by the bus; what a hint does not bring is read once for
everybody, from the bus's recent rows or the store. No row is ever passed over: a row follows the
one before it, or is read with those before it. A lost hint only delays.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from switchboard import events
from switchboard.errors import RetryLater
from switchboard.model import CHANGES, Message
from switchboard.ports import Bus, Clock
from switchboard.reception import Rooms
from switchboard.rooms import Room

from .shared import Row
from .tokens import Cursors, Place, mark_of

KEPT_ROWS = 200
WELCOME_LINES = 50

_CHUNK = 50

log = logging.getLogger(__name__)


class RoomLog:
    """The log of a room; `moved` is called when it has rows that it had not."""

    def __init__(
        self,
        room: Room,
        rooms: Rooms,
        bus: Bus,
        clock: Clock,
        cursors: Cursors,
        moved: Callable[[], None],
    ) -> None:
        self.seq = 0
        """The last row that it has; it has had all before."""
        self._room = room
        self._rooms = rooms
        self._bus = bus
        self._clock = clock
        self._cursors = cursors
        self._moved = moved
        self._mark = 0
        self._known = False
        """Whether the log's end is known."""
        self._head = 0
        """The last row that it heard of."""
        self._rows: deque[Row] = deque(maxlen=KEPT_ROWS)
        self._filling: asyncio.Task[None] | None = None
        self._retry = False
        self._reading: dict[int, asyncio.Task[list[Row]]] = {}
        self._welcome: tuple[int, asyncio.Task[list[Message]]] | None = None

    @property
    def last(self) -> Row | None:
        """The row at `seq`, if it is kept."""
        return self._rows[-1] if self._rows else None

    @property
    def end(self) -> Place:
        """Where it is."""
        return Place(self.seq, mark=self._mark, heard=self._clock.now())

    def part(self, place: Place) -> bytes:
        """What a cursor says of a place in this log."""
        return self._cursors.part(self._room.conversation, place).encode()

    def kept(self, after: int) -> list[Row]:
        """The rows after a seq, if they are all kept."""
        if not self._rows or after + 1 < self._rows[0].seq:
            return []
        return list(islice(self._rows, after + 1 - self._rows[0].seq, None))

    async def after(self, seq: int) -> Sequence[Row]:
        """Rows after a seq, for who comes back. Raises RetryLater.

        Of lines that were changed meanwhile only the store knows how they stand.
        """
        rows = self.kept(seq)
        if rows and not any(row.changes for row in rows):
            return rows
        return await self._stored(seq)

    async def learn(self) -> None:
        """Makes sure that the log's end is known; whoever asks listens. Raises RetryLater."""
        if not self._known:
            end = await self._rooms.end(self._room)
            # As many as may be asked for by those who come back when a node has gone.
            rows = await self._stored(max(0, end - _CHUNK)) if end else []
            self._begin(end, rows)

    async def welcome(self) -> tuple[Place, list[Message]]:
        """Where to begin, and the lines before it, one more than is shown if there is one.

        The end comes before the lines: what is changed after it is told again by an event. Raises
        RetryLater.
        """
        await self.learn()
        place = self.end
        if self._welcome is None or self._welcome[0] != place.seq:
            # Many come at the same time, when a node is gone: one read is enough for them.
            reading = self._rooms.history(self._room, place.seq + 1, WELCOME_LINES + 1)
            self._welcome = (place.seq, asyncio.ensure_future(reading))
        try:
            return place, await asyncio.shield(self._welcome[1])
        except RetryLater:
            self._welcome = None
            raise

    async def holds(self, place: Place) -> bool:
        """Whether the place is one of this log, as far as the log is kept. Raises RetryLater."""
        await self.learn()
        if place.seq > self.seq:
            end = await self._rooms.end(self._room)
            if place.seq > end:
                return False
            self.reach(end)
        if not place.mark or place.seq < 1:
            return place.seq >= 0
        if place.seq == self.seq and self._mark:
            return place.mark == self._mark
        rows = self.kept(place.seq - 1)
        if rows:
            return place.mark == rows[0].mark
        lines = await self._rooms.read(self._room, place.seq - 1, 1)
        return not lines or lines[0].seq != place.seq or place.mark == mark_of(lines[0])

    def committed(self, message: Message) -> None:
        """A row was stored."""
        if message.seq == 1:
            self._known = True  # the log begins before our eyes
        if self._known and message.seq == self.seq + 1:
            self._has(self._row(message))
            self._moved()
        self.reach(message.seq)

    def reach(self, seq: int) -> None:
        """The log goes on to that row, at least."""
        self._head = max(self._head, seq)
        if self._known and self._head > self.seq and self._filling is None:
            self._filling = asyncio.get_running_loop().create_task(self._fill())
            self._filling.add_done_callback(self._filled)

    def sweep(self) -> None:
        """To be called every second: reads what the store has owed."""
        if self._retry:
            self._retry = False
            self.reach(self._head)

    def close(self) -> None:
        """Reads no more."""
        if self._filling is not None:
            self._filling.cancel()

    def _begin(self, end: int, rows: list[Row]) -> None:
        if self._known:
            return
        self._known = True
        self.seq = end
        for row in rows:
            self._has(row)
        self.reach(self._head)

    def _row(self, message: Message) -> Row:
        mark = mark_of(message)
        part = self.part(Place(message.seq, mark=mark, heard=self._clock.now()))
        return Row(message, self._room.id.name, mark, part, self._clock)

    def _has(self, row: Row) -> None:
        self.seq, self._mark = row.seq, row.mark
        self._head = max(self._head, row.seq)
        self._rows.append(row)

    async def _stored(self, after: int) -> list[Row]:
        """Rows after a seq, by the store: read once for all who want the same at a time."""
        task = self._reading.get(after)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._read(after))
            self._reading[after] = task
            task.add_done_callback(lambda _: self._reading.pop(after))
        return await asyncio.shield(task)

    async def _read(self, after: int) -> list[Row]:
        return [self._row(line) for line in await self._rooms.read(self._room, after, _CHUNK)]

    async def _fill(self) -> None:
        while self.seq < self._head:
            head = self._head
            told = await self._bus.recent(self._room.conversation, self.seq) or []
            lines = [event.message for event in told if isinstance(event, events.Committed)]
            if lines and not any(line.act in CHANGES for line in lines):
                rows = [self._row(line) for line in lines]
            else:
                rows = await self._stored(self.seq)
            for row in rows:
                if row.seq > self.seq + 1:
                    # Those between are kept no more: whoever stands before them finds it out.
                    self._rows.clear()
                if row.seq > self.seq:
                    self._has(row)
            if not rows and self._head == head:
                self._head = self.seq  # the store is the truth: a hint was wrong
            self._moved()

    def _filled(self, task: asyncio.Task[None]) -> None:
        self._filling = None
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, RetryLater):
            self._retry = True
        elif error is not None:
            log.error("the log of %s is not read", self._room.conversation, exc_info=error)
        else:
            self.reach(self._head)
