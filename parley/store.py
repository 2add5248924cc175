"""The store, as every command opens it, and what a command needs that runs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.store import SqlStore, open_store
from switchboard.store.migrate import current, head, upgrade

from .config import Config

T = TypeVar("T")


class StartError(Exception):
    """The service cannot start; the text says what to do."""


def product_version() -> str:
    """The installed distribution's version."""
    try:
        return version("parley-livechat")
    except PackageNotFoundError:
        return "0"


async def configured_store(config: Config, clock: SystemClock) -> SqlStore:
    """Opens the store and brings its schema up to date. Raises StartError."""
    try:
        store = await open_store(config.store.url, clock=clock)
        await asyncio.to_thread(upgrade, store.engine)
    except SwitchboardError as problem:
        where = shown(config.store.url)
        raise StartError(f"the store {where} cannot be used: {said(problem)}") from None
    return store


async def store_for_reading(config: Config, clock: SystemClock) -> SqlStore:
    """Opens the replica, which may be behind, or the store where there is none.

    Raises StartError.
    """
    url = config.store.replica
    if not url:
        return await configured_store(config, clock)
    try:
        store = await open_store(url, clock=clock)
        revision = await asyncio.to_thread(current, store.engine)
    except SwitchboardError as problem:
        raise StartError(f"the replica {shown(url)} cannot be used: {said(problem)}") from None
    if revision != head():
        await store.close()
        raise StartError(f"the replica {shown(url)} has not the store's schema, or not yet")
    return store


def with_store(
    config: Config,
    work: Callable[[SqlStore], Awaitable[T]],
    opened: Callable[[Config, SystemClock], Awaitable[SqlStore]] = configured_store,
) -> T:
    """What comes of the work with the store, which is open as long. Raises StartError."""

    async def main() -> T:
        store = await opened(config, SystemClock())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())


def shown(url: str) -> str:
    """Where a store is, in words that may stand in a log: without a password."""
    try:
        return make_url(url).render_as_string().removeprefix("sqlite:///")
    except ArgumentError:
        return "url"


def said(problem: SwitchboardError) -> str:
    """What is the matter, as the database's own driver says it where there was one."""
    cause = problem.__cause__
    driver = cause.orig if isinstance(cause, DBAPIError) else None
    return f"{problem} {driver}" if driver is not None else str(problem)
