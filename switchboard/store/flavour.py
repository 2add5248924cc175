"""In what the databases differ, named; each has its own file, and nothing else knows which."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Table
from sqlalchemy.engine import URL, Engine
from sqlalchemy.sql.dml import Insert

WRITES = "parley_writes"
"""The execution option of a connection whose transactions write."""


class Verdict(enum.Enum):
    """What a database's error means for what was asked of it."""

    AGAIN = enum.auto()
    """Lost against another writer: the same may succeed at once."""
    UNAVAILABLE = enum.auto()
    """The database cannot serve now: locked, full, read-only, gone."""
    WRONG_VALUE = enum.auto()
    """A value that the database cannot hold."""
    UNKNOWN = enum.auto()


class Flavour(Protocol):
    """One kind of database."""

    each_alone: Mapping[str, Any]
    """The execution options of a connection that writes and whose statements are each committed
    by the server itself, where there is one: a process that is frozen holds no row by them."""

    def make_engine(self, url: URL, connections: int) -> Engine:
        """An engine whose transactions begin as writes if the connection has the option WRITES.

        Waits are bounded, and its errors do not quote what people wrote. Raises Reject for a URL
        that cannot be a store.
        """

    def try_to_write(self, connection: Connection) -> None:
        """Writes something that changes nothing; fails if a real write would."""

    def hold_briefly(self, connection: Connection) -> None:
        """Lets the server end transactions of this connection that rest, where it can."""

    def doubt(self, connection: Connection) -> str:
        """What the server's settings take from "acknowledged means stored"; "" if nothing."""

    def alone(self, engine: Engine) -> AbstractContextManager[None]:
        """Holds other processes' migrations off within the block. Raises RetryLater."""

    def upsert(self, table: Table, replace: Sequence[str], raised: Sequence[str] = ()) -> Insert:
        """Inserts one row; if its key stands, sets the columns `replace` and raises `raised`.

        A column of `raised` is never lowered.
        """

    def judge(self, error: BaseException) -> Verdict:
        """What an error of the driver means."""
