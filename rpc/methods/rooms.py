"""Being in a room: join, leave, members."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from switchboard.errors import NotFound
from switchboard.model import Occupant

from .. import wire
from ..admission import TooManyMessages
from ..callers import Call, Stream, identify
from ..services import Services
from .answers import NOTHING, Nothing, Room
from .entering import asked_room, enter, seated, welcome

MOST_MEMBERS = 100


class Join(Struct, frozen=True):
    """Params of `join`; `cursor` where events do not come by the stream that calls."""

    room: str
    token: str | None = None
    name: str | None = None
    cursor: str | None = None


class Joined(Struct, frozen=True):
    """Result of `join`; `cursor` is the one given, with the room's place in it."""

    room: Room
    cursor: str


class Leave(Struct, frozen=True):
    """Params of `leave`."""

    room: str
    token: str | None = None


class Members(Struct, frozen=True):
    """Params of `members`: those whose names hold `search`, after the one of the id `after`."""

    room: str
    token: str | None = None
    search: str = ""
    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=2**53)] = 50


class Listed(Struct, frozen=True):
    """Result of `members`; `count` is of all who are there."""

    members: list[wire.From]
    count: int
    more: bool


async def join(web: Services, call: Call, params: Join) -> Joined:
    """Comes to a room, or takes another name there.

    Raises NotFound `unknown_room`, Reject (`invalid`, `name_taken`, `name_reserved`), Forbidden,
    RetryLater.
    """
    guest = await identify(web, call, params.token)
    visitor = guest.token.visitor
    hall = web.halls.hall(asked_room(web, guest.visit, params.room))
    await hall.learn()
    known = hall.guests.get(visitor)
    if (known is None or params.name is not None) and (wait := web.messages.take(visitor)):
        raise TooManyMessages(wait)
    who = enter(web, guest.site, visitor, hall, params.name)
    stream = _stream(call)
    stays = stream is not None and stream.reads(hall)
    if stream is not None and not stays:
        stream.enter(hall, who.id)
    place, room = await welcome(hall, who)
    if stream is not None and not stays:
        stream.stand_in(hall, place)
    text = ""
    if stream is not None:
        text = stream.cursor()
    elif params.cursor is not None:
        cursor = web.cursors.read(visitor, params.cursor)
        if cursor is not None:
            places = {**cursor.places, hall.conversation: place}
            names = {**cursor.names, hall.conversation: who.name}
            text = web.cursors.text(visitor, replace(cursor, places=places, names=names))
    return Joined(room, text)


async def leave(web: Services, call: Call, params: Leave) -> Nothing:
    """Goes from a room; who is not there has gone. Raises NotFound `unknown_room`."""
    guest = await identify(web, call, params.token)
    room = web.rooms.room(guest.token.site, params.room)
    if (stream := _stream(call)) is not None:
        stream.leave(room.conversation)
    web.halls.unseat(guest.token.visitor, room.conversation)
    return NOTHING


async def members(web: Services, call: Call, params: Members) -> Listed:
    """Who is in a room, operators first, then by name.

    Raises NotFound (`unknown_room`; `not_found`, whoever has the id `after` has gone) and
    Forbidden `not_joined`.
    """
    guest = await identify(web, call, params.token)
    hall, who = seated(web, guest, params.room)
    limit = min(params.limit, MOST_MEMBERS)
    try:
        found, more = hall.roster.listed(params.search, params.after, limit)
    except KeyError:
        raise NotFound("not_found", "Whoever was the last has gone: list them again.") from None
    return Listed([_member(one, who) for one in found], len(hall.roster), more)


def _stream(call: Call) -> Stream | None:
    """The stream that the room's events are to come by; not one that has no visitor."""
    stream = call.caller.stream
    return stream if stream is not None and stream.token is not None else None


def _member(one: Occupant, who: Occupant) -> wire.From:
    return wire.From(one.kind, one.id, one.name, one.id == who.id)
