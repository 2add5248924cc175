"""What is SQLite's own: the file."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Connection, event

from switchboard.clock import SystemClock
from switchboard.errors import Reject, RetryLater
from switchboard.model import Cursor
from switchboard.ports import Appended
from switchboard.store import SqlStore, migrate, open_store
from switchboard.store.engine import make_engine

from .drafts import from_visitor

pytestmark = pytest.mark.asyncio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A migrated database."""
    path = tmp_path / "parley.db"
    engine = make_engine(f"sqlite:///{path}")
    migrate.upgrade(engine)
    engine.dispose()
    return path


@pytest_asyncio.fixture
async def store(file: Path) -> AsyncIterator[SqlStore]:
    """A store that waits for a lock no longer than a moment."""
    store = await open_store(f"sqlite:///{file}?timeout=0.05", clock=SystemClock())
    yield store
    await store.close()


@contextmanager
def pragma(store: SqlStore, statement: str, undo: str) -> Iterator[None]:
    """Changes every connection that writes meanwhile, and changes it back."""
    changed = []

    def run(connection: Connection) -> None:
        connection.exec_driver_sql(statement)
        changed.append(connection.connection.driver_connection)

    event.listen(store.engine, "begin", run)
    yield
    event.remove(store.engine, "begin", run)
    for connection in changed:
        assert connection is not None
        connection.execute(undo)


async def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    """The file and its companions are made with mode 0600."""
    store = await open_store(f"sqlite:///{tmp_path / 'new.db'}", clock=SystemClock())
    await asyncio.to_thread(migrate.upgrade, store.engine)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    names = {path.name for path in tmp_path.iterdir()}
    await store.close()
    assert names == {"new.db", "new.db-wal", "new.db-shm"}
    assert modes == {0o600}


async def test_a_file_that_cannot_be_written_is_told_at_once(file: Path) -> None:
    """Opening a read-only file, or one that cannot be made, says to come later."""
    for url in (f"sqlite:///file:{file}?mode=ro&uri=true", f"sqlite:///{file}/no/such.db"):
        with pytest.raises(RetryLater):
            await open_store(url, clock=SystemClock())


@pytest.mark.parametrize("url", ["sqlite://", "postgresql://localhost/x", "no url"])
async def test_what_cannot_be_a_store_is_rejected(url: str) -> None:
    """A URL of no file, or of a database that is not known here, is wrong and stays wrong."""
    with pytest.raises(Reject):
        await open_store(url, clock=SystemClock())


async def test_a_locked_file_means_later(file: Path, store: SqlStore) -> None:
    """While another process keeps the file locked a write fails; reads and later writes do not."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.move_cursor("v-ann", "o-bob", Cursor(1, 1))
        with pytest.raises(RetryLater) as caught:
            await store.append(from_visitor("a"))
        assert caught.value.reason == "unavailable"
        assert caught.value.retry_after > 0
        assert await store.read("v-ann", 0, 10) == []
    assert (await store.append(from_visitor("a"))).message.seq == 1
    found = await store.conversation("v-ann")
    assert found is not None
    assert found.cursors == {"o-bob": Cursor(1, 1)}


@pytest.mark.parametrize(
    ("statement", "undo"),
    [
        ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
    ],
    ids=["read-only", "full"],
)
async def test_a_file_that_fails_later_heals(
    store: SqlStore, statement: str, undo: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A read-only file or a full disk means later, for a whole batch, and is no state for ever."""
    caplog.set_level("INFO", "switchboard")
    drafts = [from_visitor(f"c{i}", "my secret" * 5_000) for i in range(5)]
    with pragma(store, statement, undo):
        for _ in range(2):
            outcomes = await asyncio.gather(*map(store.append, drafts), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [RetryLater] * 5
    again = await asyncio.gather(*map(store.append, drafts))
    assert [appended.message.seq for appended in again] == [1, 2, 3, 4, 5]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "my secret" not in caplog.text


async def test_a_frozen_disk_means_later(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cannot wait is told to come again; if the line is stored after that, `late` is told."""
    monkeypatch.setattr("switchboard.store.store.ANSWER_SECONDS", 0.05)
    thawed = threading.Event()
    event.listen(store.engine, "commit", lambda _: thawed.wait())
    told: asyncio.Queue[Appended] = asyncio.Queue()
    waiting = asyncio.ensure_future(store.append(from_visitor("b")))
    await asyncio.sleep(0)  # it is put first
    with pytest.raises(RetryLater) as caught:
        await store.append(from_visitor("a"), late=told.put_nowait)
    assert caught.value.reason == "unavailable"
    assert caught.value.retry_after > 0
    assert not waiting.done()
    assert told.empty()
    thawed.set()
    assert (await waiting).message.seq == 1
    assert (await told.get()).message.seq == 2
    assert (await store.append(from_visitor("a"))).message.seq == 2
    assert told.empty()


async def test_every_commit_is_synced(store: SqlStore) -> None:
    """Connections keep a write-ahead log and sync it on every commit."""
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


async def test_two_processes_may_make_the_file_at_once(tmp_path: Path) -> None:
    """Opening and migrating the same new file side by side works for all."""

    async def begin() -> None:
        store = await open_store(f"sqlite:///{tmp_path / 'new.db'}", clock=SystemClock())
        await asyncio.to_thread(migrate.upgrade, store.engine)
        await store.append(from_visitor("a"))
        await store.close()

    await asyncio.gather(*(begin() for _ in range(4)))


async def test_finding_lines_reads_no_whole_table(store: SqlStore) -> None:
    """The statements of an append look up what they need by a key, whatever the batch's size."""
    ran: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _c: object, _cursor: object, sql: str, values: tuple[object, ...], *_m: object
    ) -> None:
        ran.append((sql, values))

    event.listen(store.engine, "before_cursor_execute", note)
    drafts = [from_visitor(f"c{i}", conversation=f"v-{i % 9}") for i in range(300)]
    await asyncio.gather(*map(store.append, drafts))
    event.remove(store.engine, "before_cursor_execute", note)
    selects = [(sql, values) for sql, values in ran if sql.startswith("SELECT")]
    assert len(selects) >= 6
    with store.engine.connect() as connection:
        for sql, values in selects:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
            assert not [row for row in plan if "SCAN" in row[3]]
