"""From a URL to an engine."""

from __future__ import annotations

from sqlalchemy import make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError

from ..errors import Reject
from .flavour import Flavour
from .mysql import Mysql
from .sqlite import Sqlite

READERS = 4
"""Threads that read, each with its own connection."""

_FLAVOURS: dict[str, type[Flavour]] = {"sqlite": Sqlite, "mysql": Mysql, "mariadb": Mysql}


def flavour_of(url: str | URL) -> tuple[URL, Flavour]:
    """The parsed URL and its kind of database. Raises Reject if there is no such kind here."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Reject("invalid", "The store's url cannot be read.") from None
    flavour = _FLAVOURS.get(parsed.get_backend_name())
    if flavour is None:
        raise Reject("invalid", f"A store cannot be kept in {parsed.get_backend_name()!r}.")
    return parsed, flavour()


def make_engine(url: str) -> Engine:
    """An engine for readers, one writer, leases, and one more. Connects to nothing yet."""
    parsed, flavour = flavour_of(url)
    return flavour.make_engine(parsed, connections=READERS + 3)
