"""Visitors of the site in rooms, as the census tells of them: `Visit.rooms`.

Web nodes refuse a name that they know to be taken. A race between two is settled here: whoever is
seen later gets another name, and their web node is told.
"""

from __future__ import annotations

from switchboard import events
from switchboard.errors import NotFound
from switchboard.membership import Standing, default_role
from switchboard.model import SenderKind, Visit
from switchboard.ports import Clock
from switchboard.reception import Rooms
from switchboard.rooms import Affiliation, Seated

from ..jids import visitor_full
from .crowd import Crowd
from .hall import Hall, Person

EXPELLED_FOR = 10.0
"""Seconds within which a visitor who was made to go, and is said to be there still, is told again
that they are not: it may have been on its way."""


class Guests:
    """Follows the census."""

    def __init__(self, crowd: Crowd, rooms: Rooms, clock: Clock) -> None:
        self._crowd = crowd
        self._rooms = rooms
        self._clock = clock
        self._in: dict[str, frozenset[str]] = {}
        """By visitor: the rooms they are in, by their logs."""
        self._expelled: dict[tuple[str, str], float] = {}
        """By room and visitor: until when."""

    def here(self, visit: Visit) -> None:
        """A visitor came, or is in other rooms now."""
        before = self._in.get(visit.visitor, frozenset())
        if not (visit.rooms or before):
            return
        now = {seat.room for seat in visit.rooms}
        for room in before - now:
            self._leave(room, visit.visitor)
        for seat in visit.rooms:
            self._seated(seat, visit)
        self._in[visit.visitor] = frozenset(now)
        for gone in [key for key, until in self._expelled.items() if self._over(key, until, visit)]:
            del self._expelled[gone]
        if not now:
            del self._in[visit.visitor]

    def left(self, visitor: str) -> None:
        """A visitor is on no web node any more."""
        for room in self._in.pop(visitor, ()):
            self._leave(room, visitor)

    def expelled(self, hall: Hall, visitor: str) -> None:
        """A visitor was made to go: their web node will say that they have."""
        self._expelled[hall.conversation, visitor] = self._clock.monotonic() + EXPELLED_FOR

    def _over(self, key: tuple[str, str], until: float, visit: Visit) -> bool:
        room, visitor = key
        gone = visitor == visit.visitor and all(seat.room != room for seat in visit.rooms)
        return gone or self._clock.monotonic() >= until

    def _seated(self, seat: Seated, visit: Visit) -> None:
        until = self._expelled.get((seat.room, visit.visitor), 0.0)
        if self._clock.monotonic() < until:
            self._rooms.tell(seat.room, events.Expelled(seat.room, visit.visitor))
            return
        try:
            hall = self._crowd.open(seat.room)
        except NotFound:
            return
        person = hall.of_visitor(visit.visitor)
        if person is None:
            self._come(hall, seat, visit)
        elif seat.name not in (person.asked, person.nick):
            person.asked = seat.name
            self._rename(hall, person, seat.name)
        elif seat.name == person.nick:
            person.asked = seat.name

    def _come(self, hall: Hall, seat: Seated, visit: Visit) -> None:
        room = hall.room
        if not room.settings.guests:
            self._crowd.close_if_empty(hall)
            self._rooms.tell(seat.room, events.Expelled(seat.room, visit.visitor))
            return
        nick = self._free(hall, seat.name)
        standing = Standing(Affiliation.NONE, default_role(Affiliation.NONE, room.settings))
        person = Person(
            room.occupant(visit.visitor),
            SenderKind.VISITOR,
            nick,
            standing,
            visitor=visit.visitor,
            jid=visitor_full(visit.visitor, visit.domain),
        )
        person.asked = seat.name
        role = self._crowd.given_before.pop((room.conversation, visit.visitor), None)
        if role is not None:
            person.role, person.given = role, True
        self._crowd.come(hall, person)
        if role is not None:
            self._crowd.rosters.flush()  # or they may speak for as long as changes are gathered
        if nick != seat.name:
            self._tell_name(hall, person)

    def _rename(self, hall: Hall, person: Person, name: str) -> None:
        holder = hall.named(name)
        nick = name if holder is person else self._free(hall, name)
        self._crowd.rename(hall, person, nick)
        if nick != name:
            self._tell_name(hall, person)

    def _free(self, hall: Hall, name: str) -> str:
        """The name, or one like it, that nobody has."""
        nick, number = name, 1
        while hall.named(nick) is not None or self._crowd.is_operators(hall.room, nick):
            number += 1
            nick = f"{name} {number}"
        return nick

    def _tell_name(self, hall: Hall, person: Person) -> None:
        word = events.Renamed(hall.conversation, person.visitor, person.nick)
        self._rooms.tell(hall.conversation, word)

    def _leave(self, room: str, visitor: str) -> None:
        hall = self._crowd.find(room)
        person = None if hall is None else hall.of_visitor(visitor)
        if hall is not None and person is not None:
            self._crowd.remove(hall, person)
