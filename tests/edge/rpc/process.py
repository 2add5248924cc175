"""A `parley run` of its own, whose Jabber server is silent."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.support.ports import free_port
from tests.edge.rpc.client import Http, WebSocket

ORIGIN = "https://shop.test"


class Process:
    """One process; `files` limits how many it may have open."""

    def __init__(self, folder: Path, files: int | None = None) -> None:
        self._silent = socket.create_server(("127.0.0.1", 0))  # it takes connections, that is all
        self._log = folder / "log"
        self._config = folder / "parley.toml"
        self.port, admin = free_port(), free_port()
        self._config.write_text(
            f"""
[http]
listen = ["tcp:{self.port}:interface=127.0.0.1"]
admin_listen = "tcp:{admin}:interface=127.0.0.1"
[component]
port = {self._silent.getsockname()[1]}
secret = "s3cret"
[tokens]
key = "0123456789abcdef0123456789abcdef"
[limits]
new_visitors_per_minute = 0
messages_per_minute = 0
""",
            "utf-8",
        )

        def limit() -> None:
            if files is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        subprocess.run(self._command("site", "add", "acme", "--origin", ORIGIN), check=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command("run"), stderr=log, preexec_fn=limit)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "parley", "-c", str(self._config), *arguments]

    async def ready(self) -> None:
        """Waits until it serves."""
        deadline = time.monotonic() + 30
        while "parley: ready" not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.05)

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text("utf-8", "replace")

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has spent."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def kilobytes(self) -> int:
        """Its resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])

    def http(self) -> Http:
        """A way in."""
        return Http(self.port, ORIGIN)

    async def socket(self) -> WebSocket:
        """Another."""
        return await WebSocket.open(self.port, ORIGIN)

    def terminate(self) -> None:
        """SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, seconds: float) -> int:
        """Waits for its end; gives the exit status."""
        deadline = time.monotonic() + seconds
        while (status := self._process.poll()) is None:
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.02)
        return status

    def close(self) -> None:
        """Ends it, however it is."""
        self._silent.close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
