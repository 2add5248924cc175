"""One process of the cluster: started, killed, frozen, and looked at."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

ADDRESS = "127.0.0.1"
START_SECONDS = 40.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
PROBE_SECONDS = 2.0


class ClusterError(Exception):
    """A part cannot be started; the text says which, and why."""


class Member(Protocol):
    """A process with a name; `where` is its address, for people."""

    name: str
    where: str

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""

    async def start(self) -> None:
        """Starts it; returns when it serves. Raises ClusterError."""

    def kill(self) -> None:
        """SIGKILL: returns when it has ended."""

    async def stop(self) -> None:
        """SIGTERM, after STOP_SECONDS SIGKILL; returns when it has ended."""

    def health(self) -> str:
        """What it says of itself, in a few words; may take up to PROBE_SECONDS."""


class Program:
    """A Member that is a program of its own, whose output goes to `folder/NAME.log`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.where = f"{ADDRESS}:{port}"
        self.log = folder / f"{name}.log"
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """See Member."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def launch(self) -> None:
        """Starts it without waiting. Raises ClusterError."""
        if self.pid is not None:
            return
        with self.log.open("ab") as log:
            # setpriv ends it together with us, even where we are killed.
            self._process = subprocess.Popen(
                [tool("setpriv"), "--pdeathsig", "KILL", "--", *self._command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def start(self) -> None:
        """See Member."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not await asyncio.to_thread(self.serves):
            if self.pid is None or time.monotonic() > deadline:
                tail = self.log.read_text("utf-8", errors="replace").splitlines()[-10:]
                raise ClusterError("\n".join([f"{self.name} does not serve; it says:", *tail]))
            await asyncio.sleep(POLL_SECONDS)

    def serves(self) -> bool:
        """Whether it is ready."""
        return accepts(self.port)

    def kill(self) -> None:
        """See Member."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def stop(self) -> None:
        """See Member."""
        if self._process is not None:
            self._process.terminate()
            try:
                await asyncio.to_thread(self._process.wait, STOP_SECONDS)
            finally:
                self.kill()

    def health(self) -> str:
        """See Member."""
        return "accepts connections" if self.serves() else "does not answer"


class Node(Program):
    """`parley rpc` or `parley gateway`; `port` is its admin listener's."""

    def serves(self) -> bool:
        """Whether `/readyz` is 200."""
        return self.ready()[0] == 200

    def ready(self) -> tuple[int, dict[str, Any]]:
        """`/readyz`: the HTTP status (0: no answer) and its JSON."""
        url = f"http://{ADDRESS}:{self.port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)
        except OSError:
            return 0, {}

    def health(self) -> str:
        """See Member."""
        status, parts = self.ready()
        if not status:
            return "does not answer"
        said = ["ready" if status == 200 else "not ready"]
        if "visitors" in parts:
            said.append(f"visitors: {parts['visitors']}")
        for domain, link in parts.get("jabber", {}).items():
            said.append(f"{domain}: {link.get('state')}")
        for part in ("store", "bus", "sessions"):
            if parts.get(part, "ok") != "ok":
                said.append(f"{part}: {parts[part]}")
        return ", ".join(said)


def state(member: Member) -> str:
    """`running`, `frozen` or `ended`."""
    pid = member.pid
    if pid is None:
        return "ended"
    try:
        # proc(5): the state follows the command's name, which may hold anything.
        after = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2]
    except FileNotFoundError:
        return "ended"
    return "frozen" if after.split()[0] in ("T", "t") else "running"


def freeze(member: Member) -> Callable[[], bool]:
    """SIGSTOP; gives what wakes it again, and tells whether it was still that process."""
    pid = member.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    def wake() -> bool:
        if member.pid != pid:
            return False
        os.kill(pid, signal.SIGCONT)
        return True

    return wake


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(PROBE_SECONDS)
        return probe.connect_ex((ADDRESS, port)) == 0


def tool(name: str) -> str:
    """Where a program is, those for administrators included. Raises ClusterError."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise ClusterError(f"{name} is not installed; `make setup` installs it")
    return found
