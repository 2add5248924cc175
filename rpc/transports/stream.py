"""An open connection that events go out on, whatever they are written as.

It is its transport's producer: when the client does not read, it holds a position in the log
instead of a growing buffer; if it goes on not reading, it is dropped and resumes later.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from switchboard.errors import RetryLater

from .. import wire
from ..readers import Reader
from ..tokens import Place, StreamCursor, VisitorToken
from ..waiters import Seat, Standing, news
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
        "_held",
        "_hub",
        "_late",
        "_lost",
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
        self._tag = 0
        self._told: Standing | None = None
        self._full = False  # the client does not read
        self._held = True  # no events yet: the call that asks for them is not answered
        self._due = False  # events may begin after the answer
        self._late = False  # the log went on while a task was ending
        self._lost = False  # the position is none of the log
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
        self.token = token
        self._tag = tag
        if self._closed:
            self._unfollow()

    def stand_at(self, place: Place | None) -> None:
        self._due = True
        self._lost = place is None
        if place is not None:
            self.place = place

    # What the seat sees (waiters.Reader).

    def ready(self) -> bool:
        return not (self._full or self._held or self._lost or self._closed)

    def push(self, data: wire.EventData) -> None:
        if self.token is None or self._closed:
            return
        cursor = ""
        if not self._lost:
            place = StreamCursor(self._tag, {wire.DESK: self.place})
            cursor = self._hub.web.cursors.text(self.token.visitor, place)
        self._put(cursor, data)

    def fall_behind(self) -> None:
        self.following = False
        self._late = True
        if self._task is None and self.ready():
            self._start(self._work())

    def lose_place(self) -> None:
        self._lost = True
        self.following = False
        self.push(wire.ResetData())

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
        if self._lost:
            self.push(wire.ResetData())

    async def _catch_up(self) -> None:
        self._late = False
        seat = self._seat
        if seat is None or self.following or not self.ready():
            return
        try:
            await seat.catch_up(self)
        except RetryLater:
            self._hub.retry(self)

    def _leave(self) -> None:
        self._closed = True
        self._unfollow()

    def _unfollow(self) -> None:
        if self._seat is not None:
            self._seat.remove(self)
            self._seat = None
        if self.token is not None:
            self._hub.web.attendance.closed(self.token.visitor, self.number)
