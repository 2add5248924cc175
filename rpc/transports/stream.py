"""An open connection that events go out on, whatever they are written as.

It is its transport's producer: when the client does not read, it holds a position in the log
instead of a growing buffer; if it goes on not reading, it is dropped and resumes later.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from switchboard.errors import RetryLater

from .. import wire
from ..hall import Hall
from ..readers import Reader
from ..room_readers import RoomReader
from ..shared import Row, Shared
from ..standing import Standing, news
from ..tokens import Place, StreamCursor, VisitorToken
from ..waiters import Seat
from . import frames

if TYPE_CHECKING:
    from .streams import Streams

UNREAD_BYTES = 16_384
"""What we keep for a client that does not read, beyond what the system takes; Twisted's own
measure is four times that, and with thousands of such clients it is most of a node's memory.
"""

GOING_AWAY = 1001

log = logging.getLogger(__name__)


@implementer(IPushProducer)
class EventStream(Reader):
    """What a socket and a stream of server-sent events have in common.

    To be subclassed with `_put`, `_work`, `ping` and `close`.
    """

    __slots__ = (
        "_closed",
        "_due",
        "_full",
        "_head",
        "_headed",
        "_held",
        "_hub",
        "_late",
        "_lost",
        "_news",
        "_rooms",
        "_seat",
        "_tag",
        "_task",
        "_told",
        "_transport",
        "attended",
        "number",
        "token",
    )

    def __init__(self, hub: Streams, number: int) -> None:
        super().__init__(Place(0))
        self.number = number
        self.attended = False
        """Whether the visitor looks on, so that a dead connection is to be noticed soon."""
        self.token: VisitorToken | None = None
        self._hub = hub
        self._transport: Any = None
        self._task: asyncio.Task[None] | None = None
        self._seat: Seat | None = None
        self._rooms: tuple[RoomReader, ...] = ()
        self._head = b""  # the desk's part of a cursor, for who is in a room…
        self._headed: tuple[int, int, int] | None = None  # … and where it was when that was made
        self._tag = 0
        self._told: Standing | None = None
        self._full = False  # the client does not read
        self._held = True  # no events yet: the call that asks for them is not answered
        self._due = False  # events may begin after the answer
        self._late = False  # the log went on while a task was ending
        self._lost = False  # the position is none of the log
        self._news: Sequence[wire.EventData] = ()  # to be told before all else
        self._closed = False

    # What a transport does in its own way.

    @abstractmethod
    def ping(self) -> None:
        """Shows that the way is open; called every PING_EVERY seconds, or sooner."""

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Says why, in its own way, and ends; the client's end is awaited for a while."""

    def part(self) -> None:
        """Closes because the server stops; where calls are answered, after those that have come."""
        self.close(GOING_AWAY, "server stops")

    @abstractmethod
    def _put(self, cursor: str, data: wire.EventData) -> None:
        """Writes an event; `cursor` is the one after it."""

    @abstractmethod
    def _framed(self, cursor: bytes, shared: Shared, own: str) -> bytes:
        """The octets of what many are told, to that occupant; empty: nothing."""

    @abstractmethod
    async def _work(self) -> None:
        """Does what is due, `_catch_up` at the end."""

    @abstractmethod
    def _more_work(self) -> bool:
        """Whether there is any beside the log."""

    # What the TCP transport calls: its buffer is full, it is empty again, the end.

    def connectionLost(self, reason: object) -> None:
        """The connection is gone; the call under way is still carried out."""
        self._leave()
        self._hub.forget(self)
        frames.forget(self._transport)
        self._transport = None

    def pauseProducing(self) -> None:
        self._full = True
        if self._seat is not None:
            self._told = self._seat.standing
        self._hub.full(self)

    def resumeProducing(self) -> None:
        self._full = False
        self._hub.flows(self)
        if self._closed:
            return
        if self._task is None and self._more_work():
            self._start(self._work())
        if self._seat is not None and not self._held:
            for data in news(self._told, self._seat.standing):
                self.push(data)
            self.fall_behind()

    def stopProducing(self) -> None:
        """The transport closes; connectionLost follows."""

    # What the methods see (callers.Stream).

    def follow(self, token: VisitorToken, seat: Seat, tag: int) -> None:
        self._held = True
        self._due = False
        self.following = False
        if self._seat is not seat:
            try:
                seat.add(self)
            except RetryLater:
                self._hub.web.attendance.closed(token.visitor, self.number)
                raise
            if self.token is not None and self.token.visitor == token.visitor:
                self.token = None
            self._unfollow()
            self._seat = seat
        self._leave_rooms()
        self.token = token
        self._tag = tag
        self._headed = None
        if self._closed:
            self._unfollow()

    def stand_at(self, place: Place | None, news: Sequence[wire.EventData] = ()) -> None:
        self._due = True
        self._news = news
        self._lost = place is None
        if place is not None:
            self.place = place

    def enter(self, hall: Hall, own: str) -> None:
        if self._closed:
            return
        self.leave(hall.conversation)
        self._rooms = (*self._rooms, hall.add(self, own))
        self._headed = None

    def stand_in(self, hall: Hall, place: Place) -> None:
        for reader in self._rooms:
            if reader.hall is hall:
                hall.rounds.place(reader, place)
                self._late = True

    def reads(self, hall: Hall) -> bool:
        return any(reader.hall is hall for reader in self._rooms)

    def cursor(self) -> str:
        assert self.token is not None
        if self._rooms:
            parts = (self._cursor_head(), *(reader.part for reader in self._rooms))
            return b".".join(parts).decode()
        place = StreamCursor(self._tag, {wire.DESK: self.place})
        return self._hub.web.cursors.text(self.token.visitor, place)

    def leave(self, conversation: str) -> None:
        for reader in self._rooms:
            if reader.hall.conversation == conversation:
                reader.hall.remove(reader)
                self.left(reader)

    # What the seat sees (readers.Reader).

    def ready(self) -> bool:
        return not (self._full or self._held or self._lost or self._closed)

    def push(self, data: wire.EventData) -> None:
        if self.token is None or self._closed:
            return
        self._put("" if self._lost else self.cursor(), data)

    def fall_behind(self) -> None:
        self.following = False
        self._late = True
        if self._task is None and self.ready():
            self._start(self._work())

    def lose_place(self) -> None:
        self._lost = True
        self.following = False
        self.push(wire.ResetData())

    # What halls see (room_readers.Host).

    def hear(self, reader: RoomReader, told: Sequence[Row | Shared]) -> None:
        head = self._cursor_head()
        if len(self._rooms) > 1:
            others = [other.part for other in self._rooms if other is not reader]
            head = b".".join((head, *others))
        octets = b""
        for one in told:
            if isinstance(one, Row):
                reader.move(one)
            octets += self._framed(b"%b.%b" % (head, reader.part), one, reader.own)
        if octets:
            frames.write(self._transport, octets)

    def left(self, reader: RoomReader) -> None:
        self._rooms = tuple(other for other in self._rooms if other is not reader)
        self._headed = None

    def renamed(self) -> None:
        self._headed = None

    def _cursor_head(self) -> bytes:
        """The desk's part of a cursor, with what the visitor is called in the rooms."""
        at = (self.seq, self.delivered, self.read)
        if self._headed != at:
            assert self.token is not None
            names = {one.hall.conversation: one.name for one in self._rooms}
            cursor = StreamCursor(self._tag, {wire.DESK: self.place}, names)
            self._head = self._hub.web.cursors.head(self.token.visitor, cursor).encode()
            self._headed = at
        return self._head

    def _leave_rooms(self) -> None:
        rooms, self._rooms = self._rooms, ()
        for reader in rooms:
            reader.hall.remove(reader)

    # What the hub calls.

    @property
    def settled(self) -> bool:
        """Whether it has a visitor."""
        return self.token is not None

    @property
    def work(self) -> asyncio.Task[None] | None:
        """What is under way."""
        return self._task

    def abort(self) -> None:
        """Drops the connection."""
        self._closed = True
        if self._transport is not None:
            self._transport.abortConnection()

    # For the subclasses.

    def _take_over(self, channel: HTTPChannel, transport: Any) -> None:
        """The HTTP channel's connection is ours; the channel, 2 KiB, is let go if it can be."""
        self._transport = transport
        if transport.protocol is channel:
            transport.protocol = self
        else:
            channel.dataReceived = self.dataReceived  # type: ignore[method-assign]
            channel.connectionLost = self.connectionLost  # type: ignore[method-assign]
            channel.requests.clear()
        transport.bufferSize = UNREAD_BYTES
        transport.unregisterProducer()
        transport.registerProducer(self, True)

    @abstractmethod
    def dataReceived(self, data: bytes) -> None:
        """What comes from the network."""

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._worked)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a stream's work failed", exc_info=error)
            self.abort()
        elif self._more_work() or (self._late and self.ready()):
            self._start(self._work())

    def _release(self) -> None:
        """The call is answered: events may begin."""
        self._held = self._due = False
        news, self._news = self._news, ()
        for data in news if not self._lost else (wire.ResetData(),):
            self.push(data)

    async def _catch_up(self) -> None:
        self._late = False
        seat = self._seat
        if seat is None or not self.ready():
            return
        try:
            if not self.following:
                await seat.catch_up(self)
            for reader in self._rooms:
                if not reader.following:
                    await reader.hall.rounds.catch_up(reader)
        except RetryLater:
            self._hub.retry(self)

    def _leave(self) -> None:
        self._closed = True
        self._unfollow()

    def _unfollow(self) -> None:
        self._leave_rooms()
        if self._seat is not None:
            self._seat.remove(self)
            self._seat = None
        if self.token is not None:
            self._hub.web.attendance.closed(self.token.visitor, self.number)
