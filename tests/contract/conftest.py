"""Every implementation of a port is one entry of a list here; each suite runs over its list."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from switchboard.bus.memory import MemoryBus
from switchboard.bus.redis import RedisBus
from switchboard.clock import SystemClock
from switchboard.ports import Bus, Sessions
from switchboard.sessions.memcached import MemcachedSessions
from switchboard.sessions.memory import MemorySessions
from switchboard.store import SqlStore, migrate, open_store
from switchboard.store.engine import make_engine
from tests import memcached
from tests.e2e.support.wait import eventually
from tests.mariadb import SERVER, PrivateMariadb, mariadb
from tests.redis import SERVER as REDIS
from tests.redis import PrivateRedis, redis_server

Opener = Callable[..., Awaitable[SqlStore]]
"""Opens a further store on the same database; takes the options of `open_store`."""


@contextmanager
def sqlite_database(directory: Path) -> Iterator[str]:
    """The url of an empty SQLite database."""
    yield f"sqlite:///{directory / 'parley.db'}"


@contextmanager
def mariadb_database(_: Path) -> Iterator[str]:
    """The url of an empty database in a MariaDB that all tests of a worker share."""
    server, name = shared_mariadb(), f"parley{next(_numbers)}"
    server.query(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.query(f"DROP DATABASE {name}")


@cache
def shared_mariadb() -> PrivateMariadb:
    """Runs from its first use on, until all tests are over."""
    return _servers.enter_context(mariadb())


@pytest.fixture(scope="session", autouse=True)
def _end_servers() -> Iterator[None]:
    yield
    _servers.close()


_servers = ExitStack()
_numbers = itertools.count(1)

needs_mariadb = pytest.mark.skipif(
    SERVER is None, reason="no MariaDB here; `make test` installs it"
)
needs_redis = pytest.mark.skipif(
    REDIS is None, reason="no redis-server here; `make test` installs it"
)


needs_memcached = pytest.mark.skipif(
    memcached.SERVER is None, reason="no memcached here; `make test` installs it"
)


@asynccontextmanager
async def memory_sessions() -> AsyncIterator[Sessions]:
    """A cache in memory."""
    yield MemorySessions()


@asynccontextmanager
async def memcached_sessions() -> AsyncIterator[Sessions]:
    """A cache in a memcached that all tests of a worker share."""
    sessions = MemcachedSessions([shared_memcached().name])
    yield sessions
    await sessions.close()


@cache
def shared_memcached() -> memcached.PrivateMemcached:
    """Runs from its first use on, until all tests are over."""
    return _servers.enter_context(memcached.memcached())


@asynccontextmanager
async def memory_bus() -> AsyncIterator[Bus]:
    """A bus in memory."""
    yield MemoryBus()


@asynccontextmanager
async def redis_bus() -> AsyncIterator[Bus]:
    """A bus over a Redis that all tests of a worker share."""
    bus = RedisBus(shared_redis().url)
    await bus.start()
    await eventually(lambda: bus.up)
    yield bus
    await bus.close()


@cache
def shared_redis() -> PrivateRedis:
    """Runs from its first use on, until all tests are over."""
    return _servers.enter_context(redis_server())


DATABASES: list[Any] = [
    pytest.param(sqlite_database, id="sqlite"),
    pytest.param(mariadb_database, id="mariadb", marks=needs_mariadb),
]
SESSIONS: list[Any] = [
    pytest.param(memory_sessions, id="memory"),
    pytest.param(memcached_sessions, id="memcached", marks=needs_memcached),
]
BUSES: list[Any] = [
    pytest.param(memory_bus, id="memory"),
    pytest.param(redis_bus, id="redis", marks=needs_redis),
]


@pytest.fixture(params=DATABASES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The url of a database with an up-to-date schema and nothing in it."""
    database: Callable[[Path], AbstractContextManager[str]] = request.param
    with database(tmp_path) as url:
        engine = make_engine(url)
        migrate.upgrade(engine)
        engine.dispose()
        yield url


@pytest_asyncio.fixture
async def opener(store_url: str) -> AsyncIterator[Opener]:
    """Opens stores on one database and closes them afterwards."""
    stores: list[SqlStore] = []

    async def open_another(**options: Any) -> SqlStore:
        stores.append(await open_store(store_url, clock=SystemClock(), **options))
        return stores[-1]

    yield open_another
    for store in stores:
        await store.close()


@pytest_asyncio.fixture
async def store(opener: Opener) -> SqlStore:
    """An open, empty store."""
    return await opener()


@pytest_asyncio.fixture(params=SESSIONS)
async def sessions(request: pytest.FixtureRequest) -> AsyncIterator[Sessions]:
    """A cache."""
    factory: Callable[[], AbstractAsyncContextManager[Sessions]] = request.param
    async with factory() as made:
        yield made


@pytest_asyncio.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """A bus on the test's event loop."""
    factory: Callable[[], AbstractAsyncContextManager[Bus]] = request.param
    async with factory() as made:
        yield made
