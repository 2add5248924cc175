"""What every store keeps to when processes are killed, or several write."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from switchboard.store import SqlStore

from .drafts import from_visitor

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).parents[2]

WRITER = """
import asyncio, sys
from switchboard.clock import SystemClock
from switchboard.store import open_store
from tests.contract.drafts import from_visitor

async def write(store, task):
    for i in range(int(sys.argv[3])):
        draft = from_visitor(f"{sys.argv[2]}-{task}-{i}", conversation=f"v-{(task + i) % 3}")
        message = (await store.append(draft)).message
        print(message.conversation, message.seq, message.client_id, flush=True)

async def main():
    store = await open_store(sys.argv[1], clock=SystemClock())
    await asyncio.gather(*(write(store, task) for task in range(5)))
    await store.close()

asyncio.run(main())
"""


@asynccontextmanager
async def writer(url: str, name: str, lines: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process in which five tasks append `lines` each and print what was acknowledged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        url,
        name,
        str(lines),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stored(store: SqlStore) -> set[tuple[str, int, str]]:
    """All lines; each log is held to have no hole."""
    lines = set()
    for conversation in ("v-0", "v-1", "v-2"):
        log = await store.read(conversation, 0, 100_000)
        assert [m.seq for m in log] == list(range(1, len(log) + 1))
        lines |= {(m.conversation, m.seq, m.client_id) for m in log}
    return lines


def acknowledged(output: bytes) -> set[tuple[str, int, str]]:
    """What a writer printed; its last line may be cut."""
    lines = [line.split() for line in output.decode().split("\n")[:-1]]
    return {(conversation, int(seq), client_id) for conversation, seq, client_id in lines}


async def test_acknowledged_means_stored(store_url: str, opener: Opener) -> None:
    """Whatever a process was told before it was killed is there afterwards."""
    async with writer(store_url, "killed", 1_000_000) as process:
        assert process.stdout is not None
        head = b"".join([await process.stdout.readline() for _ in range(200)])
        process.send_signal(signal.SIGKILL)
        rest, _ = await process.communicate()
    told = acknowledged(head + rest)
    assert len(told) >= 200
    assert told <= await stored(await opener())


async def test_two_processes_write_at_once(store_url: str, opener: Opener) -> None:
    """Two processes share the same logs: no hole, no double, nothing lost."""
    store = await opener()
    async with writer(store_url, "one", 60) as one, writer(store_url, "two", 60) as two:
        outputs = await asyncio.gather(one.communicate(), two.communicate())
        own = [
            (await store.append(from_visitor(f"own-{i}", conversation=f"v-{i % 3}"))).message
            for i in range(60)
        ]
    told = {(m.conversation, m.seq, m.client_id) for m in own}
    for output, _ in outputs:
        told |= acknowledged(output)
    assert len(told) == 60 * 11
    assert told == await stored(store)


async def test_what_one_process_commits_another_reads(opener: Opener) -> None:
    """A line is there for every process as soon as it is acknowledged."""
    one, other = await opener(), await opener()
    for i in range(20):
        appended = await one.append(from_visitor(f"c{i}"))
        assert (await other.read("v-ann", i, 10)) == [appended.message]
