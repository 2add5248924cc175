"""Talking with the desk: say, seen, typing, history."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from switchboard.model import CLIENT_ID_CHARS, Details, Visit
from switchboard.reception.talks import HISTORY_LIMIT, visitor_sender

from .. import wire
from ..admission import TooManyMessages
from ..callers import Call, identify
from ..services import Services
from .answers import NOTHING, Nothing, only_desk

Seq = Annotated[int, Meta(ge=1, le=2**53)]
ClientId = Annotated[str, Meta(min_length=1, max_length=CLIENT_ID_CHARS)]


class Say(Struct, frozen=True):
    """Params of `say`."""

    id: ClientId
    body: str
    token: str | None = None
    to: str = wire.DESK
    reply_to: Seq | None = None
    attachment: str | None = None
    """As `upload` gave it; then `body` may be empty."""


class Said(Struct, frozen=True):
    """Result of `say`: the line is stored."""

    id: str
    seq: int
    at: str


class Seen(Struct, frozen=True):
    """Params of `seen`."""

    seq: Seq
    state: Literal["delivered", "read"]
    token: str | None = None
    to: str = wire.DESK


class TypingParams(Struct, frozen=True):
    """Params of `typing`."""

    state: Literal["composing", "paused"]
    token: str | None = None
    to: str = wire.DESK


class History(Struct, frozen=True):
    """Params of `history`."""

    token: str | None = None
    to: str = wire.DESK
    before: Seq | None = None
    limit: Annotated[int, Meta(ge=1, le=2**53)] = 50


class Lines(Struct, frozen=True):
    """Result of `history`, oldest first."""

    messages: list[wire.Line]
    more: bool


async def say(web: Services, call: Call, params: Say) -> Said:
    """Stores a line; the same `id` again gives the same answer."""
    guest = await identify(web, call, params.token)
    only_desk(params.to)
    if wait := web.messages.take(guest.token.visitor):
        raise TooManyMessages(wait)
    visit = guest.visit
    if not visit.spoken and visit.details != Details():
        # First: if this fails after the line is stored, a repetition finds who has spoken already.
        await web.talks.save_details(visit)
    file = None
    if params.attachment is not None:
        file = await web.uploads.keep(visit, params.attachment)
    message = await web.talks.say(visit, params.id, params.body, params.reply_to, file)
    web.attendance.active(visit.visitor)
    if not (visit.spoken and visit.opened):
        await _has_spoken(web, visit)
    return Said(message.client_id, message.seq, wire.rfc3339(message.at))


async def seen(web: Services, call: Call, params: Seen) -> Nothing:
    """The browser has, or the visitor has read, the log up to a line."""
    guest = await identify(web, call, params.token)
    only_desk(params.to)
    seat = web.seats.seat(guest.visit)
    await seat.learn(guest.visit.spoken)
    seat.acknowledge(guest.visit, params.seq, params.seq if params.state == "read" else 0)
    return NOTHING


async def typing(web: Services, call: Call, params: TypingParams) -> Nothing:
    """The visitor writes, or has stopped to."""
    guest = await identify(web, call, params.token)
    only_desk(params.to)
    visit = guest.visit
    composing = params.state == "composing"
    web.attendance.active(visit.visitor)
    web.talks.typing(visit.visitor, visit.domain, visitor_sender(visit), composing)
    return NOTHING


async def history(web: Services, call: Call, params: History) -> Lines:
    """Lines before a seq, or the last ones."""
    guest = await identify(web, call, params.token)
    only_desk(params.to)
    if not guest.visit.spoken:
        return Lines([], more=False)
    visitor = guest.token.visitor
    limit = min(params.limit, HISTORY_LIMIT)
    found = await web.talks.history(visitor, params.before, limit)
    lines = [wire.line(message, visitor) for message in found]
    # Below a full page there may be nothing but rows that are no lines.
    more = len(found) == limit and bool(await web.talks.history(visitor, found[0].seq, 1))
    return Lines(lines, more)


async def _has_spoken(web: Services, before: Visit) -> None:
    """From the first line on there is a conversation, and details told meanwhile are kept."""
    visit = web.attendance.visit(before.visitor)
    if visit is None:
        return
    if visit.details != before.details:
        await web.talks.save_details(visit)
    visit = web.attendance.visit(before.visitor)
    if visit is not None and not (visit.spoken and visit.opened):
        web.attendance.update(replace(visit, spoken=True, opened=True))
