"""The embedded store, as every command opens it, and what a command needs that runs nothing."""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.store import SqlStore, open_store
from switchboard.store.migrate import upgrade

from .config import Config, ConfigError


class StartError(Exception):
    """The service cannot start; the text says what to do."""


def product_version() -> str:
    """The installed distribution's version."""
    try:
        return version("parley-livechat")
    except PackageNotFoundError:
        return "0"


async def embedded_store(config: Config, clock: SystemClock) -> SqlStore:
    """Opens the store and brings its schema up to date. Raises StartError."""
    if not config.store.url.startswith("sqlite:"):
        raise ConfigError("[store] url: this version keeps conversations in sqlite:///… only")
    path = Path(config.store.url.removeprefix("sqlite:///"))
    remedy = f"the store {path} cannot be used"
    try:
        store = await open_store(config.store.url, clock=clock)
        await asyncio.to_thread(upgrade, store.engine)
    except SwitchboardError as problem:
        raise StartError(f"{remedy}: {problem}") from None
    return store
