"""Hearing what happens: resume on a socket, poll elsewhere."""

from __future__ import annotations

from msgspec import Struct

from .. import wire
from ..callers import Call, as_guest, identify, read_token
from ..services import Services
from ..tokens import StreamCursor
from ..transports.poll import LONGEST, Poll
from ..waiters import Seat
from .answers import RoomMembers

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
    found = await _placed(seat, visit.spoken, cursor)
    stream.stand_at(found.places[wire.DESK] if found else None)
    return Resumed(*seat.standing, [])


async def poll(web: Services, call: Call, params: PollParams) -> Polled:
    """What came after the cursor, as soon as there is any; alone in its request it may wait."""
    guest = await identify(web, call, params.token)
    visitor = guest.token.visitor
    cursor = web.cursors.read(visitor, params.cursor)
    if cursor is None or wire.DESK not in cursor.places:
        return Polled("", _RESET)
    seat = web.seats.seat(guest.visit)
    reader = Poll(cursor.places[wire.DESK], cursor.told)
    seat.add(reader)
    call.caller.waiting = reader
    web.polls.add(reader, visitor)
    try:
        if await _placed(seat, guest.visit.spoken, cursor) is None:
            return Polled("", _RESET)
        seat.acknowledge(guest.visit, cursor.places[wire.DESK].seq, 0)
        reader.begin(seat.passing(cursor))
        waits = call.alone and call.caller.stream is None and not call.caller.gone
        await reader.collect(seat, min(max(params.wait, 0.0), LONGEST) if waits else 0.0)
        if reader.ready():
            seat.told(cursor.tag)
    finally:
        call.caller.waiting = None
        seat.remove(reader)
        web.polls.remove(reader)
        web.attendance.touch(visitor)
    if reader.lost:
        return Polled("", _RESET)
    places = {**cursor.places, wire.DESK: reader.place}
    after = StreamCursor(cursor.tag, places, reader.told)
    return Polled(web.cursors.text(visitor, after), reader.events)


async def _placed(seat: Seat, spoken: bool, cursor: StreamCursor | None) -> StreamCursor | None:
    """The cursor, if it stands within the log; None if it is unknown, or from the future."""
    if cursor is None or wire.DESK not in cursor.places:
        return None
    place = cursor.places[wire.DESK]
    await seat.learn(spoken or place.seq > 0, place)
    if place.seq > seat.head:
        await seat.consult()
    return cursor if await seat.holds(place) else None
