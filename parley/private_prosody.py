"""A Prosody of one's own, for the demo and the tests: in one folder, on loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from parley import jabber_config

ADDRESS = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.02

_CONFIGURATION = """\
-- Written by Parley at each start; changes here are lost.
{root}daemonize = false
pidfile = {folder} .. "/prosody.pid"
data_path = {folder} .. "/data"
log = {{ {{ levels = {{ min = "info" }}, to = "file", filename = {folder} .. "/prosody.log" }} }}
certificates = {folder}

interfaces = {{ "{address}" }}
component_interfaces = {{ "{address}" }}
c2s_ports = {{ {c2s_port} }}
modules_disabled = {{ "s2s" }}
modules_enabled = {{
    "posix", "roster", "saslauth", "tls", "disco", "adhoc", "carbons", "ping", "vcard_legacy",
    "pep", "blocklist", {modules}
}}
authentication = "internal_hashed"
storage = "internal"
ssl = {{ key = {folder} .. "/key.pem", certificate = {folder} .. "/certificate.pem" }}

VirtualHost {host}

Include "parley.cfg.lua"
"""


class PrivateProsodyError(Exception):
    """The private Prosody, or a tool of its, failed; the text says how, and what to do."""


class PrivateProsody:
    """One Prosody with a VirtualHost `host` and a component `domain`, all within `folder`.

    It is a child of this process: it ends when this process does, however that ends, and
    a Ctrl-C at the terminal does not reach it. `privileged`: whether the component may
    write its users' contact lists; `modules`: what it loads besides. Start it from a thread that
    lives as long as it should, the main one. It may be started again after `stop` or `kill`.
    """

    def __init__(
        self,
        folder: Path,
        c2s_port: int,
        component_port: int,
        host: str = "localhost",
        domain: str = "chat.localhost",
        *,
        secret: str,
        privileged: bool = True,
        more_domains: Sequence[str] = (),
        modules: Sequence[str] = (),
    ) -> None:
        self.folder = folder.absolute()
        self.c2s_port = c2s_port
        self.component_port = component_port
        self.host = host
        self.domain = domain
        self._domains = [domain, *more_domains]
        self._secret = secret
        self._privileged = privileged
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    async def start(self) -> None:
        """Starts it; returns when it takes clients and components.

        Raises PrivateProsodyError if a port is in use, Prosody is not installed, or it
        does not serve within 20 seconds.
        """
        if self.pid is not None:
            return
        await self._prepare()
        for port in (self.c2s_port, self.component_port):
            _require_free(port)
        with (self.folder / "console.log").open("wb") as console:
            # Not asyncio's: this is the same under every loop and child watcher.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                # setpriv ends it together with us, even where we are killed.
                [
                    *(_tool("setpriv"), "--pdeathsig", "KILL", "--"),
                    *(_tool("prosody"), "--config", str(self._configuration_file), "-F"),
                ],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            await self._serving()
        except BaseException:
            self.kill()
            raise

    async def add_user(self, name: str, password: str) -> None:
        """Makes the account `name` at `host`, or gives it this password.

        Works before the start and while it runs. Raises PrivateProsodyError.
        """
        await self._prepare()
        jid = f"{name}@{self.host}"
        ctl = (_tool("prosodyctl"), "--config", str(self._configuration_file))
        twice = f"{password}\n{password}\n"
        made, said = await _run(*ctl, "adduser", jid, stdin=twice, folder=self.folder)
        if not made and "already exists" in said:
            made, said = await _run(*ctl, "passwd", jid, stdin=twice, folder=self.folder)
        if not made:
            raise PrivateProsodyError(f"cannot make the account {jid}: {said.strip()}")

    async def stop(self) -> None:
        """Ends it in order, after 5 seconds by force; returns when it has ended."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as a crash would; returns when it has ended."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has logged so far."""
        return _read(self.folder / "prosody.log")

    @property
    def _configuration_file(self) -> Path:
        return self.folder / "prosody.cfg.lua"

    async def _prepare(self) -> None:
        """Writes the configuration, and on the first use the certificate."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "data").mkdir(exist_ok=True)
        component = jabber_config.prosody(
            self._domains,
            self._secret,
            self.component_port,
            [self.host] if self._privileged else [],
        )
        _write_private(self.folder / "parley.cfg.lua", component)
        configuration = _CONFIGURATION.format(
            root="run_as_root = true\n" if os.geteuid() == 0 else "",
            folder=jabber_config.lua_string(str(self.folder)),
            address=ADDRESS,
            c2s_port=self.c2s_port,
            host=jabber_config.lua_string(self.host),
            modules=", ".join(map(jabber_config.lua_string, self._modules)),
        )
        _write_private(self._configuration_file, configuration)
        if not (self.folder / "certificate.pem").exists():
            await self._make_certificate()

    async def _make_certificate(self) -> None:
        made, said = await _run(
            *(_tool("openssl"), "req", "-x509", "-nodes", "-days", "3650"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", f"/CN={self.host}"),
            *("-addext", f"subjectAltName=DNS:{self.host},DNS:{self.domain}"),
            *("-keyout", "key.pem", "-out", "certificate.pem"),
            folder=self.folder,
        )
        if not made:
            raise PrivateProsodyError(f"cannot make a certificate: {said.strip()}")

    async def _serving(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = [self.c2s_port, self.component_port]
        while waiting:
            if self.pid is None:
                raise PrivateProsodyError(f"Prosody ended at once; its log ends:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise PrivateProsodyError(
                    f"Prosody does not serve {ADDRESS}:{waiting[0]} after {START_SECONDS:.0f} s; "
                    f"its log ends:\n{self._tail()}"
                )
            if _accepts(waiting[0]):
                waiting.pop(0)
            else:
                await asyncio.sleep(POLL_SECONDS)

    def _tail(self, lines: int = 10) -> str:
        """Gives what it printed before it could log, and the end of its log."""
        printed = _read(self.folder / "console.log").splitlines()[:lines]
        return "\n".join([*printed, *self.log().splitlines()[-lines:]])


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner may read; it holds a secret."""
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.exists() else ""


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise PrivateProsodyError(f"{name} is not installed; `make setup` installs it")
    return found


async def _run(*command: str, folder: Path, stdin: str = "") -> tuple[bool, str]:
    """Runs a short-lived tool: whether it succeeded, and all that it printed."""
    ran = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=folder,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        check=False,
    )
    return ran.returncode == 0, ran.stdout.decode(errors="replace")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise PrivateProsodyError(f"port {port} on {ADDRESS}: {error.strerror}") from error


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0
