"""The real haproxy and nginx with the files in `deploy/`, in which only addresses are exchanged."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cluster.front import Ports, haproxy, nginx
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

Kind = Literal["haproxy", "nginx"]
KINDS: tuple[Kind, ...] = ("haproxy", "nginx")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


class Front(ABC):
    """One front at `port` of 127.0.0.1, before three nodes."""

    file: str

    def __init__(self, folder: Path, nodes: Sequence[Ports]) -> None:
        self.port = free_port()
        self._folder = folder
        self._nodes = nodes
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where browsers reach it."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it takes connections."""
        self._folder.mkdir(exist_ok=True)
        # Its workers are not root, and need the way to its socket.
        self._folder.chmod(0o755)
        path = self._folder / self.file
        path.write_text(self._text(), "utf-8")
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self._command(path), stdout=output, stderr=output, start_new_session=True
            )
        await eventually(self._listens, 10.0, self.log)

    def log(self) -> str:
        """What it has said."""
        return (self._folder / "output").read_text(errors="replace")

    def kill(self) -> None:
        """Ends it, workers too, at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    @abstractmethod
    def _command(self, path: Path) -> list[str]:
        """Runs it in the foreground."""

    @abstractmethod
    def _text(self) -> str:
        """The file."""

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Haproxy(Front):
    """haproxy."""

    file = "haproxy.cfg"

    def up(self) -> list[bool]:
        """Of each node, whether it is given visitors."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(self._folder / "admin.sock"))
            control.sendall(b"show servers state nodes\n")
            with control.makefile() as answer:
                rows = [line.split() for line in answer if line[:1].isdigit() and " rpc" in line]
        return [row[5] == "2" for row in rows]

    def _command(self, path: Path) -> list[str]:
        return [shutil.which("haproxy", path=_PATH) or "haproxy", "-W", "-db", "-f", str(path)]

    def _text(self) -> str:
        return haproxy(self._folder, self.port, self._nodes)


class Nginx(Front):
    """nginx."""

    file = "nginx.conf"

    def __init__(self, folder: Path, nodes: Sequence[Ports]) -> None:
        super().__init__(folder, nodes)
        # Its workers are not root, and get to no folder of pytest's.
        self._kept = Path(tempfile.gettempdir(), f"parley-nginx-{self.port}")

    def kill(self) -> None:
        """See Front; what it kept goes too."""
        super().kill()
        shutil.rmtree(self._kept, ignore_errors=True)

    def _command(self, path: Path) -> list[str]:
        program = shutil.which("nginx", path=_PATH) or "nginx"
        return [program, "-c", str(path), "-e", "stderr", "-g", "daemon off;"]

    def _text(self) -> str:
        self._kept.mkdir(exist_ok=True)
        self._kept.chmod(0o755)
        return nginx(self._kept, self.port, self._nodes)


def connections(port: int) -> int:
    """How many are established with a listener of this machine."""
    local, established = f":{port:04X}", "01"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(local) and row[3] == established for row in rows)


@contextmanager
def front(kind: Kind, folder: Path, nodes: Sequence[Ports]) -> Iterator[Front]:
    """A front, not started yet, that ends with the block."""
    made = (Haproxy if kind == "haproxy" else Nginx)(folder, nodes)
    try:
        yield made
    finally:
        made.kill()
