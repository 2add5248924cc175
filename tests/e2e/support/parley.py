"""A `parley run` of one's own, set up by the `parley` command as an admin would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from parley.command import cli
from parley.config import Ejabberd
from tests.e2e.support.bridge import Server
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

SITE = "shop"
TITLE = "The shop"
GRACE_SECONDS = 3


class Parley:
    """One process with a site whose pages come from `origin`; its data is in `folder`."""

    serves = "run"
    """The command that it is."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        *,
        origin: str = "https://shop.example",
        secret: str = "s3cret",
        limits: bool = True,
    ) -> None:
        self.folder = folder
        self.server = server
        self.origin = origin
        self.http_port = free_port()
        self.admin_port = free_port()
        self.config = folder / "parley.toml"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(
            f"""
[http]
listen = ["tcp:{self.http_port}:interface=127.0.0.1"]
public_url = "{self.url}"
admin_listen = "tcp:{self.admin_port}:interface=127.0.0.1"
[component]
port = {server.component_port}
domains = ["{server.domain}"]
secret = "{secret}"
[store]
url = "sqlite:///parley.db"
[admin]
token = "a token"
[tokens]
key = "0123456789abcdef0123456789abcdef"
[presence]
grace_seconds = {GRACE_SECONDS}
[limits]
new_visitors_per_minute = {600 if limits else 0}
messages_per_minute = {600 if limits else 0}
""",
            "utf-8",
        )

    def use(self, api: Ejabberd) -> None:
        """Gives it ejabberd's API."""
        with self.config.open("a", encoding="utf-8") as file:
            file.write(f'[ejabberd]\napi = "{api.api}"\nuser = "{api.user}"\n')
            file.write(f'password = "{api.password}"\n')

    @property
    def url(self) -> str:
        """Where browsers reach it."""
        return f"http://127.0.0.1:{self.http_port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `parley -c … ARGUMENTS` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "parley", "-c", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def must(self, *arguments: str) -> str:
        """Runs a command that has to succeed; gives what it printed."""
        ran = self.command(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def order(self, *arguments: str) -> str:
        """As `must`, for what a test only needs to begin: in this process, because to start Python
        takes ten times as long as the command itself.
        """
        with ThreadPoolExecutor(1) as thread:  # which runs no loop
            ran = thread.submit(CliRunner().invoke, cli, ["-c", str(self.config), *arguments])
        assert ran.result().exit_code == 0, repr(ran.result().exception)
        return ran.result().stdout

    async def set_up(self, operators: dict[str, str]) -> None:
        """Adds the site and its operators, `{bare JID: name}`."""
        self.order("site", "add", SITE, "--origin", self.origin, "--title", TITLE)
        for jid, name in operators.items():
            self.order("operator", "add", SITE, jid, "--name", name)

    async def start(self) -> None:
        """Starts it; returns when it serves and is linked with the Jabber server."""
        self.launch()
        await eventually(
            lambda: "parley: ready" in self.log() and self.ready()[0] == 200, 20.0, self.log
        )

    def launch(self) -> None:
        """Starts it without waiting."""
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "parley", "-c", str(self.config), self.serves],
                stderr=log,
                stdout=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._log_file.rename(self.folder / f"log-{len(list(self.folder.iterdir()))}")

    async def stop(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(process.wait, 20)

    async def exited(self, timeout: float = 20.0) -> int:
        """Waits until it ends by itself; its exit status."""
        assert self._process is not None
        process, self._process = self._process, None
        return await asyncio.to_thread(process.wait, timeout)

    @property
    def pid(self) -> int:
        """The running process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started, and not ended by `kill` or `stop`."""
        return self._process is not None

    def log(self) -> str:
        """What it has logged since it was started."""
        with contextlib.suppress(FileNotFoundError):
            return self._log_file.read_text(errors="replace")
        return ""

    def ready(self) -> tuple[int, dict[str, Any]]:
        """`/readyz`: the HTTP status (0: no answer) and its JSON."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.admin_port}/readyz", timeout=5
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)
        except OSError:
            return 0, {}

    def transcript(self, site: str = SITE) -> list[dict[str, Any]]:
        """Every line that is stored, as `parley transcript --format json` gives it."""
        text = self.must("transcript", site, "--format", "json")
        return [json.loads(line) for line in text.splitlines()]

    def end(self) -> None:
        """Ends it at once, if it runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def _log_file(self) -> Path:
        return self.folder / "log"
