"""`GET /rooms/<site>/<room>/log?after=<seq>`: the log of a public room, for anybody and for caches.

Without `after`: the last lines, which is what a page asks for that only watches, and the same for
all of them. With it: the rows after a multiple of SLICE, and from any other seq the way there
(308). The answer is a `wire.LogSlice`. A room that is not public answers as one that is not there.

An address has one form, so that nobody gets past a cache by writing it in another one.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import re

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from switchboard.errors import RetryLater
from switchboard.reception import Directory
from switchboard.rooms import Room, RoomId

from . import wire
from .admission import whole_seconds
from .dispatch import error_of
from .log_slices import SLICE, Slice, Slices
from .pages import accepts_gzip

MAX_AGE = 10
"""So long in seconds a cache may answer by itself; then it asks whether there is anything new."""

_AFTER = re.compile(rb"after=(0|[1-9][0-9]{0,14})")
_TAG = re.compile(rb'"[^"]*"')
_CACHED = b"public, max-age=%d, must-revalidate" % MAX_AGE
_NEVER_CHANGES = b"public, max-age=86400"


class PublicLog(Resource):
    """What is under `/rooms`."""

    isLeaf = True

    def __init__(self, directory: Directory, slices: Slices) -> None:
        super().__init__()
        self._directory = directory
        self._slices = slices
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Waits until every request in hand is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def render(self, request: Request) -> int:
        for name, value in (
            (b"Access-Control-Allow-Origin", b"*"),
            (b"Cross-Origin-Resource-Policy", b"cross-origin"),
            (b"X-Content-Type-Options", b"nosniff"),
            (b"Cache-Control", _CACHED),
        ):
            request.setHeader(name, value)
        if request.method == b"OPTIONS":
            request.setHeader(b"Access-Control-Allow-Methods", b"GET, HEAD")
            request.setHeader(b"Access-Control-Allow-Headers", b"If-None-Match")
            return _finish(request, 204)
        if request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"Allow", b"GET, HEAD, OPTIONS")
            return _plain(request, 405, b"Only GET.\n")
        room = self._room(request.path)
        if room is None:
            return _plain(request, 404, b"There is nothing here.\n")
        return self._log(request, room)

    def _room(self, path: bytes) -> Room | None:
        """The public room whose log the path names."""
        parts = path.split(b"/")
        if len(parts) != 5 or parts[4] != b"log":
            return None
        id = RoomId(parts[3].decode("latin-1"), parts[2].decode("latin-1"))
        room = self._directory.room(id.conversation)
        return room if room is not None and room.settings.public else None

    def _log(self, request: Request, room: Room) -> int:
        _, asked, query = request.uri.partition(b"?")
        given = _AFTER.fullmatch(query)
        if asked and given is None:
            return _plain(request, 400, b"`after` is a seq, and nothing else can be asked for.\n")
        after = int(given[1]) if given is not None else None
        if after is not None and after % SLICE:
            request.setHeader(b"Cache-Control", _NEVER_CHANGES)
            request.setHeader(b"Location", b"log?after=%d" % (after - after % SLICE))
            return _finish(request, 308)
        found = self._slices.at_hand(room, after)
        if found is not None:
            return _give(request, found)
        task = asyncio.get_running_loop().create_task(self._later(request, room, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return NOT_DONE_YET

    async def _later(self, request: Request, room: Room, after: int | None) -> None:
        try:
            found = await self._slices.slice(room, after)
        except RetryLater as failure:
            if not request._disconnected:
                request.setHeader(b"Cache-Control", b"no-store")
                request.setHeader(b"Content-Type", b"application/json")
                request.setHeader(b"Retry-After", b"%d" % whole_seconds(failure.retry_after))
                _finish(request, 503, wire.encode(wire.Failed(None, error_of(failure))))
        else:
            if not request._disconnected:
                _give(request, found)


def _give(request: Request, found: Slice) -> int:
    zipped = found.zipped if accepts_gzip(request) else None
    # Octets that differ have tags that differ (RFC 9110 §8.8.3.3).
    etag = b'"%s%s"' % (found.etag, b"" if zipped is None else b"-gzip")
    request.setHeader(b"Content-Type", b"application/json")
    request.setHeader(b"Vary", b"Accept-Encoding")
    request.setHeader(b"ETag", etag)
    known = request.getHeader(b"If-None-Match") or b""
    if known.strip() == b"*" or etag in _TAG.findall(known):
        return _finish(request, 304)
    if zipped is not None:
        request.setHeader(b"Content-Encoding", b"gzip")
    return _finish(request, 200, found.body if zipped is None else zipped)


def _plain(request: Request, status: int, text: bytes) -> int:
    request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
    return _finish(request, status, text)


def _finish(request: Request, status: int, body: bytes = b"") -> int:
    """Answers; of HEAD the body is only counted."""
    request.setResponseCode(status)
    if status not in (204, 304):
        request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()
    return NOT_DONE_YET
