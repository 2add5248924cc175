"""Of `parley check`: what processes keep and share, the store, the cache and the bus."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redis.exceptions import AuthenticationError, NoPermissionError

from switchboard.bus import redis as bus
from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.sessions.memcached import FAULTS, servers_of, version
from switchboard.store import open_store
from switchboard.store.migrate import current, head

from .config import MEMORY, Config
from .finding import Finding
from .store import said, shown

CACHE_WITHIN = 1.0


def check_store(config: Config) -> Finding:
    """Where conversations are kept."""
    path = config.store.url.removeprefix("sqlite:///")
    if path == config.store.url:
        return asyncio.run(_store_server("store", path))
    if not Path(path).exists():
        return Finding("warn", "store", f"{path} does not exist yet: `parley migrate` makes it")
    try:
        with sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=2.0) as connection:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.rollback()
    except sqlite3.OperationalError as problem:
        return Finding("fail", "store", f"{path}: {problem}: make it writable for this user")
    if found is None or found[0] != head():
        return Finding("fail", "store", f"{path} has an old schema: run `parley migrate`")
    return Finding("ok", "store", path)


def check_replica(url: str) -> Finding:
    """Where transcripts are read."""
    return asyncio.run(_store_server("replica", url))


async def _store_server(part: str, url: str) -> Finding:
    """A store that is not a file."""
    name = shown(url)
    try:
        store = await open_store(url, clock=SystemClock())
    except SwitchboardError as problem:
        return Finding("fail", part, f"{name}: {said(problem)}")
    try:
        revision = await asyncio.to_thread(current, store.engine)
    except SwitchboardError as problem:
        return Finding("fail", part, f"{name}: {said(problem)}")
    finally:
        await store.close()
    if revision is None:
        return Finding("warn", part, f"{name} has no tables yet: `parley migrate` makes them")
    if revision != head():
        return Finding("fail", part, f"{name} has an old schema: run `parley migrate`")
    return Finding("ok", part, name)


async def check_bus(url: str) -> Finding:
    """What carries hints between processes."""
    if url == MEMORY:
        return Finding("ok", "bus", url)
    name = bus.shown(url)
    try:
        release = await bus.try_out(url)
    except ValueError as problem:
        remedy = f"{problem}: url of [bus] is redis://host:port/0, or memory:// for one process"
        return Finding("fail", "bus", f"{name}: {remedy}")
    except AuthenticationError as problem:
        remedy = "url of [bus] is redis://:password@host:port/0"
        return Finding("fail", "bus", f"{name}: {problem}: {remedy}")
    except NoPermissionError as problem:
        remedy = "allow it publish, subscribe, eval and the keys and channels parley:*"
        return Finding("fail", "bus", f"{name}: {problem}: {remedy}")
    except bus.FAILURES as problem:
        words = str(problem) or "no answer in time"
        return Finding("fail", "bus", f"{name}: {words}: start Redis, or correct url of [bus]")
    return Finding("ok", "bus", f"{name} (Redis {release})")


def check_sessions(config: Config) -> Iterator[Finding]:
    """Where visits are cached."""
    if config.sessions.url != MEMORY:
        yield from cache_servers(config.sessions.url)
    elif config.bus.url != MEMORY:
        remedy = "each process has its own: share them by memcached://host:port,host:port"
        yield Finding("warn", "sessions", f"{MEMORY}: {remedy}")
    else:
        yield Finding("ok", "sessions", MEMORY)


def cache_servers(url: str) -> Iterator[Finding]:
    """Each memcached server of a `memcached://` URL; all are asked at once.

    One that is not reached is no failure: visits are then rebuilt, and only what a silent visitor
    told of themselves is lost.
    """
    try:
        servers = servers_of(url)
    except ValueError as problem:
        yield Finding("fail", "sessions", f"{url}: {problem}")
        return
    with ThreadPoolExecutor(len(servers)) as asking:
        yield from asking.map(_cache_server, servers)


def _cache_server(server: str) -> Finding:
    part = f"sessions {server}"
    try:
        return Finding("ok", part, f"memcached {version(server, CACHE_WITHIN)}")
    except OSError as problem:
        return Finding("warn", part, f"{problem}: start it, or take it out of [sessions]")
    except FAULTS as problem:
        return Finding("fail", part, f"what answers there is no memcached: {problem}")
