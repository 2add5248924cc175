"""Server-sent events (WHATWG HTML §9.2): what a socket would say, as the body of an answer.

It begins with a comment, so that a proxy that keeps bodies back is noticed, and has one every
PING_EVERY seconds, or ATTENDED_EVERY where the client asks for it: its pings go by another
connection, so only the stream itself can tell that the stream is alive. Each event's `id` is the
cursor after it. The stream ends with a comment that says why, and with a `retry` that spreads the
clients' return; after `reset` it ends too, for only `hello` gives a new cursor. The body is
delimited by the connection's end: the HTTP channel is let go, and an idle stream costs no more
than an idle socket.
"""

from __future__ import annotations

import random
import socket
from typing import Any

from twisted.web.http import HTTPChannel, datetimeToString

from .. import wire
from ..shared import Shared
from . import frames
from .stream import EventStream

SPREAD_MS = 100, 800
"""When a client is to come back after an end, from and to: soon, for the ends are spread too."""
UNHEARD_MS = 85_000
"""How long the system waits for a client's system to confirm what was sent: the client has no
way to answer a comment.
"""

_OPENING = b": here\n\n"
_COMMENT = b":\n\n"


class SseStream(EventStream):
    """One stream of server-sent events; `begin` it once `resume` has placed it."""

    __slots__ = ()

    def begin(
        self, channel: HTTPChannel, headers: list[tuple[bytes, bytes]], attended: bool
    ) -> None:
        """Answers the request whose connection it takes, with these headers too."""
        self.attended = attended
        transport: Any = channel.transport
        channel.persistent = 0
        self._take_over(channel, transport)
        transport.resumeProducing()
        _give_up_in_time(transport)
        lines = [
            (b"Date", datetimeToString()),
            (b"Content-Type", b"text/event-stream"),
            (b"X-Accel-Buffering", b"no"),
            (b"Connection", b"close"),
            *headers,
        ]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self._write(b"HTTP/1.1 200 OK\r\n%s\r\n%s" % (head, _OPENING))
        self._hub.opened(self)
        self._release()
        if self._seat is not None and self.ready():
            for data in self._seat.standing:
                self.push(data)
            self.fall_behind()

    def give_up(self) -> None:
        """It does not begin: the call was refused, or the client is gone."""
        self._leave()

    def dataReceived(self, data: bytes) -> None:
        """Nothing that a client says here means anything."""

    def push(self, data: wire.EventData) -> None:
        super().push(data)
        if self._lost:
            self.close(0, "reset")

    def ping(self) -> None:
        if not (self._full or self._closed):
            self._write(_COMMENT)

    def close(self, code: int, reason: str) -> None:
        if self._closed:
            return
        retry = random.randint(*SPREAD_MS)
        self._write(b"retry: %d\n: %s\n\n" % (retry, reason.encode("ascii")))
        self._leave()
        self._hub.closing(self)
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _put(self, cursor: str, data: wire.EventData) -> None:
        self._write(wire.encode_sse(cursor, data))

    def _framed(self, cursor: bytes, shared: Shared, own: str) -> bytes:
        tail = shared.tail(own, wire.sse_tail)
        return wire.SSE_HEAD + cursor + tail if tail else b""

    async def _work(self) -> None:
        await self._catch_up()

    def _more_work(self) -> bool:
        return False

    def _write(self, octets: bytes) -> None:
        frames.write(self._transport, octets)


def _give_up_in_time(transport: Any) -> None:
    handle = getattr(transport, "socket", None)
    if handle is None or handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        handle.setsockopt(socket.IPPROTO_TCP, option, UNHEARD_MS)
