"""A memcached of one's own, on a port of its own, as a child of the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from switchboard.sessions.memcached import FAULTS, version

SERVER = shutil.which("memcached")
START_SECONDS = 10.0


class PrivateMemcached:
    """One server. It may be started again after `kill`, on the same port, and is empty then."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.name = f"127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        assert SERVER is not None
        command = [SERVER, "-l", "127.0.0.1", "-p", str(self.port), "-m", "16", "-t", "2"]
        self._process = subprocess.Popen([*command, *(["-u", "root"] if not os.geteuid() else [])])
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                version(self.name, 1.0)
            except FAULTS:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def freeze(self) -> None:
        """SIGSTOP: the system still takes connections for it, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def thaw(self) -> None:
        """SIGCONT: it goes on, and carries out what has been sent to it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL: it ends at once, and has forgotten everything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def memcached() -> Iterator[PrivateMemcached]:
    """A running server."""
    server = PrivateMemcached()
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
