"""One connection's HTTP: how long a request may take to arrive, and which heads are refused.

Twisted's own timeout begins again with every octet; here a whole head and a whole body have one
deadline each, which nothing restarts, but for a visitor's file: that may take as long as it keeps
coming, within an hour. A connection between two requests may idle as Twisted has
it. A request that arrives in one piece, as nearly all do, costs no timer.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.http_headers import Headers

from . import wire

if TYPE_CHECKING:
    from .site import ParleySite

LINGER_SECONDS = 2.0
"""How long we read on after a refusal, so that the client gets to see it (RFC 9112 §9.6)."""

UNSENT_BYTES = 65_536
"""What the system takes of us beyond what the client's system has room for: without it, it takes
up to tcp_wmem's 4 MB for every client that does not read.
"""

_BAD = wire.Error(wire.APPLICATION, "This is not proper HTTP.", wire.ErrorData("invalid"))
_LATE = wire.Error(
    wire.APPLICATION, "The request took too long to arrive.", wire.ErrorData("too_slow")
)


class Channel(http.HTTPChannel):
    """HTTP/1.1 with deadlines, and with no two ways to read where a request ends."""

    site: ParleySite
    _deadline: Any = None
    _ending: Any = None

    def connectionMade(self) -> None:
        """The connection is there; the system is not to hold megabytes for who does not read."""
        super().connectionMade()
        handle = getattr(self.transport, "socket", None)
        if handle is not None and handle.family in (socket.AF_INET, socket.AF_INET6):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def dataReceived(self, data: bytes) -> None:
        """What comes from the network."""
        super().dataReceived(data)
        if self._handlingRequest:
            return
        incoming = self.requests[-1].incoming if self.requests and not self.line_mode else None
        if incoming is not None:
            self._in_time()
            self._within(min(self.site.limits.idle_seconds, incoming.seconds_left))
        elif self._deadline is not None:
            return
        elif not self.line_mode:
            self._within(self.site.limits.body_seconds)
        elif self.requests or self._buffer:
            self._within(self.site.limits.head_seconds)

    def headerReceived(self, line: bytes) -> bool:
        """A header; False if it is none, and refused."""
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of thousands of digits
            self._respondToBadRequestAndDisconnect()
            return False

    def allHeadersReceived(self) -> None:
        """The head is complete."""
        self._in_time()
        if _proper(self.requests[-1], self._version):
            super().allHeadersReceived()
        else:
            self._respondToBadRequestAndDisconnect()

    def allContentReceived(self) -> None:
        """The request is complete."""
        self._in_time()
        super().allContentReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self._in_time()
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        super().connectionLost(reason)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """An answer begins; a server that stops takes no other request on this connection."""
        if self.site.stopping and code != b"101":
            self.persistent = False
            headers.setRawHeaders(b"Connection", [b"close"])
        super().writeHeaders(version, code, reason, headers)

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the head is longer than any should be."""
        self._respondToBadRequestAndDisconnect()

    def refuse(self, status: bytes, error: wire.Error) -> None:
        """Answers, reads no more, and closes; `status` with its reason, as `413 Content …`."""
        if self._ending is not None:
            return
        self._in_time()
        self.setTimeout(None)
        self.persistent = False
        self.length = None  # so that Twisted does not take the request for complete
        self.dataReceived = self.lineReceived = self.rawDataReceived = _ignore  # type: ignore[method-assign]
        body = wire.encode(wire.Failed(None, error))
        lines = [
            (b"Content-Type", b"application/json"),
            (b"Content-Length", b"%d" % len(body)),
            (b"Connection", b"close"),
            *(self.site.cross_origin(self.requests[-1]) if self.requests else ()),
        ]
        transport: Any = self.transport
        transport.writeSequence(
            [b"HTTP/1.1 %s\r\n" % status, *(b"%s: %s\r\n" % line for line in lines), b"\r\n", body]
        )
        transport.unregisterProducer()
        transport.resumeProducing()
        transport.loseWriteConnection()
        self._ending = self.callLater(LINGER_SECONDS, self._end)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Twisted's own answer could be lost: with octets unread, closing is a reset."""
        self.refuse(b"400 Bad Request", _BAD)

    def _within(self, seconds: float) -> None:
        if seconds and self._ending is None:
            self._deadline = self.callLater(seconds, self._late)

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        self.refuse(b"408 Request Timeout", _LATE)

    def _end(self) -> None:
        self._ending = None
        transport: Any = self.transport
        transport.abortConnection()


def _proper(request: http.Request, version: bytes) -> bool:
    """Whether everybody would read the same request (RFC 9112 §3.2, §6.1, §11.2)."""
    headers = request.requestHeaders
    hosts = len(headers.getRawHeaders(b"Host", ()))
    if hosts != 1 and (hosts > 1 or version == b"HTTP/1.1"):
        return False
    codings = headers.getRawHeaders(b"Transfer-Encoding")
    if codings is None:
        return True
    return (
        version == b"HTTP/1.1"
        and [coding.lower() for coding in codings] == [b"chunked"]
        and not headers.hasHeader(b"Content-Length")
    )


def _ignore(data: bytes) -> None:
    """What comes after a refusal."""
