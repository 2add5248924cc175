"""The store, as every command opens it, and what a command needs that runs nothing."""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.store import SqlStore, open_store
from switchboard.store.migrate import upgrade

from .config import Config


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
        raise StartError(f"the store {shown(config)} cannot be used: {said(problem)}") from None
    return store


def shown(config: Config) -> str:
    """Where the store is, in words that may stand in a log: without a password."""
    try:
        return make_url(config.store.url).render_as_string().removeprefix("sqlite:///")
    except ArgumentError:
        return "url"


def said(problem: SwitchboardError) -> str:
    """What is the matter, as the database's own driver says it where there was one."""
    cause = problem.__cause__
    driver = cause.orig if isinstance(cause, DBAPIError) else None
    return f"{problem} {driver}" if driver is not None else str(problem)
