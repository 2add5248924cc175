"""What systemd does for a unit of `Type=notify` with `WatchdogSec=`, where systemd does not run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path


class Supervisor:
    """Runs one command; ends it by SIGABRT when it was silent for `watchdog` seconds.

    As systemd does it: the watchdog begins to count with READY=1, and what is stopped is
    continued so that it gets the signal.
    """

    def __init__(self, command: Sequence[str], log: Path, watchdog: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="parley-")
        address = str(Path(self._folder.name) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self._watchdog = watchdog
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.told: dict[str, list[str]] = {}
        """All values of each name, in order."""
        self.bitten_at: float | None = None
        """When the watchdog bit, monotonic."""
        environment = {**os.environ, "NOTIFY_SOCKET": address}
        environment["WATCHDOG_USEC"] = str(round(watchdog * 1_000_000))
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        self._loop.add_reader(self._socket, self._hear)

    @property
    def ready(self) -> bool:
        """Whether it said so."""
        return "READY" in self.told

    async def ended(self, seconds: float) -> int:
        """Waits for its end; gives the exit status, negative for a signal."""
        return await asyncio.to_thread(self.process.wait, seconds)

    def close(self) -> None:
        """Ends it, however it is."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._folder.cleanup()

    def _hear(self) -> None:
        for line in self._socket.recv(4096).decode().split("\n"):
            name, _, value = line.partition("=")
            self.told.setdefault(name, []).append(value)
        if self.ready:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(self._watchdog, self._bite)

    def _bite(self) -> None:
        if self.process.poll() is None:
            self.bitten_at = time.monotonic()
            self.process.send_signal(signal.SIGABRT)
            self.process.send_signal(signal.SIGCONT)
