"""Results that several methods give."""

from __future__ import annotations

from msgspec import Struct

from switchboard.errors import NotFound

from .. import wire


class Nothing(Struct, frozen=True):
    """`{}`: it is done."""


NOTHING = Nothing()


class RoomMembers(Struct, frozen=True):
    """How many are in a room."""

    id: str
    members: int


class Room(Struct, frozen=True):
    """A room that the visitor is in."""

    id: str
    title: str
    members: int
    messages: list[wire.Line]


def only_desk(to: str) -> None:
    """Raises NotFound `unknown_room` for any conversation but the desk's."""
    if to != wire.DESK:
        raise NotFound("unknown_room", "There is no such room here.")
