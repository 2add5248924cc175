"""Hearing what happens: resume on a socket, poll elsewhere."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from switchboard.model import SenderKind
from switchboard.rooms import room_of

from .. import wire
from ..callers import Call, Guest, as_guest, identify, read_token
from ..hall import Hall
from ..services import Services
from ..tokens import Place, StreamCursor
from ..transports.poll import LONGEST, Poll
from ..waiters import Seat
from .answers import RoomMembers
from .entering import enter_somehow

_RESET = [wire.event(wire.ResetData())]


class Resume(Struct, frozen=True):
    """Params of `resume`."""

    token: str
    cursor: str


class Resumed(Struct, frozen=True):
    """Result of `resume`; the missed events follow."""

    desk: wire.DeskData
    talk: wire.TalkData
    rooms: list[RoomMembers]


class PollParams(Struct, frozen=True):
    """Params of `poll`; `wait` in seconds, at most LONGEST."""

    cursor: str
    token: str | None = None
    wait: float = 0.0


class Polled(Struct, frozen=True):
    """Result of `poll`."""

    cursor: str
    events: list[wire.Event]


async def resume(web: Services, call: Call, params: Resume) -> Resumed:
    """A socket goes on where another way ended."""
    stream = call.caller.stream
    if stream is None:
        raise RuntimeError("resume is for sockets")
    guest = await as_guest(web, call, read_token(web, call.caller, params.token))
    visit = web.attendance.update(guest.visit, stream.number)
    seat = web.seats.seat(visit)
    cursor = web.cursors.read(visit.visitor, params.cursor)
    stream.follow(guest.token, seat, cursor.tag if cursor else 0)
    halls, gone = _halls(web, guest, cursor)
    for hall, place in halls:
        stream.enter(hall, hall.guests[visit.visitor])
        stream.stand_in(hall, place)
    found = await _placed(seat, visit.spoken, cursor, halls)
    stream.stand_at(found.places[wire.DESK] if found else None, gone)
    rooms = [RoomMembers(hall.name, len(hall.roster)) for hall, _ in halls]
    return Resumed(*seat.standing, rooms)


async def poll(web: Services, call: Call, params: PollParams) -> Polled:
    """What came after the cursor, as soon as there is any; alone in its request it may wait."""
    guest = await identify(web, call, params.token)
    visitor = guest.token.visitor
    cursor = web.cursors.read(visitor, params.cursor)
    if cursor is None or wire.DESK not in cursor.places:
        return Polled("", _RESET)
    seat = web.seats.seat(guest.visit)
    reader = Poll(cursor.places[wire.DESK], cursor.told)
    halls, gone = _halls(web, guest, cursor)
    seat.add(reader)
    reader.enter([(hall, hall.guests[visitor], place) for hall, place in halls])
    call.caller.waiting = reader
    web.polls.add(reader, visitor)
    try:
        if await _placed(seat, guest.visit.spoken, cursor, halls) is None:
            return Polled("", _RESET)
        seat.acknowledge(guest.visit, cursor.places[wire.DESK].seq, 0)
        reader.begin([*seat.passing(cursor), *gone])
        for room in reader.rooms:
            reader.hear(
                room, room.hall.gathering.since(cursor.places[room.hall.conversation].heard)
            )
        waits = call.alone and call.caller.stream is None and not call.caller.gone
        await reader.collect(seat, min(max(params.wait, 0.0), LONGEST) if waits else 0.0)
        if reader.ready():
            seat.told(cursor.tag)
        rooms = reader.rooms
    finally:
        call.caller.waiting = None
        seat.remove(reader)
        reader.leave()
        web.polls.remove(reader)
        web.attendance.touch(visitor)
    if reader.lost:
        return Polled("", _RESET)
    heard = web.clock.now()
    places = {wire.DESK: reader.place}
    places |= {one.hall.conversation: one.place(heard) for one in rooms}
    names = {one.hall.conversation: one.name for one in rooms}
    after = StreamCursor(cursor.tag, places, names, reader.told)
    return Polled(web.cursors.text(visitor, after), reader.events)


def _halls(
    web: Services, guest: Guest, cursor: StreamCursor | None
) -> tuple[list[tuple[Hall, Place]], list[wire.EventData]]:
    """The rooms that the cursor stands in, and the visitor is in; and what tells of the others.

    Of who is known by their token alone, the cursor says that too.
    """
    visitor = guest.token.visitor
    found: list[tuple[Hall, Place]] = []
    gone: list[wire.EventData] = []
    for conversation, place in cursor.places.items() if cursor is not None else ():
        id = room_of(conversation)
        hall = web.halls.find(conversation) if id and id.site == guest.token.site else None
        if hall is None or cursor is None:
            continue
        if visitor not in hall.guests and guest.visit.bare and hall.room.settings.guests:
            enter_somehow(web, guest.site, visitor, hall, cursor.names.get(conversation))
        if visitor in hall.guests:
            found.append((hall, place))
        else:
            own = hall.room.occupant(visitor)
            who = wire.From(SenderKind.VISITOR, own, cursor.names.get(conversation, ""), True)
            gone.append(wire.MemberData(hall.name, "leave", who, len(hall.roster)))
    visit = web.attendance.visit(visitor)
    if visit is not None and visit.bare:
        web.attendance.update(replace(visit, bare=False))
    return found, gone


async def _placed(
    seat: Seat, spoken: bool, cursor: StreamCursor | None, halls: list[tuple[Hall, Place]]
) -> StreamCursor | None:
    """The cursor, if it stands within the logs; None if it is unknown, or from the future."""
    if cursor is None or wire.DESK not in cursor.places:
        return None
    place = cursor.places[wire.DESK]
    await seat.learn(spoken or place.seq > 0, place)
    if place.seq > seat.head:
        await seat.consult()
    if not await seat.holds(place):
        return None
    for hall, place in halls:
        await hall.learn()
        if not await hall.log.holds(place):
            return None
    return cursor
