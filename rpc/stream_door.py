"""`/rpc/events`: server-sent events, asked for by POST.

The body is `{"token": …, "cursor": …, "attended"?: true}`; `attended` says that the visitor looks
on, and asks for a comment every ATTENDED_EVERY seconds. A client whose visitor comes or goes asks
for another stream.

POST keeps the token out of addresses and logs. What cannot begin is refused by the HTTP status,
with a JSON-RPC error as the body: 400 the body is none, 403 the token or the origin is wrong,
404 the site is gone, 429 too many of the visitor's pages are open, 503 the store does not answer;
the last two with `Retry-After`.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import logging

from msgspec import Raw
from twisted.web.server import Request

from switchboard.errors import Forbidden, NotFound, RetryLater, SwitchboardError

from . import wire
from .admission import whole_seconds
from .callers import Call, Caller
from .dispatch import error_of
from .door import Door
from .methods.events import Resume, resume

log = logging.getLogger(__name__)


class Ask(Resume, frozen=True):
    """What the body says."""

    attended: bool = False


class StreamDoor(Door):
    """Takes POST and OPTIONS."""

    def render(self, request: Request) -> bytes | int:  # type: ignore[override]
        match request.method:
            case b"POST":
                body = request.content.read() if request.content is not None else b""
                caller = self._caller(request)
                return self._later(request, caller, self._answer(request, body, caller))
            case b"OPTIONS":
                return self._preflight(request)
            case _:
                return self._not_so(request, "Ask for events by POST.")

    async def _answer(self, request: Request, body: bytes, caller: Caller) -> None:
        stream = caller.stream = self._streams.sse()
        status, error, wait = 0, wire.INTERNAL, 0
        try:
            params = wire.params(wire.Request("2.0", "events", Raw(body)), Ask)
            await resume(self._web, Call(caller, alone=True), params)
            if not caller.gone:
                stream.begin(request.channel, self.headers(request), params.attended)
                return
        except ValueError as problem:
            status, error = 400, wire.invalid_params(str(problem))
        except SwitchboardError as failure:
            status, error = _status(failure), error_of(failure)
            wait = whole_seconds(failure.retry_after) if isinstance(failure, RetryLater) else 0
        except Exception:
            log.exception("a stream of events could not begin")
            status = 500
        stream.give_up()
        if not caller.gone:
            if wait:
                request.setHeader(b"Retry-After", b"%d" % wait)
            request.write(self._now(request, status, wire.Failed(None, error)))
            request.finish()


def _status(failure: SwitchboardError) -> int:
    match failure:
        case Forbidden():
            return 403
        case NotFound():
            return 404
        case RetryLater(reason="rate_limited"):
            return 429
        case RetryLater():
            return 503
        case _:
            return 400
