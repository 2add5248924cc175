"""Visitors who are not served; each change changes the version, as one of a site does."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from ..errors import NotFound
from ..model import Ban
from .flavour import Flavour
from .schema import bans
from .sites import change_version


def all_bans(connection: Connection) -> list[Ban]:
    """All bans, by site and visitor."""
    of = bans.c
    statement = select(of.site, of.visitor, of.until, of.by, of.at, of.name)
    return [Ban(*row) for row in connection.execute(statement.order_by(of.site, of.visitor))]


def save_ban(connection: Connection, flavour: Flavour, ban: Ban) -> None:
    """Adds a ban, or replaces the visitor's."""
    statement = flavour.upsert(bans, ("until", "by", "at", "name"))
    connection.execute(statement.values(msgspec.structs.asdict(ban)))
    change_version(connection)


def remove_ban(connection: Connection, site: str, visitor: str) -> None:
    """Lifts a ban. Raises NotFound."""
    there = (bans.c.site == site) & (bans.c.visitor == visitor)
    if not connection.execute(delete(bans).where(there)).rowcount:
        raise NotFound("not_found", f"{visitor} is not banned from {site}.")
    change_version(connection)
