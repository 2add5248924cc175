"""The process: one edge or both over a store, a bus and a cache, on one event loop."""

from __future__ import annotations

import asyncio
import enum
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet import endpoints, error
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.buddies.api import ApiSettings
from gateway.component import LinkState
from gateway.edge import JabberEdge
from gateway.gateway import JabberSettings
from rpc.edge import WebEdge
from rpc.services import RpcSettings
from rpc.site import Limits, ParleySite
from switchboard.attendance import Attendance
from switchboard.bus.memory import MemoryBus
from switchboard.bus.redis import RedisBus
from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.leases import Candidate, Lease, LeaseForEver
from switchboard.ports import Bus, Clock
from switchboard.reception import DeskBoard, Directory, Rooms, Talks
from switchboard.reception.sites import REFRESH_EVERY
from switchboard.sessions.memcached import MemcachedSessions, servers_of
from switchboard.sessions.memory import MemorySessions
from switchboard.store import SqlStore
from switchboard.store.leases import SqlLeases

from .config import MEMORY, Config, ConfigError
from .health import health_resource
from .store import StartError, product_version

SERVING = frozenset({LinkState.UP, LinkState.STANDBY})
"""States in which a node does what is asked of it."""

NOTICED_SECONDS = 1.0
"""How long a front may take to see that a web node stops; `deploy/haproxy.cfg` asks every 0.3 s.

What is under way to a node that it finds gone instead is cut off.
"""

log = logging.getLogger("parley")


class Edges(enum.Flag):
    """What a process serves."""

    WEB = enum.auto()
    JABBER = enum.auto()
    BOTH = WEB | JABBER


async def _by(moment: float, what: str, stopping: Awaitable[None]) -> None:
    """Gives a part until then to stop; one that fails does not keep the others from it.

    `moment` is the loop's time.
    """
    try:
        async with asyncio.timeout_at(moment):
            await stopping
    except TimeoutError:
        log.warning("%s did not stop in time", what)
    except Exception:
        log.exception("%s did not stop properly", what)


def _memcached(url: str) -> MemcachedSessions | None:
    if url == MEMORY:
        return None
    try:
        return MemcachedSessions(servers_of(url))
    except ValueError as problem:
        raise ConfigError(f"[sessions] url: {problem}, or {MEMORY} for one process") from None


