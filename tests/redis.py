"""A Redis of one's own: in one folder, on a free port, as a child of the tests."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.e2e.support.ports import free_port

SERVER = shutil.which("redis-server")
START_SECONDS = 10.0


class PrivateRedis:
    """One server. It may be started again after `kill`, with nothing in it but what was saved."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Returns when it takes connections; `options` are of this start only."""
        assert SERVER is not None
        settings = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        settings += ["--dir", str(self.folder), *self._options, *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([SERVER, *settings], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def freeze(self) -> None:
        """SIGSTOP: connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: it ends at once, and nothing is said to anybody."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def client(self) -> redis.Redis:
        """A client of the tests' own."""
        return redis.Redis(port=self.port, socket_timeout=5)

    @property
    def url(self) -> str:
        """Where a bus finds it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def redis_server(*options: str) -> Iterator[PrivateRedis]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        server = PrivateRedis(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
