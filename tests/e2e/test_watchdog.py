"""A service manager's watchdog over `parley run`: what is frozen is ended, what is busy is not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from parley.private_prosody import PrivateProsody
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.rpc import call, post
from tests.e2e.support.supervisor import Supervisor
from tests.e2e.support.wait import eventually

CLIENTS = 10
CALLS = 20
"""In one request."""
UNIT_SECONDS = 9.0
"""The units' WatchdogSec."""
ENDED_SECONDS = 10.0

Supervise = Callable[[float], Supervisor]


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody) -> Parley:
    """Set up, and not started."""
    made = Parley(tmp_path / "parley", prosody, limits=False)
    await made.set_up({})
    return made


@pytest.fixture
async def supervise(parley: Parley) -> AsyncIterator[Supervise]:
    """Starts it under a watchdog of so many seconds."""
    started: list[Supervisor] = []

    def start(watchdog: float) -> Supervisor:
        command = [sys.executable, "-m", "parley", "-c", str(parley.config), "run"]
        started.append(Supervisor(command, parley.folder / "log", watchdog))
        return started[-1]

    yield start
    for one in started:
        one.close()


async def test_a_frozen_process_is_ended(parley: Parley, supervise: Supervise) -> None:
    """In the units' time, by a signal that makes it say where it stood."""
    running = supervise(UNIT_SECONDS)
    await eventually(lambda: running.ready, 20.0, parley.log)
    assert "parley: ready" in parley.log()
    running.process.send_signal(signal.SIGSTOP)
    frozen_at = time.monotonic()
    assert await running.ended(ENDED_SECONDS + 2) == -signal.SIGABRT
    assert running.bitten_at is not None
    assert running.bitten_at - frozen_at <= ENDED_SECONDS
    assert "Fatal Python error: Aborted" in parley.log()


async def test_a_busy_process_is_not(parley: Parley, supervise: Supervise) -> None:
    """Its loop works for several times the watchdog's patience, and turns."""
    patience = 3.0
    running = supervise(patience)
    await eventually(lambda: running.ready, 20.0, parley.log)
    enough = _cpu_seconds(running.process.pid) + 2 * patience

    async def visitor() -> None:
        hello = await call(parley, "hello", site=SITE)
        token = hello["result"]["token"]
        call_of = {"jsonrpc": "2.0", "id": 1, "method": "history", "params": {"token": token}}
        batch = json.dumps([call_of] * CALLS).encode()
        while running.process.poll() is None and _cpu_seconds(running.process.pid) < enough:
            assert len(await post(parley, batch)) == CALLS

    await asyncio.gather(*(visitor() for _ in range(CLIENTS)))
    assert running.bitten_at is None
    assert running.process.poll() is None


async def test_a_stop_in_good_order(parley: Parley, supervise: Supervise) -> None:
    """The manager hears of it, and that the process lives while it stops."""
    running = supervise(1.5)
    await eventually(lambda: running.ready, 20.0, parley.log)
    running.process.terminate()
    assert await running.ended(20) == 0
    await eventually(lambda: running.told.get("STOPPING") == ["1"])
    assert running.told["READY"] == ["1"]
    assert running.told["STATUS"] == ["serving", "stopping"]
    assert running.bitten_at is None


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
