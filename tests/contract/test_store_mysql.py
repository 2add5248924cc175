"""What is MySQL's own: a server that goes, freezes, refuses."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sqlalchemy import Connection, select, update

from switchboard.clock import SystemClock
from switchboard.errors import Reject, RetryLater
from switchboard.ports import Appended
from switchboard.store import SqlStore, migrate, open_store
from switchboard.store.engine import make_engine
from switchboard.store.mysql import LOCK_SECONDS
from switchboard.store.schema import conversations
from tests.mariadb import PrivateMariadb, mariadb

from .conftest import needs_mariadb
from .drafts import from_visitor

pytestmark = [pytest.mark.asyncio, needs_mariadb]


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateMariadb]:
    """A server that is nobody else's, with a migrated database."""
    with mariadb() as running:
        running.query("CREATE DATABASE parley")
        engine = make_engine(running.url("parley"))
        migrate.upgrade(engine)
        engine.dispose()
        yield running


@pytest_asyncio.fixture
async def store(server: PrivateMariadb) -> AsyncIterator[SqlStore]:
    """An open store in it."""
    store = await open_store(server.url("parley"), clock=SystemClock())
    yield store
    await store.close()


async def bodies(store: SqlStore, conversation: str) -> list[str]:
    """What is stored."""
    return [line.body for line in await store.read(conversation, 0, 100)]


