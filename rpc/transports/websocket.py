"""The socket: calls come in and are answered in order, events go out as they happen.

It rides on Twisted's own WebSocket server, with what that leaves to us: a message's size is
bounded before it is buffered, and a client that does not read is not read from either.

Close codes: 1001 the server stops, 1003 binary data, 1009 a message too large, 4403 the origin
is not the site's, 4408 no `hello` or `resume` in time.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.web.http import HTTPChannel
from wsproto.utilities import ProtocolError

from .. import wire
from ..admission import WrongOrigin
from ..callers import Caller
from ..dispatch import answer
from ..shared import Shared
from . import frames
from .stream import EventStream

if TYPE_CHECKING:
    from .streams import Streams

MISSED_PONGS = 2
QUEUED_CALLS = 64
"""So many wait for their turn before no more are read."""

_BINARY, _TOO_LARGE, _ORIGIN = 1003, 1009, 4403


class Socket(EventStream):
    """One WebSocket; a `WebSocketProtocol` of Twisted's."""

    __slots__ = ("_caller", "_meter", "_parting", "_queue", "_stopped", "_wire", "missed")

    def __init__(self, hub: Streams, number: int, channel: HTTPChannel, caller: Caller) -> None:
        super().__init__(hub, number)
        self.missed = 0
        """Pings without a sign of life since."""
        self._caller = caller
        caller.stream = self
        self._wire: Any = channel
        self._meter = frames.Meter(hub.web.settings.largest_request)
        self._queue: deque[str] | None = None
        self._stopped = False  # we do not read
        self._parting = False  # to be closed once the calls are answered

    # What Twisted's WebSocket server calls.

    def negotiationStarted(self, transport: Any) -> None:
        """The connection is ours; what arrives is measured before Twisted's server has it."""
        channel, self._wire = self._wire, transport
        self._take_over(channel, transport.transport)

    def negotiationFinished(self) -> None:
        """The client has our answer; it is to call now."""
        self._hub.opened(self)

    def textMessageReceived(self, message: str) -> None:
        """A call, or a batch."""
        if self._closed:
            return
        if self._queue is None:
            self._queue = deque()
        self._queue.append(message)
        self._flow()
        if self._task is None and not self._full:
            self._start(self._work())

    def bytesMessageReceived(self, data: bytes) -> None:
        """No frame of ours is binary."""
        self.close(_BINARY, "text only")

    def pongReceived(self, payload: bytes) -> None:
        """A sign of life, as any octet is."""

    def connectionLost(self, reason: object) -> None:
        super().connectionLost(reason)
        self._wire = None

    # What the TCP transport calls.

    def dataReceived(self, data: bytes) -> None:
        """What comes from the network."""
        self.missed = 0
        if self._closed:
            return
        if (messages := self._meter.whole(data)) is not None:
            for message in messages:
                self.textMessageReceived(message)
            return
        if not self._meter.feed(data):
            self.close(_TOO_LARGE, "message too large")
            return
        try:
            self._wire.dataReceived(data)
        except ProtocolError:
            self.abort()
        if self._transport is not None and self._transport.disconnecting and not self._closed:
            self._leave()
            self._hub.closing(self)
            self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        super().pauseProducing()
        self._flow()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if not self._closed:
            self._flow()

    # What the hub calls.

    def ping(self) -> None:
        """Asks for a sign of life; a client that gave none for long is dropped."""
        if self.missed >= MISSED_PONGS:
            self.abort()
        elif self.settled and not (self._closed or self._stopped):
            self.missed += 1
            self._transport.write(frames.PING)

    def close(self, code: int, reason: str) -> None:
        """Says why and stops writing; the client's end is awaited for CLOSING_SECONDS.

        Not closed at once: with octets unread, the system would answer them by a reset, and the
        client would never see the code.
        """
        if self._closed:
            return
        self._leave()
        self._hub.closing(self)
        self._transport.write(frames.close(code, reason))
        self._transport.unregisterProducer()
        self._transport.loseWriteConnection()
        self._transport.resumeProducing()

    def part(self) -> None:
        if self._queue is None:
            super().part()
        else:
            self._parting = True

    def _flow(self) -> None:
        """Reads on, or not: not while the client leaves our answers unread or calls too fast."""
        stop = self._full or (self._queue is not None and len(self._queue) >= QUEUED_CALLS)
        if stop is self._stopped or self._transport is None:
            return
        self._stopped = stop
        if stop:
            self._transport.pauseProducing()
        else:
            self._transport.resumeProducing()

    def _more_work(self) -> bool:
        return bool(self._queue) and not self._full

    async def _work(self) -> None:
        while self._queue and not self._full:
            frame = self._queue.popleft()
            if len(self._queue) == QUEUED_CALLS - 1:
                self._flow()
            found = await answer(self._hub.web, frame, self._caller)
            if found.body is not None:
                self._send(found.body)
            if isinstance(found.refusal, WrongOrigin):
                self.close(_ORIGIN, "origin")
            if self._due:
                self._release()
        if not self._queue:
            self._queue = None
            if self._parting:
                self.part()
        await self._catch_up()

    def _put(self, cursor: str, data: wire.EventData) -> None:
        self._send(wire.encode_event(cursor, data))

    def _framed(self, cursor: bytes, shared: Shared, own: str) -> bytes:
        tail = shared.tail(own, wire.socket_tail)
        return frames.text(wire.SOCKET_HEAD + cursor + tail) if tail else b""

    def _send(self, body: bytes) -> None:
        if not self._closed:
            frames.write(self._transport, frames.text(body))

    def _leave(self) -> None:
        self._queue = None
        self._caller.gone = True
        super()._leave()
