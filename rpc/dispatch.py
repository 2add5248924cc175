"""From a frame to its answer: the one place where failures become JSON-RPC errors."""

from __future__ import annotations

import logging
from typing import Any

from msgspec import UNSET

from switchboard.errors import RetryLater, SwitchboardError

from . import wire
from .admission import WrongOrigin, whole_seconds
from .callers import Call, Caller
from .methods import METHODS
from .services import Services

LONGEST_ANSWER = 2 * 1024 * 1024
"""Bytes of a batch's answers after which its other calls are not carried out."""

log = logging.getLogger(__name__)


_TOO_MUCH = RetryLater("unavailable", "The batch's answers are too long: ask again.", 1)


class Answer:
    """What goes back. `refusal`: why the only call of the frame was refused, if it was."""

    __slots__ = ("body", "refusal")

    def __init__(self, body: bytes | None, refusal: SwitchboardError | None = None) -> None:
        self.body = body
        self.refusal = refusal


async def answer(web: Services, frame: bytes | str, caller: Caller) -> Answer:
    """Carries out the calls of a frame, one after another; never raises."""
    found = wire.read(frame)
    if isinstance(found, wire.Failed):
        return Answer(wire.encode(found))
    response: wire.Response | None
    if isinstance(found, wire.Request):
        response, refusal = await _call(web, found, caller, alone=True)
        return Answer(_encode(response), refusal)
    bodies: list[bytes] = []
    length = 0
    refusal = None
    for request in found:
        if isinstance(request, wire.Failed):
            response = request
        elif length > LONGEST_ANSWER:
            response = _unless_told(request, wire.Failed(_id(request), error_of(_TOO_MUCH)))
        else:
            response, refused = await _call(web, request, caller, alone=False)
            if isinstance(refused, WrongOrigin):
                refusal = refused
        body = _encode(response)
        if body is not None:
            bodies.append(body)
            length += len(body)
    return Answer(b"[%s]" % b",".join(bodies) if bodies else None, refusal)


def error_of(failure: SwitchboardError) -> wire.Error:
    """A refusal as the wire has it."""
    if failure.reason == "invalid":
        return wire.invalid_params(str(failure))
    wait = whole_seconds(failure.retry_after) if isinstance(failure, RetryLater) else 0
    return wire.Error(wire.APPLICATION, str(failure), wire.ErrorData(failure.reason, wait))


async def _call(
    web: Services, request: wire.Request, caller: Caller, alone: bool
) -> tuple[wire.Response | None, SwitchboardError | None]:
    refusal = None
    response: wire.Response
    id = _id(request)
    method = METHODS.get(request.method)
    if method is None:
        response = wire.Failed(id, wire.method_not_found("There is no such method."))
    elif method.socket_only and caller.stream is None:
        hint = f"{request.method} is for sockets; here poll does it."
        response = wire.Failed(id, wire.method_not_found(hint))
    else:
        call = Call(caller, alone)
        try:
            params: Any = wire.params(request, method.params)
        except ValueError as error:
            return _unless_told(request, wire.Failed(id, wire.invalid_params(str(error)))), None
        try:
            result = await method.run(web, call, params)
            response = wire.Done(id, result, _fresh_token(web, call))
        except SwitchboardError as failure:
            refusal = failure
            response = wire.Failed(id, error_of(failure))
        except Exception:
            log.exception("%s failed", request.method)
            response = wire.Failed(id, wire.INTERNAL)
    return _unless_told(request, response), refusal


def _id(request: wire.Request) -> wire.Id:
    return None if request.id is UNSET else request.id


def _unless_told(request: wire.Request, response: wire.Response) -> wire.Response | None:
    return None if request.id is UNSET else response


def _fresh_token(web: Services, call: Call) -> str:
    if call.guest is None:
        return ""
    token = call.guest.token
    visit = web.attendance.visit(token.visitor) or call.guest.visit
    fresh = web.tokens.renewed(token, visit)
    if fresh is None:
        return ""
    if call.caller.stream is not None:
        call.caller.stream.token = fresh
    return web.tokens.text(fresh)


def _encode(response: wire.Response | None) -> bytes | None:
    if response is None:
        return None
    try:
        return wire.encode(response)
    except Exception:
        log.exception("an answer cannot be encoded")
        return wire.encode(wire.Failed(response.id, wire.INTERNAL))