class Service:
    """All parts of one process. `extra` are resources beside the web edge's own."""

    def __init__(
        self,
        config: Config,
        store: SqlStore,
        edges: Edges,
        extra: Mapping[bytes, Resource] | None = None,
    ) -> None:
        clock = SystemClock()
        self._config = config
        self._store = store
        self._redis = None if config.bus.url == MEMORY else RedisBus(config.bus.url)
        if edges is not Edges.BOTH and self._redis is None:
            raise ConfigError(
                "[bus] url: memory:// reaches no other process: several want redis://host:port/0"
            )
        self._memcached = _memcached(config.sessions.url)
        self._leases = None if edges is Edges.BOTH else SqlLeases(store.engine)
        bus = self._redis or MemoryBus()
        self._extra = extra
        self._directory = Directory(store)
        talks = Talks(store, bus, clock, config.limits.message_chars)
        first = config.component.domains[0]
        chars = config.limits.message_chars
        rooms = Rooms(store, bus, clock, self._directory, first, chars)
        self._web = self._jabber = None
        if Edges.WEB in edges:
            self._web = self._make_web(talks, rooms, bus, clock)
        if Edges.JABBER in edges:
            self._jabber = self._make_jabber(talks, rooms, bus, clock)
        self._ports: list[Any] = []
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def _make_web(self, talks: Talks, rooms: Rooms, bus: Bus, clock: Clock) -> WebEdge:
        config = self._config
        attendance = Attendance(
            bus,
            self._memcached or MemorySessions(),
            clock,
            f"{socket.gethostname()} {' '.join(config.http.listen)}",
            clock.now(),
            config.presence.grace_seconds,
        )
        settings = RpcSettings(
            public_url=config.http.public_url,
            token_keys=config.tokens.keys,
            token_days=config.tokens.days,
            request_bytes=config.limits.request_bytes,
            message_chars=config.limits.message_chars,
            messages_per_minute=config.limits.messages_per_minute,
            new_visitors_per_minute=config.limits.new_visitors_per_minute,
            trusted_proxies=config.http.trusted_proxies,
            head_seconds=config.http.head_seconds,
            body_seconds=config.http.body_seconds,
            domains=config.component.domains,
            grace_seconds=config.presence.grace_seconds,
            uploads_folder=config.uploads.folder,
            uploads_max_bytes=config.uploads.max_bytes,
        )
        desks = DeskBoard(bus, clock)
        return WebEdge(self._directory, talks, rooms, attendance, desks, bus, clock, settings)

    def _make_jabber(self, talks: Talks, rooms: Rooms, bus: Bus, clock: Clock) -> JabberEdge:
        config, ejabberd = self._config, self._config.ejabberd
        api = ApiSettings(ejabberd.api, ejabberd.user, ejabberd.password) if ejabberd.api else None
        settings = JabberSettings(
            host=config.component.host,
            port=config.component.port,
            domains=config.component.domains,
            secret=config.component.secret,
            grace=config.presence.grace_seconds,
            version=product_version(),
            api=api,
            admins=config.component.admins,
            messages_per_minute=config.limits.messages_per_minute,
        )
        lease: Callable[[str], Lease] = LeaseForEver
        if self._leases is not None:
            name = f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}"
            lease = Candidate(name, self._leases, clock).lease
        return JabberEdge(settings, self._store, self._directory, talks, rooms, bus, clock, lease)

    async def start(self) -> None:
        """Opens the listeners and begins to connect. Raises StartError."""
        await self._directory.refresh()
        if self._redis is not None:
            await self._redis.start()
        http = self._config.http
        if self._web is not None:
            await self._web.start()
            site = self._web.site(self._extra)
            for description in http.listen:
                self._ports.append(await self._listen(description, site))
        limits = Limits(head_seconds=http.head_seconds, body_seconds=http.body_seconds)
        admin = ParleySite(health_resource(self.health), limits)
        await self._listen(http.admin_listen, admin)
        if self._jabber is not None:
            await self._jabber.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._refresh()), loop.create_task(self._sweep())]

    async def stop(self) -> None:
        """Hands visitors on, corrects presence, and lets go of the store; within 18.5 s.

        `/readyz` says so, to the end.
        """
        self._stopping = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        for port in self._ports:
            await port.stopListening().asFuture(loop)
        if self._web is not None:
            await _by(began + 12.5, "the web edge", self._web.stop())
            if self._jabber is None:
                await asyncio.sleep(began + NOTICED_SECONDS - loop.time())
        for task in self._tasks:
            task.cancel()
        if self._jabber is not None:
            await _by(began + 16.5, "the Jabber edge", self._jabber.stop())
        if self._memcached is not None:
            await _by(began + 17, "the cache", self._memcached.close())
        if self._redis is not None:
            await _by(began + 17, "the bus", self._redis.close())
        if self._leases is not None:
            self._leases.close()
        await _by(began + 18.5, "the store", self._store.close())

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether every part is well, and each part's state."""
        well = self._store.well
        parts: dict[str, object] = {
            "version": product_version(),
            "store": "ok" if well else "cannot be written",
        }
        if self._redis is not None:
            well = well and self._redis.up
            parts["bus"] = "ok" if self._redis.up else self._redis.reason
        if self._memcached is not None:
            out = self._memcached.out()
            parts["sessions"] = f"not used now: {', '.join(out)}" if out else "ok"
        if self._web is not None:
            parts["visitors"] = self._web.visitors
        if self._jabber is not None:
            links, gateways = self._jabber.health(), self._jabber.gateways
            well = well and all(state in SERVING for state, _ in links.values())
            parts["jabber"] = {
                domain: {"state": state.value, **({"reason": reason} if reason else {})}
                for domain, (state, reason) in links.items()
            }
            parts["owners"] = {
                domain: {"owner": owner, "epoch": epoch}
                for domain, (owner, epoch) in self._jabber.owners().items()
            }
            parts["privileges"] = {one.domain: one.privileges.summary() for one in gateways}
            parts["contact_lists"] = {one.domain: one.contact_lists() for one in gateways}
        if self._stopping:
            well, parts["draining"] = False, True
        return well, {"ready": well, **parts}

    async def _listen(self, description: str, site: Site) -> Any:
        from twisted.internet import reactor

        try:
            endpoint = endpoints.serverFromString(reactor, description)
        except (ValueError, TypeError, KeyError) as problem:
            raise StartError(f"[http] cannot understand {description!r}: {problem}") from None
        try:
            return await endpoint.listen(site).asFuture(asyncio.get_running_loop())
        except error.CannotListenError as problem:
            raise StartError(
                f"cannot listen on {description}: {problem.socketError}; "
                "end what uses that port or choose another in [http]"
            ) from None

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_EVERY)
            try:
                if not self._store.well:
                    await self._store.try_to_write()
                await self._directory.refresh()
            except SwitchboardError:
                continue  # the store has logged it, and /readyz tells it

    async def _sweep(self) -> None:
        while self._web is not None:
            await asyncio.sleep(1.0)
            self._web.sweep()
