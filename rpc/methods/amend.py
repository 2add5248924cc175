"""Changing what was said: edit, retract, react."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from switchboard.errors import NotFound
from switchboard.floor import screen
from switchboard.model import Act
from switchboard.reception.rooms import Origin, sender_of
from switchboard.reception.talks import EMOJI_CHARS, MOST_EMOJI, visitor_sender

from .. import wire
from ..admission import TooManyMessages
from ..callers import Call, Guest, identify
from ..services import Services
from .answers import NOTHING, Nothing
from .entering import seated
from .talk import Seq

Emoji = Annotated[str, Meta(max_length=EMOJI_CHARS, pattern=r"^\S+\Z")]


class Edit(Struct, frozen=True):
    """Params of `edit`: the line `seq` is to be `body`."""

    seq: Seq
    body: str
    token: str | None = None
    to: str = wire.DESK


class Retract(Struct, frozen=True):
    """Params of `retract`."""

    seq: Seq
    token: str | None = None
    to: str = wire.DESK


class React(Struct, frozen=True):
    """Params of `react`: all of the visitor's emoji on the line `seq`; none takes them back."""

    seq: Seq
    emoji: Annotated[list[Emoji], Meta(max_length=MOST_EMOJI)]
    token: str | None = None
    to: str = wire.DESK


async def edit(web: Services, call: Call, params: Edit) -> Nothing:
    """Gives a line of the visitor's own another text."""
    return await _amend(web, call, params, Act.EDIT, params.body)


async def retract(web: Services, call: Call, params: Retract) -> Nothing:
    """Takes a line of the visitor's own back, with its file; once more is no change."""
    return await _amend(web, call, params, Act.RETRACT, "")


async def react(web: Services, call: Call, params: React) -> Nothing:
    """Puts emoji on any line, in the place of the visitor's earlier ones."""
    return await _amend(web, call, params, Act.REACT, " ".join(params.emoji))


async def _amend(
    web: Services, call: Call, params: Edit | Retract | React, act: Act, body: str
) -> Nothing:
    if params.to != wire.DESK:
        guest = await identify(web, call, params.token)
        return await _amend_in_room(web, guest, params, act, body)
    guest = await identify(web, call, params.token)
    if wait := web.messages.take(guest.token.visitor):
        raise TooManyMessages(wait)
    visit = guest.visit
    if not visit.spoken:
        raise NotFound("not_found", "There is no such message.")
    who = visitor_sender(visit)
    lines = []
    if act is Act.RETRACT:
        lines = await web.talks.read(visit.visitor, params.seq - 1, 1)
    await web.talks.amend(who, visit.visitor, visit.site, visit.domain, act, params.seq, body)
    for line in lines:
        if line.seq == params.seq and line.attachment is not None:
            await web.uploads.remove(line.attachment)
    return NOTHING


async def _amend_in_room(
    web: Services, guest: Guest, params: Edit | Retract | React, act: Act, body: str
) -> Nothing:
    hall, who = seated(web, guest, params.to)
    visitor = guest.token.visitor
    if wait := web.messages.take(visitor):
        raise TooManyMessages(wait)
    if act is not Act.RETRACT:
        screen(hall.room.settings, who, body)
    lines = []
    if act is Act.RETRACT:
        lines = await web.rooms.read(hall.room, params.seq - 1, 1)
    origin = Origin(visitor=visitor)
    await web.rooms.amend(hall.room, sender_of(who), act, params.seq, origin, body)
    for line in lines:
        if line.seq == params.seq and line.attachment is not None:
            await web.uploads.remove(line.attachment)
    return NOTHING
