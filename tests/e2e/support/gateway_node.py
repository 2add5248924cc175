"""A gateway in a process of its own, beside others over one MariaDB; visitors are its own affair.

It needs no bus: every visitor it is told of is here for as long as it runs, and it looks into the
store for what others have written.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.buddies.api import ApiSettings
from gateway.edge import JabberEdge
from gateway.gateway import JabberSettings
from parley.runner import start_logging
from switchboard.attendance import Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.leases import Candidate
from switchboard.model import Visit
from switchboard.reception import Directory, Rooms, Talks
from switchboard.sessions.memory import MemorySessions
from switchboard.store import open_store
from switchboard.store.leases import SqlLeases

GRACE = 1.0
LOOK_EVERY = 0.1
ROOT = Path(__file__).parents[3]


class Orders(msgspec.Struct, frozen=True):
    """What a node is to do; `port` is the Jabber server's."""

    name: str
    store: str
    port: int
    secret: str
    domain: str
    visits: list[Visit]
    api: ApiSettings | None = None


class GatewayNode:
    """One such process; what it logs is in `folder`."""

    def __init__(self, folder: Path, orders: Orders) -> None:
        self.name = orders.name
        self._log = folder / f"{orders.name}.log"
        command = [sys.executable, "-m", "tests.e2e.support.gateway_node"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, msgspec.json.encode(orders).decode()],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text("utf-8", "replace")

    @property
    def serves(self) -> bool:
        """Whether it has ever been linked with the Jabber server."""
        return "linked with the Jabber server" in self.log()

    def send(self, signal_: signal.Signals) -> None:
        """SIGSTOP freezes it, SIGCONT wakes it, SIGTERM ends it in good order."""
        self._process.send_signal(signal_)

    async def ended(self, timeout: float) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.to_thread(self._process.wait, timeout)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        self._process.kill()
        self._process.wait()


@contextmanager
def ending(nodes: list[GatewayNode]) -> Iterator[None]:
    """None of them runs after the block; what they logged is shown where a test fails."""
    try:
        yield
    finally:
        for node in nodes:
            node.kill()
            print(f"{node.name}:\n{node.log()}")


async def _run(orders: Orders) -> None:
    clock, bus = SystemClock(), MemoryBus()
    store = await open_store(orders.store, clock=clock)
    leases = SqlLeases(store.engine)
    directory = Directory(store)
    await directory.refresh()
    attendance = Attendance(bus, MemorySessions(), clock, "web", 1, GRACE)
    for visit in orders.visits:
        attendance.update(visit, stream=1)
    edge = JabberEdge(
        JabberSettings(
            "127.0.0.1", orders.port, (orders.domain,), orders.secret, GRACE, "test", orders.api
        ),
        store,
        directory,
        Talks(store, bus, clock, 4000),
        Rooms(store, bus, clock, directory, orders.domain, 4000),
        bus,
        clock,
        Candidate(orders.name, leases, clock).lease,
    )
    await edge.start()
    print("ready", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    while not ended.is_set():
        attendance.sweep()
        for gateway in edge.gateways:
            with contextlib.suppress(Exception):
                await gateway._held.catch_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await ended.wait()
    await edge.stop()
    leases.close()
    await store.close()


if __name__ == "__main__":
    start_logging()
    asyncio.run(_run(msgspec.json.decode(sys.argv[1], type=Orders)))
