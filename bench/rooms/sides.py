"""A room's messages on either side: on ours and on a Prosody of its own, the same crowd."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from ..load import Load
from ..process import cpu_seconds, machine_seconds, resident_kib
from ..stage import stage
from .kinds import ROOM
from .muc import muc

SETTLE_SECONDS = 12.0
"""Joins of a large room are told for so long."""
UNLIMITED = (f"rooms.{ROOM}.messages_per_minute=0",)

Server = tuple[int, Sequence[int]]
"""The port that members reach, and the ids of the processes that serve them."""


@asynccontextmanager
async def _ours(folder: Path) -> AsyncIterator[Server]:
    async with stage(folder, answered=False, settings=UNLIMITED) as on:
        yield on.port, (on.parley, on.prosody)


@asynccontextmanager
async def _muc(folder: Path) -> AsyncIterator[Server]:
    async with muc(folder / "muc") as (port, pid):
        yield port, (pid,)


SIDES: dict[str, Callable[[Path], AbstractAsyncContextManager[Server]]] = {
    "ours": _ours,
    "muc": _muc,
}


async def measure(side: str, members: int, phases: Sequence[str]) -> dict[str, Any]:
    """What the crowd saw in each phase, and what it took, on a fresh server."""
    with tempfile.TemporaryDirectory(prefix="rooms-") as folder:
        async with SIDES[side](Path(folder)) as (port, pids):
            empty = _memory(pids)
            load = await Load.start("bench.rooms.crowd", side, str(port), str(members), *phases)
            joined = await load.says()
            await asyncio.sleep(SETTLE_SECONDS)
            found: dict[str, Any] = {
                "side": side,
                "members": members,
                "join_seconds": round(joined["seconds"], 1),
                "kib_a_member": round((_memory(pids) - empty) / members, 1),
            }
            for phase in phases:
                found[phase.partition(":")[0]] = await _phase(load, pids)
            await load.end()
            return found


async def _phase(load: Load, pids: Sequence[int]) -> dict[str, Any]:
    cpu, machine = _cpu(pids), machine_seconds()
    load.go_on()
    await load.says()
    cpu, machine = _cpu(pids) - cpu, machine_seconds() - machine
    return judged(await load.says(), cpu, machine)


def judged(said: dict[str, Any], cpu: float, machine: float) -> dict[str, Any]:
    """What the crowd said, with what the server and everybody used: CPU seconds of a phase."""
    seconds, crowd = said.pop("seconds"), said.pop("crowd_cpu")
    deliveries = max(said["deliveries"], 1)
    return {
        **said,
        "seconds": round(seconds, 2),
        "a_second": round(said["deliveries"] / seconds, 1),
        "cpu_us": round(cpu / deliveries * 1e6, 2),
        "server_cores": round(cpu / seconds, 2),
        "crowd_cores": round(crowd / seconds, 2),
        "other_cores": round(max(machine - cpu - crowd, 0) / seconds, 2),
    }


def _cpu(pids: Sequence[int]) -> float:
    return sum(map(cpu_seconds, pids))


def _memory(pids: Sequence[int]) -> int:
    return sum(map(resident_kib, pids))
