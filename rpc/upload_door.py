"""`/upload/TICKET` takes a visitor's file, `/files/ID/NAME` gives it to whoever has its address.

What visitors send is hostile: nothing of it is served as a page or a script of this origin. Only
what begins as a PNG, JPEG, GIF or WebP image does is shown, all else is for downloading.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import File

from switchboard.errors import Forbidden, Reject, RetryLater, SwitchboardError

from . import wire
from .admission import Proxies
from .dispatch import error_of
from .door import Door, origin_of
from .pages import Plain
from .services import Services
from .transports.streams import Streams
from .uploads import ANY, Incoming, Uploads, clean_name

if TYPE_CHECKING:
    from .site import ParleyRequest

PREFIX = b"/upload/"
_ONE_RANGE = re.compile(rb"bytes=(?:\d+-\d*|-\d+)")
_STATUS = {
    403: b"403 Forbidden",
    409: b"409 Conflict",
    413: b"413 Content Too Large",
    503: b"503 Service Unavailable",
    400: b"400 Bad Request",
}


class UploadDoor(Door):
    """Takes PUT and OPTIONS; the octets are on their way to the disk before it is rendered."""

    isLeaf = True
    allowed = b"PUT, OPTIONS"

    def __init__(self, web: Services, streams: Streams, proxies: Proxies) -> None:
        super().__init__(web, streams, proxies)
        self._uploads = web.uploads

    def receive(self, request: ParleyRequest, path: bytes, length: int | None) -> Incoming:
        """The head of a PUT has come: where its body goes. Raises SwitchboardError.

        `length` in octets, None for a chunked body.
        """
        ticket = self._uploads.ticket(path.removeprefix(PREFIX).decode("latin-1"))
        self._web.origins.check(ticket.site, origin_of(request))
        if length is not None and length > ticket.size:
            raise Reject("too_long", "The file is larger than was said.")
        return self._uploads.receive(ticket)

    def render(self, request: ParleyRequest) -> bytes | int:  # type: ignore[override]
        match request.method:
            case b"PUT" if request.incoming is not None:
                caller = self._caller(request)
                return self._later(request, caller, self._finish(request, request.incoming))
            case b"OPTIONS":
                return self._preflight(request)
            case _:
                return self._not_so(request, "Send a file by PUT.")

    async def _finish(self, request: ParleyRequest, incoming: Incoming) -> None:
        body = b""
        try:
            await incoming.finish()
            request.setResponseCode(204)
            self._set_headers(request)
        except SwitchboardError as failure:
            body = self._now(request, status_of(failure), wire.Failed(None, error_of(failure)))
        if not request._disconnected:
            request.write(body)
            request.finish()


class Files(Resource):
    """Gives files by GET, whole or a range of them."""

    isLeaf = True

    def __init__(self, uploads: Uploads) -> None:
        super().__init__()
        self._uploads = uploads

    def render(self, request: Any) -> bytes | int:
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD")
            return Plain(405, b"Only GET.\n").render(request)
        id, name = [*(part.decode(errors="replace") for part in request.postpath), "", ""][:2]
        found = self._uploads.find(id)
        if found is None or len(request.postpath) != 2:
            return Plain(404, b"There is nothing here.\n").render(request)
        path, image = found
        _set_headers(request, clean_name(name), bool(image))
        if not _ONE_RANGE.fullmatch(request.getHeader(b"Range") or b""):
            # Many ranges at once would be many times the file.
            request.requestHeaders.removeHeader(b"Range")
        file = File(str(path))
        file.type, file.encoding = image or ANY, None
        answer: bytes | int = file.render_GET(request)
        return answer


def refusal_of(failure: SwitchboardError) -> tuple[bytes, wire.Error]:
    """The status line's end and the body of a refusal at the head."""
    return _STATUS[status_of(failure)], error_of(failure)


def status_of(failure: SwitchboardError) -> int:
    """The HTTP status of a file that is not taken."""
    match failure:
        case Forbidden():
            return 403
        case RetryLater():
            return 503
        case Reject(reason="exists"):
            return 409
        case Reject(reason="too_long"):
            return 413
        case _:
            return 400


def _set_headers(request: Request, name: str, shown: bool) -> None:
    """Nothing of the file runs; who saves it gets its name (RFC 6266 §4, RFC 8187)."""
    disposition = "inline" if shown else "attachment"
    for header, value in (
        ("Content-Disposition", f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "sandbox; default-src 'none'"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Cache-Control", "private, max-age=31536000, immutable"),
        ("Referrer-Policy", "no-referrer"),
    ):
        request.setHeader(header.encode(), value.encode())
