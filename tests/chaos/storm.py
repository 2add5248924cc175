"""What happens to everybody while they talk: kills, freezes and cuts, at set times."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.e2e.support.bridge import Server
from tests.e2e.support.faults import Proxy
from tests.e2e.support.parley import Parley
from tests.e2e.support.wait import eventually

READY_SECONDS = 30.0


@dataclass(frozen=True)
class Blow:
    """At `at` seconds from the begin; `seconds`: how long it is dead or frozen."""

    at: float
    what: Literal["kill", "freeze", "cut"]
    whom: Literal["server", "parley", "gateway", "operators"]
    seconds: float = 0.0


@dataclass(frozen=True)
class Storm:
    """Everything that can be hit."""

    server: Server
    parley: Parley
    gateway: Proxy
    operators: Sequence[Proxy]

    async def rage(self, blows: Sequence[Blow]) -> None:
        """One blow after another; returns when all have been dealt and healed."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for blow in blows:
            await asyncio.sleep(max(0.0, began + blow.at - loop.time()))
            say(f"{loop.time() - began:5.0f} s: {blow.what} {blow.whom}")
            match blow.what:
                case "kill":
                    await self._kill(blow)
                case "freeze":
                    await self._freeze(blow)
                case "cut":
                    for proxy in (self.gateway,) if blow.whom == "gateway" else self.operators:
                        proxy.cut()
        await eventually(self._well, READY_SECONDS, "/readyz is 200 after the storm")

    async def _kill(self, blow: Blow) -> None:
        if blow.whom == "server":
            self.server.kill()
            await asyncio.sleep(blow.seconds)
            await self.server.start()
        else:
            self.parley.kill()
            await asyncio.sleep(blow.seconds)
            self.parley.launch()

    async def _freeze(self, blow: Blow) -> None:
        pid = self.server.pid if blow.whom == "server" else self.parley.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(blow.seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _well(self) -> bool:
        status, _ = await asyncio.to_thread(self.parley.ready)
        return status == 200


def say(text: str) -> None:
    """Progress, for whoever watches."""
    print(text, file=sys.stderr, flush=True)
