"""Talking with the desk: say, seen, typing, history."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from switchboard.errors import SwitchboardError
from switchboard.model import CLIENT_ID_CHARS, Details, Message, Visit
from switchboard.reception.rooms import Origin, sender_of
from switchboard.reception.talks import HISTORY_LIMIT, visitor_sender

from .. import wire
from ..admission import TooManyMessages
from ..callers import Call, Guest, identify
from ..services import Services
from .answers import NOTHING, Nothing
from .entering import seated

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
    if params.to != wire.DESK:
        return await _say_in_room(web, await identify(web, call, params.token), params)
    guest = await identify(web, call, params.token)
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
    return _said(message)


async def seen(web: Services, call: Call, params: Seen) -> Nothing:
    """The browser has, or the visitor has read, the log up to a line."""
    guest = await identify(web, call, params.token)
    if params.to != wire.DESK:
        seated(web, guest, params.to)
        return NOTHING
    seat = web.seats.seat(guest.visit)
    await seat.learn(guest.visit.spoken)
    seat.acknowledge(guest.visit, params.seq, params.seq if params.state == "read" else 0)
    return NOTHING


async def typing(web: Services, call: Call, params: TypingParams) -> Nothing:
    """The visitor writes, or has stopped to."""
    guest = await identify(web, call, params.token)
    if params.to != wire.DESK:
        seated(web, guest, params.to)
        return NOTHING
    visit = guest.visit
    composing = params.state == "composing"
    web.attendance.active(visit.visitor)
    web.talks.typing(visit.visitor, visit.domain, visitor_sender(visit), composing)
    return NOTHING


async def history(web: Services, call: Call, params: History) -> Lines:
    """Lines before a seq, or the last ones."""
    guest = await identify(web, call, params.token)
    if params.to != wire.DESK:
        return await _history_of_room(web, guest, params)
    if not guest.visit.spoken:
        return Lines([], more=False)
    visitor = guest.token.visitor
    limit = min(params.limit, HISTORY_LIMIT)
    found = await web.talks.history(visitor, params.before, limit)
    lines = [wire.line(message, visitor) for message in found]
    # Below a full page there may be nothing but rows that are no lines.
    more = len(found) == limit and bool(await web.talks.history(visitor, found[0].seq, 1))
    return Lines(lines, more)


async def _say_in_room(web: Services, guest: Guest, params: Say) -> Said:
    hall, who = seated(web, guest, params.to)
    visitor = guest.token.visitor
    if wait := web.messages.take(visitor):
        raise TooManyMessages(wait)
    try:
        hall.floor.judge(hall.room.settings, who, params.body, web.clock.monotonic())
    except SwitchboardError:
        stored = await web.rooms.sent(hall.room, who.id, params.id)
        if stored is None:
            raise
        return _said(stored)
    file = None
    if params.attachment is not None:
        file = await web.uploads.keep(guest.visit, params.attachment)
    origin = Origin(visitor=visitor)
    message = await web.rooms.say(
        hall.room, sender_of(who), params.id, params.body, origin, params.reply_to, file
    )
    web.attendance.active(visitor)
    return _said(message)


def _said(message: Message) -> Said:
    return Said(message.client_id, message.seq, wire.rfc3339(message.at))


async def _history_of_room(web: Services, guest: Guest, params: History) -> Lines:
    hall, who = seated(web, guest, params.to)
    limit = min(params.limit, HISTORY_LIMIT)
    found = await web.rooms.history(hall.room, params.before, limit)
    lines = [wire.line(message, who.id, hall.name) for message in found]
    more = len(found) == limit and bool(await web.rooms.history(hall.room, found[0].seq, 1))
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
