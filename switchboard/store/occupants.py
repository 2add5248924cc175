"""Jabber clients that are in rooms: a gateway that comes new takes them over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection, and_, delete, select

from ..model import RoomClient
from .flavour import Flavour
from .schema import occupants

_of = occupants.c


def all_occupants(connection: Connection) -> list[RoomClient]:
    """All of them, by room and JID."""
    statement = select(_of.room, _of.jid, _of.nick, _of.role).order_by(_of.room, _of.jid)
    return [RoomClient(*row) for row in connection.execute(statement)]


def change(
    flavour: Flavour, put: Sequence[RoomClient], drop: Sequence[RoomClient]
) -> Callable[[Connection], None]:
    """Drops some, then keeps others."""
    save = flavour.upsert(occupants, ("nick", "role"))

    def run(connection: Connection) -> None:
        for one in drop:
            there = and_(_of.room == one.room, _of.jid == one.jid)
            connection.execute(delete(occupants).where(there))
        for one in put:
            connection.execute(save.values(msgspec.structs.asdict(one)))

    return run
