"""The logs of public rooms in slices, as they are given to anybody.

A slice is SLICE rows of the log, after a seq that is a multiple of it, so that all who read the
same part ask for the same. Its lines are as they stand: a change is a row that brings a line of its
own to nobody. The tail is the last lines, whatever their seqs.

What was read once is kept as long as nothing in it can have changed: every change is a row, whose
event names its target; a Look, a row that does not follow the last one, or a bus that may have lost
something, make all be read again, and so does FRESH_SECONDS, for whatever no row tells of. So most
questions cost no SQL. Rooms and bytes that are kept are bounded; who asks for the same at once
waits for one read.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from switchboard import events
from switchboard.model import CHANGES, Act, Message
from switchboard.ports import Bus, Clock, Unsubscribe
from switchboard.reception import Rooms
from switchboard.rooms import Room

from . import wire

SLICE = 100
TAIL = 50
FRESH_SECONDS = 30.0
"""So old at most is what is given out."""
MOST_ROOMS = 200
MOST_BYTES = 16_000_000
MOST_ZIPPED = 256_000
"""Larger ones would hold up the loop; a front may do it."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_Key = tuple[str, int | None]

_encode = msgspec.json.Encoder().encode


class Slice(Struct, frozen=True):
    """A slice as it goes out; `etag` is another one with every change of the octets."""

    body: bytes
    zipped: bytes | None
    etag: bytes

    @property
    def size(self) -> int:
        """In octets, as kept."""
        return len(self.body) + len(self.zipped or b"")


class _Log:
    """What is known of a room's log."""

    __slots__ = ("end", "since", "slices", "unsubscribe")

    def __init__(self, since: float) -> None:
        self.since = since
        self.end = 0
        self.slices: set[int | None] = set()
        self.unsubscribe: Unsubscribe = lambda: None


