"""A site's desk, as the visitors of this node are told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchboard import events

from . import wire

if TYPE_CHECKING:
    from .waiters import Seat


class DeskWatch:
    """All seats of a site, told together when the desk changes."""

    __slots__ = ("_seats", "_title", "desk", "places", "site")

    def __init__(self, desk: events.Desk) -> None:
        self._seats: dict[str, Seat] = {}
        self._title = desk.name
        self.site = desk.site
        self.desk = wire.DeskData(desk.state, desk.name)
        self.places: dict[str, int] = {}
        """By visitor: the place in the queue, 1 is next."""

    def add(self, seat: Seat) -> None:
        self._seats[seat.visitor] = seat

    def discard(self, seat: Seat) -> None:
        self._seats.pop(seat.visitor, None)

    def retitle(self, title: str) -> None:
        """How the desk is called as long as no gateway has named it."""
        self._title = title

    def changed(self, desk: events.Desk) -> None:
        """Takes the gateways' word and passes it on."""
        self.desk = wire.DeskData(desk.state, desk.name or self._title)
        for seat in tuple(self._seats.values()):
            seat.push(seat.desk)

    def heard(self, event: events.Event) -> None:
        """Tells those whose place in the queue is another one now."""
        if not isinstance(event, events.Queue):
            return
        before = self.places
        self.places = {visitor: place for place, visitor in enumerate(event.visitors, 1)}
        for visitor in before.keys() | self.places.keys():
            seat = self._seats.get(visitor)
            if seat is not None and seat.waits and before.get(visitor) != self.places.get(visitor):
                seat.push(seat.desk)
