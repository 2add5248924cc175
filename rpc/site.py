"""The Twisted site: its tree, and what every request meets before it is a call.

A body larger than the limit is refused at the head with HTTP 413, a chunked one as soon as it
has grown too large. Deadlines and doubtful heads are the `Channel`'s.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any
from urllib.parse import unquote_to_bytes

from msgspec import Struct
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from switchboard.errors import SwitchboardError

from . import wire
from .channel import Channel
from .door import RpcDoor
from .pages import Branch, Plain, widget_pages
from .upload_door import PREFIX, UploadDoor, refusal_of
from .uploads import Incoming

_TOO_LARGE = (
    b"413 Content Too Large",
    wire.Error(wire.APPLICATION, "The request is too large.", wire.ErrorData("too_long")),
)


class Limits(Struct, frozen=True):
    """How large a request's body may be, and how long head and body may take; 0 is no limit."""

    request_bytes: int = 65536
    head_seconds: float = 10
    body_seconds: float = 20
    idle_seconds: float = 30
    """How long nothing may come of a file, which has no deadline as a body has."""

    @property
    def largest_request(self) -> int:
        """The limit of a body in bytes."""
        return self.request_bytes or sys.maxsize


class ParleyRequest(Request):
    """A request whose body is bounded and never parsed as a form."""

    channel: Any
    site: ParleySite
    content: io.BytesIO
    incoming: Incoming | None = None
    """A file that goes to the disk as it comes, whatever the limit of a call."""
    _refused = False

    def gotLength(self, length: int | None) -> None:
        """The head is complete; `length` in bytes, None for a chunked body."""
        self.content = io.BytesIO()
        uploads, path = self.channel.site.uploads, self.channel._path
        if uploads is not None and self.channel._command == b"PUT" and path.startswith(PREFIX):
            try:
                self.incoming = uploads.receive(self, path, length)
            except SwitchboardError as failure:
                self._refuse(*refusal_of(failure))
        elif length is not None and length > self.channel.site.limits.largest_request:
            self._refuse(*_TOO_LARGE)

    def handleContentChunk(self, data: bytes) -> None:
        """A part of the body."""
        if self._refused:
            return
        if self.incoming is not None:
            try:
                self.incoming.write(data)
            except SwitchboardError as failure:
                self._refuse(*refusal_of(failure))
        elif self.content.tell() + len(data) > self.channel.site.limits.largest_request:
            self._refuse(*_TOO_LARGE)
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        if not self._refused:
            super().requestReceived(command, path, version)

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone."""
        if self.incoming is not None:
            self.incoming.abandon()
        super().connectionLost(reason)

    def parseCookies(self) -> None:
        """There are none."""

    def process(self) -> None:
        """Finds and renders the resource; without the header that names our software."""
        self.site = self.channel.site
        if self.site.stopped:
            self.channel.transport.abortConnection()
            return
        self.setHeader(b"Date", http.datetimeToString())
        self.prepath = []
        self.postpath = [unquote_to_bytes(part) for part in self.path[1:].split(b"/")]
        try:
            self.render(self.site.getResourceFor(self))
        except Exception:  # noqa: BLE001 - logged by Twisted, answered by a bare 500
            self.processingFailed(Failure())

    def _refuse(self, status: bytes, error: wire.Error) -> None:
        self._refused = True
        self.requestHeaders.removeHeader(b"Expect")
        self.channel.refuse(status, error)


Header = tuple[bytes, bytes]


def _nothing(request: Request) -> Iterable[Header]:
    return ()


class ParleySite(Site):
    """The factory of connections: HTTP/1.1 only, no access log.

    `cross_origin` gives the headers that let another origin's page read a refusal.
    """

    protocol = Channel  # type: ignore[assignment]
    requestFactory = ParleyRequest

    def __init__(
        self,
        root: Resource,
        limits: Limits,
        reactor: IReactorTime | None = None,
        cross_origin: Callable[[Request], Iterable[Header]] = _nothing,
        uploads: UploadDoor | None = None,
    ) -> None:
        super().__init__(root, parsePOSTFormSubmission=False, reactor=reactor)
        self.limits = limits
        self.cross_origin = cross_origin
        self.uploads = uploads
        self.stopping = False
        """Whether each answer is to be its connection's last (RFC 9112 §9.6)."""
        self.stopped = False
        """Whether nothing is answered any more: a front then asks another node."""

    def log(self, request: http.Request) -> None:
        """Not kept: it would hold the addresses of visitors."""


def build_site(
    door: RpcDoor,
    uploads: UploadDoor,
    limits: Limits,
    extra: Mapping[bytes, Resource],
    static: Traversable | None = None,
    reactor: Any = None,
) -> ParleySite:
    """The tree of all pages; `extra` are further children of the root."""
    root = Branch()
    root.putChild(b"rpc", door)
    root.putChild(b"upload", uploads)
    root.putChild(b"healthz", Plain(200, b"ok"))
    widget_pages(root, static if static is not None else files("rpc") / "static")
    for name, child in extra.items():
        root.putChild(name, child)
    return ParleySite(root, limits, reactor, door.cross_origin, uploads)
