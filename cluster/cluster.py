"""The parts of the cluster, and what each is told of the others."""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from parley.private_prosody import PrivateProsody

from . import front
from .kept import Kept
from .member import ADDRESS, ClusterError, Member, Node, Program, accepts, tool

WEB_NODES = 3
GATEWAYS = 2
CACHES = 2
DOMAIN = "chat.localhost"
HOST = "localhost"
KNOWN_SECONDS = 3.0
"""What a command changes holds on every node by then."""
_CHANCE = random.SystemRandom()
_PORTS = range(10_000, 32_000)
"""Below those of outgoing connections: who is killed finds the own port free afterwards."""


class Prosody(PrivateProsody):
    """Prosody as a Member, with operators at HOST and these components."""

    name = "prosody"

    def __init__(
        self, folder: Path, ports: tuple[int, int], secret: str, domains: Sequence[str]
    ) -> None:
        first, *more = domains
        super().__init__(folder, *ports, HOST, first, secret=secret, more_domains=more)
        self.where = f"{ADDRESS}:{self.c2s_port}"

    def health(self) -> str:
        """See Member."""
        return "accepts connections" if accepts(self.c2s_port) else "does not answer"


class Cluster:
    """All members, in the order in which they are started; nothing runs yet.

    `domains` are the components', `grace` is in seconds; `limits`: whether visitors' calls are
    limited; `counted`: whether MariaDB counts its statements by kind, for Parley's own user.
    """

    def __init__(
        self,
        folder: Path,
        *,
        domains: Sequence[str] = (DOMAIN,),
        grace: float = 15,
        limits: bool = True,
        counted: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._given: set[int] = set()
        """Ports that a member has, or will have."""
        self.port = self._free_port()
        """Where visitors come in: haproxy's."""
        self.config = self.folder / "parley.toml"
        secret, password = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        ports = (self._free_port(), self._free_port())
        self.prosody = Prosody(self.folder / "prosody", ports, secret, domains)
        self.mariadb = self._mariadb(password, counted)
        self.redis = self._redis()
        self.caches = [self._memcached(number) for number in range(1, CACHES + 1)]
        self._write_config(secret, domains, password, grace, limits)
        self.gateways = [self._gateway(number) for number in range(1, GATEWAYS + 1)]
        self.web_ports = [
            front.Ports(self._free_port(), self._free_port()) for _ in range(WEB_NODES)
        ]
        self.web = [self._web(number, ports) for number, ports in enumerate(self.web_ports, 1)]
        self.haproxy = self._haproxy(self.web_ports)
        self.monit = self._monit()
        self.members: list[Member] = [
            self.prosody,
            self.mariadb,
            self.redis,
            *self.caches,
            *self.gateways,
            *self.web,
            self.haproxy,
            self.monit,
        ]

    @property
    def url(self) -> str:
        """Where visitors' browsers come in."""
        return f"http://{ADDRESS}:{self.port}"

    async def start(self) -> None:
        """Starts everything; returns when all serve. Raises ClusterError."""
        await self.prepare()
        await asyncio.gather(*(member.start() for member in (*self.gateways, *self.web)))
        await self.haproxy.start()
        await self.monit.start()

    async def prepare(self) -> None:
        """Starts what Parley's own processes stand on. Raises ClusterError."""
        await self._make_tables()
        first: list[Member] = [self.prosody, self.mariadb, self.redis, *self.caches]
        await asyncio.gather(*(member.start() for member in first))
        await self.parley("migrate")

    async def stop(self) -> None:
        """Ends everything in good order, the front first and the stores last."""
        orderly: list[list[Member]] = [
            [self.monit],
            [self.haproxy],
            [*self.web],
            [*self.gateways],
            [self.prosody, self.redis, *self.caches, self.mariadb],
        ]
        for members in orderly:
            await asyncio.gather(*(member.stop() for member in members))

    def kill(self) -> None:
        """Ends everything at once."""
        for member in reversed(self.members):
            member.kill()

    async def parley(self, *arguments: str) -> str:
        """Runs `parley` with the cluster's configuration; gives what it printed.

        Raises ClusterError.
        """
        command = [sys.executable, "-m", "parley", "-c", str(self.config), *arguments]
        ran = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
        if ran.returncode:
            raise ClusterError(ran.stderr.strip())
        return ran.stdout

    async def set_up(
        self, site: str, title: str, origin: str, operators: Mapping[str, str]
    ) -> None:
        """Adds a site if it is not there, with operators `{bare JID: name}`; all nodes know it."""
        known = json.loads(await self.parley("site", "list", "--json"))
        if all(one["key"] != site for one in known):
            await self.parley("site", "add", site, "--origin", origin, "--title", title)
        await self.parley("site", "set", site, f"origins={origin}")
        for jid, name in operators.items():
            await self.parley("operator", "add", site, jid, "--name", name)
        await asyncio.sleep(KNOWN_SECONDS)

    async def _make_tables(self) -> None:
        """Makes MariaDB's own tables, where there are none."""
        if (self.folder / "mariadb" / "mysql").exists():
            return
        making = await asyncio.create_subprocess_exec(
            tool("mariadb-install-db"),
            *self._mariadb_options(),
            "--auth-root-authentication-method=normal",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await making.communicate()
        if making.returncode:
            raise ClusterError(f"MariaDB's tables cannot be made: {said.decode(errors='replace')}")

    def _free_port(self) -> int:
        while (port := free_port()) in self._given:
            pass
        self._given.add(port)
        return port

    def _mariadb_options(self) -> list[str]:
        # Temporary tables as well: servers that begin together take each other's away.
        folders = [f"--datadir={self.folder / 'mariadb'}", f"--tmpdir={self.folder}"]
        options = ["--no-defaults", *folders]
        return [*options, "--user=root"] if os.geteuid() == 0 else options

    def _mariadb(self, password: str, counted: bool) -> Program:
        port = self._free_port()
        first = self.folder / "mariadb.sql"
        first.touch(mode=0o600)
        first.write_text(
            "CREATE DATABASE IF NOT EXISTS parley;\n"
            f"CREATE OR REPLACE USER parley@'%' IDENTIFIED BY '{password}';\n"
            "GRANT ALL ON parley.* TO parley@'%';\n"
            "GRANT SELECT, DROP ON performance_schema.* TO parley@'%';\n",
            "utf-8",
        )
        options = [f"--port={port}", f"--bind-address={ADDRESS}", f"--init-file={first}"]
        # A socket's path may have 107 characters, and nobody uses it.
        options += [f"--socket=@parley-{port}", "--skip-name-resolve", "--max-connections=200"]
        if counted:
            options += ["--performance-schema", "--performance-schema-digests-size=5000"]
            options += ["--max-digest-length=8192", "--performance-schema-max-digest-length=8192"]
        return Program(
            "mariadb",
            self.folder,
            port,
            [tool("mariadbd"), *self._mariadb_options(), *options],
        )

    def _redis(self) -> Program:
        port = self._free_port()
        options = ["--port", str(port), "--bind", ADDRESS, "--save", "", "--appendonly", "no"]
        return Program("redis", self.folder, port, [tool("redis-server"), *options])

    def _memcached(self, number: int) -> Program:
        port = self._free_port()
        options = ["-l", ADDRESS, "-p", str(port), "-U", "0", "-m", "64"]
        options += ["-u", "root"] if os.geteuid() == 0 else []
        return Program(f"memcached{number}", self.folder, port, [tool("memcached"), *options])

    def _gateway(self, number: int) -> Node:
        return self._node(f"gateway{number}", self._free_port(), "gateway", {})

    def _web(self, number: int, ports: front.Ports) -> Node:
        listen = f'["tcp:{ports.http}:interface={ADDRESS}"]'
        return self._node(f"rpc{number}", ports.admin, "rpc", {"PARLEY_HTTP__LISTEN": listen})

    def _node(
        self, name: str, admin_port: int, command: str, environment: Mapping[str, str]
    ) -> Node:
        return Node(
            name,
            self.folder,
            admin_port,
            [sys.executable, "-m", "parley", "-c", str(self.config), command],
            {
                "PARLEY_HTTP__ADMIN_LISTEN": f"tcp:{admin_port}:interface={ADDRESS}",
                **environment,
            },
        )

    def _haproxy(self, web: Sequence[front.Ports]) -> Kept:
        file = self.folder / "haproxy.cfg"
        # Linux forgets setpriv's signal where a process becomes another user.
        file.write_text(front.haproxy(self.folder, self.port, web, as_root=True), "utf-8")
        # In the foreground and without a worker, which would go on where it is killed.
        command = [tool("haproxy"), "-db", "-f", str(file)]
        return Kept("haproxy", self.folder, self.port, command)

    def _monit(self) -> Program:
        port = self._free_port()
        file = self.folder / "monitrc"
        file.touch(mode=0o600)
        file.write_text(front.monit(self.folder, port), "utf-8")
        return Program("monit", self.folder, port, [tool("monit"), "-I", "-c", str(file)])

    def _write_config(
        self, secret: str, domains: Sequence[str], password: str, grace: float, limits: bool
    ) -> None:
        caches = ",".join(f"{ADDRESS}:{cache.port}" for cache in self.caches)
        self.config.touch(mode=0o600)
        self.config.write_text(
            f"""\
[http]
public_url = "{self.url}"
trusted_proxies = ["{ADDRESS}"]
[component]
port = {self.prosody.component_port}
domains = {json.dumps(list(domains))}
secret = "{secret}"
[store]
url = "mysql+mysqldb://parley:{password}@{ADDRESS}:{self.mariadb.port}/parley"
[sessions]
url = "memcached://{caches}"
[bus]
url = "redis://{ADDRESS}:{self.redis.port}/0"
[admin]
token = "{secrets.token_urlsafe(24)}"
[tokens]
key = "{self._key()}"
[presence]
grace_seconds = {grace}
[limits]
new_visitors_per_minute = {60 if limits else 0}
messages_per_minute = {60 if limits else 0}
""",
            "utf-8",
        )

    def _key(self) -> str:
        """Kept, so that visitors are known after a restart."""
        file = self.folder / "token-key"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(48), "utf-8")
        return file.read_text("utf-8")


@asynccontextmanager
async def running(cluster: Cluster) -> AsyncIterator[Cluster]:
    """The cluster for as long as the block; nothing of it is left afterwards."""
    try:
        await cluster.start()
        yield cluster
    finally:
        cluster.kill()


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    while True:
        port = _CHANCE.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
