"""Who is in each room, told to web nodes: changes gathered, everybody in pages where one asks.

The words on a room are numbered from 1 with each epoch, so that a node which misses one knows it.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from switchboard import events
from switchboard.model import Occupant
from switchboard.reception import Rooms

from .hall import Hall, Person

GATHER_SECONDS = 0.25
PAGE_SIZE = 500


class _Changes(Struct):
    """By occupant's id."""

    came: dict[str, Occupant] = {}
    left: dict[str, Occupant] = {}
    changed: dict[str, Occupant] = {}
    expelled: dict[str, Occupant] = {}


class Rosters:
    """The gateway's words on who is in its rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._gathered: dict[str, tuple[Hall, _Changes]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def came(self, hall: Hall, person: Person) -> None:
        """Somebody is in it now."""
        changes = self._changes(hall)
        back = changes.left.pop(person.id, None) or changes.expelled.pop(person.id, None)
        into = changes.came if back is None else changes.changed
        into[person.id] = person.occupant

    def left(self, hall: Hall, person: Person, expelled: bool) -> None:
        """Somebody is in it no more."""
        changes = self._changes(hall)
        changes.changed.pop(person.id, None)
        if changes.came.pop(person.id, None) is None:
            (changes.expelled if expelled else changes.left)[person.id] = person.occupant

    def changed(self, hall: Hall, person: Person) -> None:
        """Somebody in it is called, or may do, something else."""
        changes = self._changes(hall)
        into = changes.came if person.id in changes.came else changes.changed
        into[person.id] = person.occupant

    def tell_all(self, hall: Hall) -> None:
        """Tells everybody who is there, after what has been gathered."""
        self.flush()
        everybody = [person.occupant for person in hall.people.values()]
        starts = range(0, max(len(everybody), 1), PAGE_SIZE)
        for page, start in enumerate(starts):
            hall.number += 1
            part = tuple(everybody[start : start + PAGE_SIZE])
            last = page == len(starts) - 1
            word = events.RoomPage(hall.conversation, hall.epoch, hall.number, page, last, part)
            self._rooms.tell(hall.conversation, word)

    def flush(self) -> None:
        """Tells what has been gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered, self._gathered = self._gathered, {}
        for hall, changes in gathered.values():
            kinds = (changes.came, changes.left, changes.changed, changes.expelled)
            if any(kinds):
                hall.number += 1
                parts = [tuple(kind.values()) for kind in kinds]
                word = events.RoomChanged(hall.conversation, hall.epoch, hall.number, *parts)
                self._rooms.tell(hall.conversation, word)

    def close(self) -> None:
        """Says nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _changes(self, hall: Hall) -> _Changes:
        found = self._gathered.get(hall.conversation)
        if found is None or found[0] is not hall:
            if found is not None:
                self.flush()
            found = self._gathered[hall.conversation] = (hall, _Changes())
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(GATHER_SECONDS, self.flush)
        return found[1]