class Slices:
    """All that this node keeps of public logs."""

    def __init__(self, rooms: Rooms, bus: Bus, clock: Clock) -> None:
        self._rooms = rooms
        self._bus = bus
        self._clock = clock
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._kept: OrderedDict[_Key, Slice] = OrderedDict()
        self._octets = 0
        self._learning: dict[str, asyncio.Task[None]] = {}
        self._reading: dict[_Key, asyncio.Task[Slice]] = {}
        self._unsubscribe = bus.on_missed(self._forget_all)

    def __len__(self) -> int:
        return len(self._kept)

    def at_hand(self, room: Room, after: int | None) -> Slice | None:
        """As `slice`, if nothing has to be read for it."""
        log = self._logs.get(room.conversation)
        if log is None:
            return None
        if self._clock.monotonic() - log.since >= FRESH_SECONDS:
            self._forget(room.conversation)
            return None
        self._logs.move_to_end(room.conversation)
        if after is not None and after >= log.end:
            # Not kept: there are as many as one likes to ask for.
            return _slice(room, after, [], after, more=False)
        found = self._kept.get((room.conversation, after))
        if found is not None:
            self._kept.move_to_end((room.conversation, after))
        return found

    async def slice(self, room: Room, after: int | None) -> Slice:
        """The slice after a seq, a multiple of SLICE; None: the tail. Raises RetryLater."""
        while (found := self.at_hand(room, after)) is None:
            log = self._logs.get(room.conversation)
            if log is not None:
                key = (room.conversation, after)
                return await _once(self._reading, key, partial(self._read, room, log, after))
            await _once(self._learning, room.conversation, partial(self._learn, room))
        return found

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()
        self._forget_all()

    async def _learn(self, room: Room) -> None:
        """Listens, and then reads how far the log is."""
        log = _Log(self._clock.monotonic())
        topic = events.conversation_topic(room.conversation)
        log.unsubscribe = self._bus.subscribe(topic, partial(self._heard, room.conversation, log))
        try:
            await self._bus.listening(topic)
            log.end = max(log.end, await self._rooms.end(room))
        except BaseException:
            log.unsubscribe()
            raise
        self._logs[room.conversation] = log
        if len(self._logs) > MOST_ROOMS:
            self._forget(next(iter(self._logs)))

    async def _read(self, room: Room, log: _Log, after: int | None) -> Slice:
        end = log.end
        if after is None:
            rows = await self._rooms.history(room, None, TAIL)
            last = max([end, *(row.seq for row in rows)])
            found = _slice(room, rows[0].seq - 1 if rows else end, rows, last, more=False)
        else:
            rows = await self._rooms.read(room, after, SLICE)
            rows = [row for row in rows if row.seq <= after + SLICE]
            last = max([after, *(row.seq for row in rows)])
            found = _slice(room, after, rows, last, more=end > after + SLICE)
        key = (room.conversation, after)
        # Else something in it has changed meanwhile.
        if self._reading.get(key) is asyncio.current_task():
            self._keep(key, log, found)
        return found

    def _keep(self, key: _Key, log: _Log, found: Slice) -> None:
        self._kept[key] = found
        log.slices.add(key[1])
        self._octets += found.size
        while self._octets > MOST_BYTES:
            self._drop(next(iter(self._kept)))

    def _heard(self, conversation: str, log: _Log, event: events.Event) -> None:
        match event:
            case events.Committed(message=row):
                if row.seq > log.end + 1:
                    self._drop_all(conversation, log)
                changed = {None, _start(row.seq), _start(row.seq - 1)}
                if row.act in CHANGES and row.target is not None:
                    changed.add(_start(row.target))
                for after in changed:
                    self._drop((conversation, after))
                log.end = max(log.end, row.seq)
            case events.Look(seq=seq):
                self._drop_all(conversation, log)
                log.end = max(log.end, seq)

    def _drop(self, key: _Key) -> None:
        """It is read anew by whoever asks from now on."""
        self._reading.pop(key, None)
        found = self._kept.pop(key, None)
        if found is not None:
            self._octets -= found.size
            self._logs[key[0]].slices.discard(key[1])

    def _drop_all(self, conversation: str, log: _Log) -> None:
        for key in [key for key in self._reading if key[0] == conversation]:
            del self._reading[key]
        for after in list(log.slices):
            self._drop((conversation, after))

    def _forget(self, conversation: str) -> None:
        log = self._logs[conversation]
        self._drop_all(conversation, log)
        log.unsubscribe()
        del self._logs[conversation]

    def _forget_all(self) -> None:
        for conversation in list(self._logs):
            self._forget(conversation)


async def _once(
    tasks: dict[K, asyncio.Task[T]], key: K, work: Callable[[], Coroutine[Any, Any, T]]
) -> T:
    """What `work` gives, or who is at it already."""
    task = tasks.get(key)
    if task is None:
        task = tasks[key] = asyncio.get_running_loop().create_task(work())

        def done(task: asyncio.Task[T]) -> None:
            if tasks.get(key) is task:
                del tasks[key]
            if not task.cancelled():
                # Those who waited may all have gone.
                task.exception()

        task.add_done_callback(done)
    return await asyncio.shield(task)


def _start(seq: int) -> int:
    """The slice that a row is in."""
    return max(0, seq - 1) // SLICE * SLICE


def _slice(room: Room, after: int, rows: list[Message], last: int, more: bool) -> Slice:
    name = room.id.name
    lines = [
        # Nobody's view: no line is the reader's own.
        msgspec.structs.replace(wire.line(row, ""), conversation=name)
        for row in rows
        if row.act is Act.SAY
    ]
    body = _encode(wire.LogSlice(name, after, lines, last, more))
    zipped = gzip.compress(body, 5, mtime=0) if len(body) <= MOST_ZIPPED else b""
    digest = hashlib.blake2b(body, digest_size=10).hexdigest()
    smaller = zipped if 0 < len(zipped) < len(body) else None
    return Slice(body, smaller, b"%d-%s" % (last, digest.encode()))
