"""`/rpc`: calls by POST, and the way onto a socket; and what every door of ours has."""

# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.websocket import WebSocketResource

from switchboard.origins import normal_origin

from . import wire
from .admission import Proxies, TooManyVisitors, WrongOrigin, whole_seconds
from .browsers import browser_of
from .callers import Caller
from .dispatch import Answer, answer, error_of
from .pages import Branch
from .services import Services
from .transports.streams import Streams
from .transports.websocket import Socket

log = logging.getLogger(__name__)

_OPAQUE = "null"


class Door(Branch):
    """Knows who asks, and which pages may read the answer."""

    allowed = b"POST, OPTIONS"

    def __init__(self, web: Services, streams: Streams, proxies: Proxies) -> None:
        super().__init__()
        self._web = web
        self._streams = streams
        self._proxies = proxies
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Waits until every call in hand is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def headers(self, request: Request) -> list[tuple[bytes, bytes]]:
        """What every answer has."""
        return [
            (b"Cache-Control", b"no-store"),
            (b"Vary", b"Origin"),
            *self.cross_origin(request),
        ]

    def cross_origin(self, request: Request) -> list[tuple[bytes, bytes]]:
        """The headers that let a site's page read the answer."""
        origin = request.getHeader(b"Origin")
        if origin is None or not self._web.origins.some_sites(origin_of(request)):
            return []
        return [
            (b"Access-Control-Allow-Origin", origin),
            (b"Access-Control-Expose-Headers", b"Retry-After"),
        ]

    def _caller(self, request: Request) -> Caller:
        peer = getattr(request.getClientAddress(), "host", None)
        forwarded = request.requestHeaders.getRawHeaders("X-Forwarded-For", [])
        return Caller(
            origin_of(request),
            self._proxies.client(peer, forwarded),
            browser=browser_of(request.getHeader(b"User-Agent") or b""),
        )

    def _later(self, request: Request, caller: Caller, work: Coroutine[None, None, None]) -> int:
        """The answer comes when `work` is done; a client that goes hangs up."""
        request.notifyFinish().addErrback(lambda _: caller.hang_up())
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return NOT_DONE_YET

    def _preflight(self, request: Request) -> bytes:
        if not self._web.origins.some_sites(origin_of(request)):
            return self._now(request, 403, wire.Failed(None, error_of(WrongOrigin())))
        request.setResponseCode(204)
        self._set_headers(request)
        request.setHeader(b"Access-Control-Allow-Methods", self.allowed)
        request.setHeader(b"Access-Control-Allow-Headers", b"Content-Type")
        request.setHeader(b"Access-Control-Max-Age", b"86400")
        return b""

    def _not_so(self, request: Request, hint: str) -> bytes:
        """The wrong HTTP method; `hint` says what is right."""
        request.setHeader(b"Allow", self.allowed)
        problem = wire.Error(wire.INVALID_REQUEST.code, hint, wire.INVALID_REQUEST.data)
        return self._now(request, 405, wire.Failed(None, problem))

    def _now(self, request: Request, status: int, failed: wire.Failed) -> bytes:
        request.setResponseCode(status)
        self._set_headers(request)
        return wire.encode(failed)

    def _set_headers(self, request: Request) -> None:
        request.setHeader(b"Content-Type", b"application/json")
        for name, value in self.headers(request):
            request.setHeader(name, value)


class RpcDoor(Door):
    """Takes POST, GET with an upgrade, and OPTIONS."""

    allowed = b"POST, GET, OPTIONS"

    def __init__(self, web: Services, streams: Streams, proxies: Proxies) -> None:
        super().__init__(web, streams, proxies)
        self._upgrade = WebSocketResource(self)  # type: ignore[arg-type]

    def render(self, request: Request) -> bytes | int:  # type: ignore[override]
        match request.method:
            case b"POST":
                body = request.content.read() if request.content is not None else b""
                caller = self._caller(request)
                return self._later(request, caller, self._answer(request, body, caller))
            case b"GET" if b"websocket" in (request.getHeader(b"Upgrade") or b"").lower():
                return self._upgrade.render_GET(request)
            case b"OPTIONS":
                return self._preflight(request)
            case _:
                return self._not_so(request, "Call by POST, or open a WebSocket.")

    def buildProtocol(self, request: Request) -> Socket:
        """A socket for an upgraded request (twisted.web.websocket's factory)."""
        return self._streams.socket(request, self._caller(request))

    async def _answer(self, request: Request, body: bytes, caller: Caller) -> None:
        found = await answer(self._web, body, caller)
        if caller.gone:
            return
        try:
            request.setResponseCode(_status(found))
            if isinstance(found.refusal, TooManyVisitors):
                wait = whole_seconds(found.refusal.retry_after)
                request.setHeader(b"Retry-After", b"%d" % wait)
            self._set_headers(request)
            if found.body is not None:
                request.setHeader(b"Content-Length", b"%d" % len(found.body))
                request.write(found.body)
            request.finish()
        except Exception:
            log.exception("an answer could not be written")


def origin_of(request: Request) -> str | None:
    """The origin as normal_origin has it; `null` if it is none of http(s), or there are two."""
    found = request.requestHeaders.getRawHeaders(b"Origin")
    if not found:
        return None
    text = found[0].decode("latin-1") if len(found) == 1 else ""
    return normal_origin(text) or _OPAQUE


def _status(found: Answer) -> int:
    if isinstance(found.refusal, WrongOrigin):
        return 403
    if isinstance(found.refusal, TooManyVisitors):
        return 429
    return 200 if found.body is not None else 204
