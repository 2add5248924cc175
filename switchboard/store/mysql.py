"""MySQL and MariaDB: all that is special about them.

Transactions are READ COMMITTED: each statement sees what others have committed, and no gaps between
rows are locked. Rows are locked in the order of their keys; what still meets in a deadlock, or
began a log at the same time as another process, is tried again.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table, create_engine, event, func, text
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.engine import URL, Engine
from sqlalchemy.sql.dml import Insert

from ..errors import Reject, RetryLater
from .flavour import Verdict

LIMITS = {"connect_timeout": "2", "read_timeout": "10", "write_timeout": "10"}
"""Seconds for a connection, and for the answer to one statement; the URL may say otherwise.

A migration that rewrites a large table wants a longer `?read_timeout=`.
"""

LOCK_SECONDS = 3
"""How long a row is waited for."""

FROZEN_SECONDS = 1
"""How long a writer's transaction may rest before MariaDB ends it; MySQL cannot.

A process that is frozen in the middle of one would keep what it has locked for hours, and others
that write wait for it, whatever else they write.
"""

MIGRATION_SECONDS = 8
"""How long another process's migration is waited for."""

# https://mariadb.com/kb/en/mariadb-error-codes/
_AGAIN = {
    1062,  # duplicate key: another process began the same log
    1205,  # waited too long for a lock
    1213,  # deadlock
    1317,  # interrupted by an administrator
    1927,  # connection killed
    2006,  # the server had closed the connection before anything was sent
}
_UNAVAILABLE = {
    3,  # cannot be written: disk full
    1021,  # disk full
    1040,  # too many connections
    1044,  # access denied to the database
    1045,  # access denied
    1049,  # no such database
    1053,  # shutting down
    1114,  # table full
    1129,  # host blocked
    1158,  # network, this one and the next three
    1159,
    1160,
    1161,
    1290,  # read-only
    1792,  # read-only transaction
    1836,  # read-only
    1969,  # took too long
    2002,  # nobody listens at the socket
    2003,  # nobody listens at the port
    2005,  # unknown host
    2012,  # handshake
    2013,  # lost while it answered: whether it was done is not known
    2055,  # lost while it was read from
}
_WRONG_VALUE = {
    1048,  # NULL
    1153,  # larger than max_allowed_packet
    1264,  # out of range
    1292,  # not of the type
    1366,  # not of the character set
    1406,  # too long
}


class Mysql:
    """Implements Flavour."""

    each_alone: Mapping[str, Any] = types.MappingProxyType({"isolation_level": "AUTOCOMMIT"})

    def make_engine(self, url: URL, connections: int) -> Engine:
        if url.drivername not in ("mysql+mysqldb", "mariadb+mysqldb") or not url.database:
            raise Reject("invalid", "Such a store is mysql+mysqldb://user:password@host/name.")
        try:
            engine = create_engine(
                url.update_query_dict({**LIMITS, **url.query, "charset": "utf8mb4"}),
                isolation_level="READ COMMITTED",
                pool_size=connections,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
            )
        except ModuleNotFoundError:
            remedy = "pip install 'parley-livechat[mysql]'"
            raise Reject("invalid", f"The driver for MySQL is missing: {remedy}.") from None
        event.listen(engine, "connect", _prepare)
        return engine

    def try_to_write(self, connection: Connection) -> None:
        # Read-only servers refuse it, as they would a real write; of a key that cannot be there.
        if connection.dialect.has_table(connection, "meta"):
            connection.execute(text("UPDATE meta SET version = version WHERE id = -1"))

    def hold_briefly(self, connection: Connection) -> None:
        if getattr(connection.dialect, "is_mariadb", False):
            # Rows are locked before anything is written.
            connection.exec_driver_sql(f"SET SESSION idle_transaction_timeout = {FROZEN_SECONDS}")

    def doubt(self, connection: Connection) -> str:
        variable = "innodb_flush_log_at_trx_commit"
        if connection.execute(text(f"SELECT @@{variable}")).scalar_one() == 1:
            return ""
        return f"{variable} is not 1: a crash of its machine may lose what was acknowledged"

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[None]:
        # Changes of tables commit by themselves, so that no transaction can hold others off.
        name = f"parley {engine.url.database}"[:64]
        with engine.connect() as connection:
            take = text("SELECT GET_LOCK(:name, :seconds)")
            values = {"name": name, "seconds": MIGRATION_SECONDS}
            if connection.execute(take, values).scalar_one() != 1:
                raise RetryLater("unavailable", "Another process migrates the store.", 2.0)
            try:
                yield
            finally:
                connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": name})

    def upsert(self, table: Table, replace: Sequence[str], raised: Sequence[str] = ()) -> Insert:
        statement = insert(table).values(dict.fromkeys(table.columns.keys()))
        changes: dict[str, Any] = {name: statement.inserted[name] for name in replace}
        for name in raised:
            changes[name] = func.greatest(table.c[name], statement.inserted[name])
        return statement.on_duplicate_key_update(changes)

    def judge(self, error: BaseException) -> Verdict:
        if isinstance(error, UnicodeError | OverflowError):
            return Verdict.WRONG_VALUE
        code = error.args[0] if error.args else None
        if code in _AGAIN:
            return Verdict.AGAIN
        if code in _UNAVAILABLE:
            return Verdict.UNAVAILABLE
        return Verdict.WRONG_VALUE if code in _WRONG_VALUE else Verdict.UNKNOWN


def _prepare(connection: Any, _record: Any) -> None:
    with connection.cursor() as cursor:
        # Refuses what does not fit, where a server may be set to cut it off.
        cursor.execute("SET SESSION sql_mode = 'TRADITIONAL'")
        cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}")
        if "MariaDB" in connection.get_server_info():
            cursor.execute(f"SET SESSION idle_write_transaction_timeout = {FROZEN_SECONDS}")
