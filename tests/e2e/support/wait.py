"""Waiting for what must become true, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar, overload

T = TypeVar("T")

POLL_SECONDS = 0.05


@overload
async def eventually(
    condition: Callable[[], bool],
    timeout: float = ...,
    what: str | Callable[[], str] = ...,
) -> bool: ...


@overload
async def eventually(
    condition: Callable[[], Awaitable[T | None]],
    timeout: float = ...,
    what: str | Callable[[], str] = ...,
) -> T: ...


@overload
async def eventually(
    condition: Callable[[], T | None],
    timeout: float = ...,
    what: str | Callable[[], str] = ...,
) -> T: ...


async def eventually(
    condition: Callable[[], object],
    timeout: float = 10.0,
    what: str | Callable[[], str] = "",
) -> object:
    """Gives the first true value of `condition`, which may be a coroutine function.

    After `timeout` seconds raises AssertionError, which says `what` was waited for and
    the last value; a callable `what` is asked then. An AssertionError that `condition`
    raises counts as not yet.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        try:
            value = condition()
            last = await value if isawaitable(value) else value
        except AssertionError as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() >= deadline:
            said = what() if callable(what) else what
            raise AssertionError(f"not within {timeout:g} s: {said}\nlast value: {last!r}")
        await asyncio.sleep(POLL_SECONDS)
