"""SQLite: all that is special about it.

A write-ahead log, so that readers and the writer never wait for each other, and a real sync on
every commit, because acknowledged means stored. Several processes may open the same file.
"""

from __future__ import annotations

import os
import sqlite3
import time
import types
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import Connection, Table, create_engine, event, func
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL, Engine
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.dml import Insert

from ..errors import Reject
from .flavour import WRITES, Verdict

BUSY_SECONDS = 2.0
"""How long a transaction waits for another process's; `?timeout=` in the URL says otherwise."""

# The texts of bulk statements differ by their number of rows.
_CACHED_STATEMENTS = 512

_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
_WRONG_VALUE = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH}


class Sqlite:
    """Implements Flavour."""

    each_alone: Mapping[str, Any] = types.MappingProxyType({WRITES: True})

    def make_engine(self, url: URL, connections: int) -> Engine:
        if not url.database or url.database == ":memory:":
            raise Reject("invalid", "A SQLite store needs a file: sqlite:///parley.db")
        engine = create_engine(
            url.update_query_dict({"timeout": str(BUSY_SECONDS)} | dict(url.query)),
            poolclass=QueuePool,
            pool_size=connections,
            hide_parameters=True,
            connect_args={"cached_statements": _CACHED_STATEMENTS},
        )
        event.listen(engine, "do_connect", _create_private)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def try_to_write(self, connection: Connection) -> None:
        # Beginning a write is no proof: on a read-only file it quietly begins a read.
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")

    def hold_briefly(self, connection: Connection) -> None:
        """Nothing can be done: of a file that a frozen process has locked nobody else takes it."""

    def doubt(self, connection: Connection) -> str:
        return ""  # Each connection sets them itself.

    def alone(self, engine: Engine) -> AbstractContextManager[None]:
        return nullcontext()  # Its transaction, in which all of it happens, is a write's.

    def upsert(self, table: Table, replace: Sequence[str], raised: Sequence[str] = ()) -> Insert:
        statement = insert(table).values(dict.fromkeys(table.columns.keys()))
        changes: dict[str, Any] = {name: statement.excluded[name] for name in replace}
        for name in raised:
            changes[name] = func.max(table.c[name], statement.excluded[name])
        return statement.on_conflict_do_update(index_elements=table.primary_key, set_=changes)

    def judge(self, error: BaseException) -> Verdict:
        if isinstance(error, UnicodeError | OverflowError | sqlite3.DataError):
            return Verdict.WRONG_VALUE
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary in _UNAVAILABLE:
            return Verdict.UNAVAILABLE
        return Verdict.WRONG_VALUE if primary in _WRONG_VALUE else Verdict.UNKNOWN


def _create_private(
    _dialect: Any, _record: Any, arguments: list[Any], parameters: dict[str, Any]
) -> None:
    """Makes a missing file readable by its owner only; SQLite gives its side files that mode."""
    if parameters.get("uri"):
        return
    try:
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        return  # It stands already, or SQLite says better what is wrong.


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: it would begin them as reads.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = FULL")
    # Of several who change the mode of a new file at once, SQLite refuses all but one without
    # waiting, whatever its time limit; the others find it changed.
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
