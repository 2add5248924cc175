"""Results that several methods give."""

from __future__ import annotations

from msgspec import Struct, field

from switchboard.rooms import Role

from .. import wire


class Nothing(Struct, frozen=True):
    """`{}`: it is done."""


NOTHING = Nothing()


class RoomMembers(Struct, frozen=True):
    """How many are in a room."""

    id: str
    members: int


class Room(Struct, frozen=True, kw_only=True):
    """A room that the visitor is in."""

    id: str
    title: str
    subject: str
    members: int
    """How many are there."""
    messages: list[wire.Line]
    more: bool
    """Whether there are lines before these."""
    name: str
    """What the visitor is called there."""
    own: str = field(name="self")
    """The visitor's id there."""
    role: Role
