"""What happens to a store's file, to the real one, and is put right again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, event

from switchboard.store import SqlStore

Fault = Callable[[SqlStore, Path], AbstractContextManager[None]]


@contextmanager
def locked(store: SqlStore, path: Path) -> Iterator[None]:
    """Another connection keeps an exclusive lock for as long as the block."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(store: SqlStore, path: Path) -> Iterator[None]:
    """The file may not grow: what needs another page fails."""
    with _pragma(store, "max_page_count = 1", "max_page_count = 1000000"):
        yield


@contextmanager
def read_only(store: SqlStore, path: Path) -> Iterator[None]:
    """Nothing may be written. Of files that are open already, permissions forbid nothing."""
    with _pragma(store, "query_only = ON", "query_only = OFF"):
        yield


@contextmanager
def frozen(store: SqlStore, path: Path) -> Iterator[None]:
    """The disk does not sync: a commit goes on when the block is left."""
    thawed = threading.Event()

    def wait(_: Connection) -> None:
        thawed.wait()

    event.listen(store.engine, "commit", wait)
    try:
        yield
    finally:
        thawed.set()  # the listener stays: the writer may be going through the list of them


@contextmanager
def _pragma(store: SqlStore, broken: str, whole: str) -> Iterator[None]:
    changed = []

    def change(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA {broken}")
        changed.append(connection.connection.driver_connection)

    event.listen(store.engine, "begin", change)
    try:
        yield
    finally:
        event.remove(store.engine, "begin", change)
        for connection in changed:
            assert connection is not None
            connection.execute(f"PRAGMA {whole}")
