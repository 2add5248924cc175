"""An ejabberd of the tests' own: in one folder, on loopback, without Erlang's distribution.

Debian's start script insists on the user `ejabberd` and on epmd; `erl` itself wants neither. With
no node name there is nothing to register, so no epmd is started, and accounts are made by
ejabberd's HTTP API.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from parley import jabber_config
from parley.config import Ejabberd
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

ADDRESS = "127.0.0.1"
_SHIPPED = Path("/usr/share/ejabberd/ejabberd.yml.example")
_ACCOUNTS: dict[str, object] = {
    "api_permissions": {
        "tests": {"from": ["mod_http_api"], "who": "all", "what": ["register", "status"]}
    }
}
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class PrivateEjabberd:
    """One ejabberd with a host and a component `domain`, all within `folder`.

    It is a child of this process and ends with it. What concerns Parley is what `parley
    jabber-config ejabberd` prints, included. The component is granted rosters and all presence
    (XEP-0356), unless it is not `privileged`; ejabberd 23.01 refuses a privileged roster set, and
    `api` is the API that takes it. `resume_timeout`: seconds for which a stream that was lost may
    be resumed (XEP-0198). `offline`: whether lines for nobody are kept until the next login, as in
    the configuration that ejabberd comes with. `strangers_blocked`: whether a user gets messages of
    contacts alone (mod_block_strangers). `debian`: whether all else is as Debian's package has it.
    `api_port`: the API's, any free one by default. It may be started again, on the same ports,
    after `stop` or `kill`.
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
        resume_timeout: int = 300,
        offline: bool = False,
        strangers_blocked: bool = False,
        debian: bool = False,
        api_port: int = 0,
    ) -> None:
        self.folder = folder.absolute()
        self.c2s_port = c2s_port
        self.component_port = component_port
        self.host = host
        self.domain = domain
        self._secret = secret
        self._privileged = privileged
        self._resume_timeout = resume_timeout
        self._offline = offline
        self._strangers_blocked = strangers_blocked
        self._debian = debian
        self._api_port = api_port or free_port()
        self.api = Ejabberd(
            f"http://{ADDRESS}:{self._api_port}/api", f"parley@{host}", "the API's own"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts = {"parley": self.api.password}

    @property
    def release(self) -> tuple[int, int]:
        """The year and the month of the ejabberd that is installed, such as `(23, 1)`."""
        found = re.fullmatch(r"ejabberd-(\d+)\.(\d+).*", _installed().name)
        if found is None:
            raise RuntimeError(f"{_installed()} names no release")
        return int(found[1]), int(found[2])

    @property
    def pid(self) -> int | None:
        """The process id of the Erlang machine while it runs, else None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    async def start(self) -> None:
        """Starts it; returns when it takes clients and components, and all accounts exist."""
        if self.pid is not None:
            return
        self._prepare()
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
            "ERL_CRASH_DUMP": str(self.folder / "crash.dump"),
            "ERL_LIBS": _libraries(),
        }
        with (self.folder / "console.log").open("wb") as console:
            self._process = subprocess.Popen(
                # setpriv ends it together with us, even where we are killed.
                [
                    *(_tool("setpriv"), "--pdeathsig", "KILL", "--"),
                    # No busy waiting of its schedulers: the tests share the machine's cores.
                    *(_tool("erl"), "-noinput", "+sbwt", "none", "+sbwtdcpu", "none"),
                    *("-mnesia", "dir", json.dumps(str(self.folder / "data"))),
                    *("-s", "ejabberd"),
                ],
                cwd=self.folder,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            await eventually(self._serves, START_SECONDS, lambda: "ejabberd serves\n" + self.log())
            for name, password in self._accounts.items():
                await self._register(name, password)
        except BaseException:
            self.kill()
            raise

    async def add_user(self, name: str, password: str) -> None:
        """Makes the account `name` at `host`, at once or at the next start."""
        self._accounts[name] = password
        if self.pid is not None:
            await self._register(name, password)

    async def stop(self) -> None:
        """Ends it in order, after 10 seconds by force; returns when it has ended."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends it at once (SIGKILL), as a crash would; returns when it has ended.

        `setpriv` and `erl` become the Erlang machine, so it is that which is hit; its helpers end
        by themselves when it is gone.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has logged so far."""
        found = (self.folder / name for name in ("console.log", "ejabberd.log"))
        return "".join(file.read_text("utf-8", "replace") for file in found if file.exists())

    def _prepare(self) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        pem = self.folder / "both.pem"
        if not pem.exists():
            subprocess.run(
                [
                    *(_tool("openssl"), "req", "-x509", "-nodes", "-days", "30"),
                    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                    *("-subj", f"/CN={self.host}"),
                    *("-addext", f"subjectAltName=DNS:{self.host},DNS:{self.domain}"),
                    *("-keyout", "both.pem", "-out", "certificate.pem"),
                ],
                cwd=self.folder,
                check=True,
                capture_output=True,
            )
            with pem.open("a") as both:
                both.write((self.folder / "certificate.pem").read_text())
        (self.folder / "parley.yml").write_text(
            jabber_config.ejabberd(
                [self.domain],
                self._secret,
                self.component_port,
                [self.host] if self._privileged else [],
                self.api,
            )
        )
        (self.folder / "tests.yml").write_text(_block(_ACCOUNTS))
        included = [str(self.folder / name) for name in ("parley.yml", "tests.yml")]
        base = self._shipped() if self._debian else _block(self._base())
        line = _block({"include_config_file": included})
        (self.folder / "ejabberd.yml").write_text(f"{base}\n{line}")

    def _shipped(self) -> str:
        """The configuration that the package installs, on ports that are free."""

        def elsewhere(found: re.Match[str]) -> str:
            return f"port: {self.c2s_port if found[1] == '5222' else free_port()}\n"

        text = re.sub(r"port: (\d+)\n", elsewhere, _SHIPPED.read_text())
        return text.replace("/etc/ejabberd/ejabberd.pem", str(self.folder / "both.pem"))

    def _base(self) -> dict[str, object]:
        modules: dict[str, object] = {
            "mod_admin_extra": {},
            "mod_blocking": {},
            "mod_carboncopy": {},
            "mod_disco": {},
            "mod_http_api": {},
            "mod_ping": {},
            "mod_privacy": {},
            "mod_roster": {},
            "mod_stream_mgmt": {"resume_timeout": self._resume_timeout},
        }
        if self._offline:
            modules["mod_offline"] = {}
        if self._strangers_blocked:
            modules["mod_block_strangers"] = {}
        return {
            "hosts": [self.host],
            "loglevel": "info",
            "certfiles": [str(self.folder / "both.pem")],
            "ca_file": str(self.folder / "certificate.pem"),
            "listen": [
                {
                    "port": self.c2s_port,
                    "ip": ADDRESS,
                    "module": "ejabberd_c2s",
                    "starttls": True,
                },
            ],
            "modules": modules,
        }

    async def _serves(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"ejabberd ended at once:\n{self.log()}")
        ports = (self.c2s_port, self.component_port, self._api_port)
        return all(_accepts(port) for port in ports) and await self._call("status", {}) is not None

    async def _register(self, name: str, password: str) -> None:
        account = {"user": name, "host": self.host, "password": password}
        said = await self._call("register", account)
        if said is None or not ("successfully" in said or "already registered" in said):
            raise RuntimeError(f"cannot make the account {name}: {said}")

    async def _call(self, command: str, arguments: dict[str, str]) -> str | None:
        """What the API answers, an error's text included; None if nobody answers."""
        request = urllib.request.Request(
            f"http://{ADDRESS}:{self._api_port}/api/{command}",
            json.dumps(arguments).encode(),
            {"Content-Type": "application/json"},
        )
        return await asyncio.to_thread(_fetch, request)


def _block(options: dict[str, object]) -> str:
    """Options at the top of a YAML file; their values are JSON, which quotes all there is."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in options.items())


def _fetch(request: urllib.request.Request) -> str | None:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read().decode()
    except OSError:
        return None


def _libraries() -> str:
    """Where ejabberd's own Erlang applications are, which `erl` does not search by itself."""
    return str(_installed().parent)


def _installed() -> Path:
    found = next(iter(sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))), None)
    if found is None:
        raise RuntimeError("ejabberd is not installed; `make setup` installs it")
    return found.parent


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed; `make setup` installs it")
    return found


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((ADDRESS, port)) == 0
