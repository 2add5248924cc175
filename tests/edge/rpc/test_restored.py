"""Cursors into a log that was restored from a backup and has grown another way since."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.edge.rpc.conftest import World
from tests.edge.rpc.test_cursors import WAYS, brought


async def _grown(world: World, folder: Path, lines: int) -> tuple[str, dict[int, str]]:
    """A talk of five lines of which the backup has three and `lines` more come; the token, and
    the cursor that a page had after each of the five."""
    await world.start()
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="line 1"))["token"]
    events = [await socket.event()]
    for number in range(2, 6):
        await world.operator_says(visitor, f"line {number}")
        events.append(await socket.event())
    cursors = {event["data"]["message"]["seq"]: event["cursor"] for event in events}
    await world.stop()
    with contextlib.closing(sqlite3.connect(folder / "parley.db", timeout=5)) as store:
        store.executescript(
            "DELETE FROM messages WHERE seq > 3; UPDATE conversations SET seq = 3 WHERE seq = 5"
        )
    await world.restart()
    for number in range(4, 4 + lines):
        await world.operator_says(visitor, f"new line {number}")
    return token, cursors


async def _bodies(world: World, way: str, token: str, cursor: str) -> list[str]:
    events: list[dict[str, Any]] = await brought(world, way, token, cursor)
    return [
        event["data"]["message"]["body"] if event["type"] == "message" else event["type"]
        for event in events
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize("seq", [2, 3, 4, 5])
async def test_a_line_that_is_no_more(
    idle_world: World, tmp_path: Path, way: str, lines: int, seq: int
) -> None:
    """Whoever had it is reset, though another line has its seq; whoever had not goes on."""
    token, cursors = await _grown(idle_world, tmp_path, lines)
    new = ["line 3", *(f"new line {number}" for number in range(4, 4 + lines))]
    wanted = new[seq - 2 :] if seq <= 3 else ["reset"]
    assert await _bodies(idle_world, way, token, cursors[seq]) == wanted
