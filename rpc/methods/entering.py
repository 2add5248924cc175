"""Coming into a room: which it is, and what the visitor is called there."""

from __future__ import annotations

from itertools import count

from switchboard.errors import Forbidden, Reject, RetryLater
from switchboard.model import Occupant, Visit
from switchboard.nicks import clean_nick, reserved
from switchboard.rooms import PAGE, Room, Seated, is_page_room, page_room, room_of
from switchboard.site import Site

from .. import wire
from ..callers import Guest
from ..hall import Hall
from ..room_log import WELCOME_LINES
from ..services import Services
from ..tokens import Place
from .answers import Room as RoomAnswer
from .pages import clean_url

MOST_ROOMS = 10
"""That one visitor is in at a time."""


def asked_room(web: Services, visit: Visit, name: str) -> Room:
    """The room of that name, or the page's own, for a visitor who may come.

    Raises NotFound `unknown_room` and Forbidden.
    """
    if name == PAGE:
        address = clean_url(visit.page.url, ())
        name = page_room(address) if address else ""
    room = web.rooms.room(visit.site, name)
    if not room.admits(visit.visitor):
        raise Forbidden("forbidden", "This room is not for visitors.")
    return room


def enter(web: Services, site: Site, visitor: str, hall: Hall, name: str | None) -> Occupant:
    """Takes the visitor into the room, or gives them another name there.

    Without a name they keep theirs, or get one. Raises Reject `invalid`, `name_reserved` or
    `name_taken`, and Forbidden.
    """
    visit = web.attendance.visit(visitor)
    rooms = visit.rooms if visit is not None else ()
    known = next((one.name for one in rooms if one.room == hall.conversation), None)
    if known is None and len(rooms) >= MOST_ROOMS:
        raise Forbidden("forbidden", f"You can be in {MOST_ROOMS} rooms at a time.")
    own = hall.room.occupant(visitor)
    if name is not None:
        name = clean_nick(name)
        if name != known:
            _check(web, site, hall, own, name)
    else:
        name = known or _default(hall, own)
    if name != known or visitor not in hall.guests:
        web.halls.seat(visitor, hall, name)
    who = hall.roster[own]
    assert who is not None
    return who


def enter_somehow(
    web: Services, site: Site, visitor: str, hall: Hall, name: str | None
) -> Occupant:
    """The same, under another name if that one cannot be had, and instead of another room."""
    visit = web.attendance.visit(visitor)
    if visit is not None and len(visit.rooms) >= MOST_ROOMS and visitor not in hall.guests:
        web.halls.unseat(visitor, visit.rooms[0].room)
    try:
        return enter(web, site, visitor, hall, name)
    except Reject:
        return enter(web, site, visitor, hall, None)


def seated(web: Services, guest: Guest, to: str) -> tuple[Hall, Occupant]:
    """The room that a visitor is in.

    Raises NotFound `unknown_room`, Forbidden `not_joined`, and RetryLater of who is known by their
    token alone: the page's cursor is about to say which rooms it is in.
    """
    room = web.rooms.room(guest.token.site, to)
    visit = web.attendance.visit(guest.token.visitor)
    if visit is not None and any(one.room == room.conversation for one in visit.rooms):
        hall = web.halls.hall(room)
        who = hall.roster[room.occupant(visit.visitor)]
        if who is not None:
            return hall, who
    if visit is not None and visit.bare:
        raise RetryLater("unavailable", "Your page is coming back: try again.", 1.0)
    raise Forbidden("not_joined", "You are not in that room.")


async def welcome(hall: Hall, who: Occupant) -> tuple[Place, RoomAnswer]:
    """The room as it is told to who comes, and where its events begin. Raises RetryLater."""
    await hall.learn()
    place, lines = await hall.log.welcome()
    shown = [wire.line(line, who.id, hall.name) for line in lines[-WELCOME_LINES:]]
    answer = RoomAnswer(
        id=hall.name,
        title=hall.room.title,
        subject=hall.room.settings.subject,
        members=len(hall.roster),
        messages=shown,
        more=len(lines) > len(shown),
        name=who.name,
        own=who.id,
        role=who.role,
    )
    return place, answer


def leave_other_pages(web: Services, visit: Visit, but: Room | None) -> None:
    """A page's own room is left with the page."""
    for one in visit.rooms:
        if is_others_page(one, but):
            hall = web.halls.find(one.room)
            if hall is None or not hall.rounds.readers(hall.room.occupant(visit.visitor)):
                web.halls.unseat(visit.visitor, one.room)


def is_others_page(seated: Seated, asked: Room | None) -> bool:
    """Whether it is the room of another page than that whose room was asked for."""
    id = room_of(seated.room)
    if id is None or not is_page_room(id.name):
        return False
    return asked is None or seated.room != asked.conversation


def _check(web: Services, site: Site, hall: Hall, own: str, name: str) -> None:
    names = [operator.name for operator in web.directory.operators(site.key)]
    if reserved(name, names, site.settings.title):
        raise Reject("name_reserved", "That name is not for visitors.")
    if _taken(hall, own, name):
        raise Reject("name_taken", "Somebody has that name already.")


def _taken(hall: Hall, own: str, name: str) -> bool:
    return any(id != own for id in hall.roster.called(name))


def _default(hall: Hall, own: str) -> str:
    # Made of the id in this room, so that it says nothing of who it is elsewhere.
    name = f"Visitor {own[2:6]}"
    names = (f"{name} {number}" if number > 1 else name for number in count(1))
    return next(one for one in names if not _taken(hall, own, one))