async def test_a_killed_server_means_later(
    server: PrivateMariadb, store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Reads and writes fail in a bounded time; what was acknowledged is there when it is back."""
    caplog.set_level("INFO", "switchboard")
    first = from_visitor("a", "my secret", conversation="v-killed")
    await store.append(first)
    server.kill()
    for _ in range(2):
        with pytest.raises(RetryLater):
            await store.append(from_visitor("b", "my secret, too", conversation="v-killed"))
        with pytest.raises(RetryLater):
            await store.read("v-killed", 0, 10)
    assert not store.well
    server.start()
    again = await store.append(from_visitor("b", "my secret, too", conversation="v-killed"))
    assert (again.message.seq, store.well) == (2, True)
    assert await bodies(store, "v-killed") == ["my secret", "my secret, too"]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "my secret" not in caplog.text


async def test_a_restart_between_two_lines_is_not_noticed(
    server: PrivateMariadb, store: SqlStore
) -> None:
    """Neither by who writes nor by who reads: connections that were closed are made again."""
    await store.append(from_visitor("a", conversation="v-restarted"))
    assert len(await bodies(store, "v-restarted")) == 1
    server.kill()
    server.start()
    assert len(await bodies(store, "v-restarted")) == 1
    appended = await store.append(from_visitor("b", conversation="v-restarted"))
    assert appended.message.seq == 2


async def test_a_frozen_server_means_later(
    server: PrivateMariadb, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot wait is told to come again; if the line is stored after that, `late` is told."""
    monkeypatch.setattr("switchboard.store.store.ANSWER_SECONDS", 0.1)
    await store.append(from_visitor("a", conversation="v-frozen"))
    server.send(signal.SIGSTOP)
    told: asyncio.Queue[Appended] = asyncio.Queue()
    with pytest.raises(RetryLater):
        await store.append(from_visitor("b", conversation="v-frozen"), late=told.put_nowait)
    server.send(signal.SIGCONT)
    assert (await told.get()).message.seq == 2
    assert (await store.append(from_visitor("b", conversation="v-frozen"))).message.seq == 2
    assert told.empty()


async def test_a_server_that_stays_frozen_is_given_up(server: PrivateMariadb) -> None:
    """After the time that the URL says, for reads too; and it heals."""
    url = server.url("parley") + "&read_timeout=1"
    store = await open_store(url, clock=SystemClock())
    server.send(signal.SIGSTOP)
    try:
        outcomes = await asyncio.wait_for(
            asyncio.gather(
                store.append(from_visitor("a", conversation="v-cold")),
                store.read("v-cold", 0, 10),
                return_exceptions=True,
            ),
            12.0,
        )
    finally:
        server.send(signal.SIGCONT)
    assert [type(outcome) for outcome in outcomes] == [RetryLater, RetryLater]
    assert (await store.append(from_visitor("a", conversation="v-cold"))).message.seq == 1
    await store.close()


async def test_who_freezes_while_writing_holds_nobody_up_for_long(
    server: PrivateMariadb, store: SqlStore
) -> None:
    """Its transaction ends by itself, with nothing written; others write to the same log."""
    await store.append(from_visitor("a", conversation="v-shared"))
    engine = make_engine(server.url("parley"))
    with engine.connect() as frozen:
        frozen.execute(update(conversations).values(name="never"))
        began = time.monotonic()
        await store.append(from_visitor("b", conversation="v-shared"))
        assert time.monotonic() - began < LOCK_SECONDS
        frozen.invalidate()
    engine.dispose()
    found = await store.conversation("v-shared")
    assert found is not None
    assert found.name != "never"


async def test_who_freezes_before_writing_holds_nobody_up_for_long(
    server: PrivateMariadb, store: SqlStore
) -> None:
    """Rows are locked first: of a writer that rests then, MariaDB takes them back too."""
    await store.append(from_visitor("a", conversation="v-locked"))
    frozen, resting = threading.Event(), threading.Event()

    def rest(connection: Connection) -> None:
        connection.execute(select(conversations.c.id).with_for_update())
        resting.set()
        frozen.wait()

    other = await open_store(server.url("parley"), clock=SystemClock())
    work = asyncio.ensure_future(other._step(rest))
    await asyncio.to_thread(resting.wait)
    began = time.monotonic()
    await store.append(from_visitor("b", conversation="v-locked"))
    assert time.monotonic() - began < LOCK_SECONDS
    frozen.set()
    await asyncio.gather(work, return_exceptions=True)
    await other.close()


async def test_a_server_that_only_reads_is_told_at_once(server: PrivateMariadb) -> None:
    """A replica, or a primary that was demoted: a store there cannot be opened."""
    server.query("CREATE USER IF NOT EXISTS shop@localhost")
    server.query("GRANT ALL ON parley.* TO shop@localhost")
    server.query("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(RetryLater):
            await open_store(server.url("parley", "shop"), clock=SystemClock())
    finally:
        server.query("SET GLOBAL read_only = OFF")
    await (await open_store(server.url("parley", "shop"), clock=SystemClock())).close()


async def test_what_cannot_be_a_store_is_refused(server: PrivateMariadb) -> None:
    """A driver that is not ours is wrong; a database that is not there may come."""
    for url in ("mysql+pymysql://localhost/parley", "mysql+mysqldb://localhost"):
        with pytest.raises(Reject):
            await open_store(url, clock=SystemClock())
    for url in (server.url("elsewhere"), server.url("parley", "nobody")):
        with pytest.raises(RetryLater):
            await open_store(url, clock=SystemClock())


async def test_of_several_that_migrate_one_does(server: PrivateMariadb) -> None:
    """Web nodes and gateways that start together find one schema."""
    server.query("CREATE DATABASE young")

    async def begin(number: int) -> None:
        store = await open_store(server.url("young"), clock=SystemClock())
        await asyncio.to_thread(migrate.upgrade, store.engine)
        await store.append(from_visitor(f"c{number}", conversation="v-young"))
        await store.close()

    await asyncio.gather(*map(begin, range(4)))


async def test_what_does_not_fit_is_refused_not_cut_off(store: SqlStore) -> None:
    """Whatever the server's own mode is; and every character of Unicode fits."""
    smile = "\N{GRINNING FACE}" * 100
    await store.append(from_visitor("a", smile, conversation="v-large"))
    with pytest.raises(Reject):
        await store.append(from_visitor("b" * 101, conversation="v-large"))
    assert await bodies(store, "v-large") == [smile]
