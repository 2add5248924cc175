"""Visitors with many pages open, of which half never read: a process of its own.

It tells what it does in lines of JSON on standard output, and goes on at each line it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from .socket import Socket

PAGES = 100
"""Sockets of one visitor, half of which never read: as many as the server allows."""
LINES = 70
"""What each visitor says."""
LINE = "x" * 4000
OPENING = 20
"""Sockets that are opened side by side."""
RESUMED = 5
"""Of each visitor's pages that never read, so many are looked at in the end."""

Place = tuple[str, int]
"""A cursor, and the seq of the line before it."""


@dataclass
class Visitor:
    """Who has the pages open."""

    token: str
    cursor: str
    seq: int = 0
    """The last line of theirs that is stored."""
    reading: deque[Socket] = field(default_factory=deque)
    silent: list[Socket] = field(default_factory=list)


async def crowd(port: int, sockets: int, rounds: int) -> None:
    """Opens all of them, talks, sees who was dropped, resumes, closes; then all of it again."""
    visitors = [await _arrive(port) for _ in range(sockets // PAGES)]
    for _ in range(rounds):
        gate = asyncio.Semaphore(OPENING)
        await asyncio.gather(*(_open_pages(port, visitor, gate) for visitor in visitors))
        await _tell_and_wait(state="open", sockets=len(visitors) * PAGES)
        swallowing = [
            asyncio.create_task(socket.swallow())
            for visitor in visitors
            for socket in visitor.reading
        ]
        before = [(visitor.cursor, visitor.seq) for visitor in visitors]
        await asyncio.gather(*(_talk(port, visitor) for visitor in visitors))
        await _tell_and_wait(state="said", lines=len(visitors) * LINES)
        left = [await _leave(port, *pair) for pair in zip(visitors, before, strict=True)]
        for task in swallowing:
            task.cancel()
        await asyncio.gather(*swallowing, return_exceptions=True)
        await _tell_and_wait(
            state="closed",
            looked_at=len(visitors) * RESUMED,
            dropped=sum(dropped for dropped, _ in left),
            complete_after_resuming=sum(complete for _, complete in left),
        )


async def _arrive(port: int) -> Visitor:
    socket = await Socket.open(port)
    result = await socket.hello()
    socket.close()
    return Visitor(result["token"], result["cursor"])


async def _open_pages(port: int, visitor: Visitor, gate: asyncio.Semaphore) -> None:
    visitor.reading.clear()
    visitor.silent.clear()

    async def one(pages: Any) -> None:
        async with gate:
            socket = await Socket.open(port, receive_buffer=4096)
            await socket.result("resume", token=visitor.token, cursor=visitor.cursor)
            pages.append(socket)

    half = PAGES // 2
    # One place is left for the page that talks, and later for those that resume.
    await asyncio.gather(
        *(one(visitor.reading) for _ in range(half - 1)),
        *(one(visitor.silent) for _ in range(half)),
    )


async def _talk(port: int, visitor: Visitor) -> None:
    socket = await Socket.open(port)
    await socket.result("resume", token=visitor.token, cursor=visitor.cursor)
    for _ in range(LINES):
        id = socket.call("say", id=uuid4().hex, body=LINE)
        while (found := await socket.read()).get("id") != id:
            _follow(visitor, found)
        last = found["result"]["seq"]
    while visitor.seq < last:
        _follow(visitor, await socket.read())
    socket.close()


def _follow(visitor: Visitor, frame: dict[str, Any]) -> None:
    if frame.get("method") == "event" and frame["params"]["type"] == "message":
        visitor.cursor = frame["params"]["cursor"]
        visitor.seq = frame["params"]["data"]["message"]["seq"]


async def _leave(port: int, visitor: Visitor, before: Place) -> tuple[int, int]:
    """How many pages were dropped, and how many had all there is after they had resumed."""
    dropped = complete = 0
    for socket in list(visitor.reading):
        socket.close()
    for socket in visitor.silent[:RESUMED]:
        seen: list[int] = []
        cursor = before[0]
        with contextlib.suppress(TimeoutError):
            try:
                async with asyncio.timeout(5):
                    while True:
                        cursor = _note(await socket.read(), seen) or cursor
            except (ConnectionError, asyncio.IncompleteReadError):
                dropped += 1
        again = await Socket.open(port)
        await again.result("resume", token=visitor.token, cursor=cursor)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while len(seen) < LINES:
                    _note(await again.read(), seen)
        again.close()
        complete += seen == list(range(before[1] + 1, before[1] + 1 + LINES))
    for socket in visitor.silent:
        socket.close()
    return dropped, complete


def _note(frame: dict[str, Any], seen: list[int]) -> str:
    """Keeps the seq of a line; gives the cursor after it."""
    if frame.get("method") != "event" or frame["params"]["type"] != "message":
        return ""
    seen.append(frame["params"]["data"]["message"]["seq"])
    cursor: str = frame["params"]["cursor"]
    return cursor


async def _tell_and_wait(**what: object) -> None:
    print(json.dumps(what), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(crowd(*map(int, sys.argv[1:])))
