"""`parley run`: every edge over one in-memory bus and cache and one store, in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from twisted.internet import endpoints, error
from twisted.web.resource import Resource
from twisted.web.server import Site

from gateway.buddies.api import ApiSettings
from gateway.component import LinkState
from gateway.edge import JabberEdge, JabberSettings
from rpc.edge import WebEdge
from rpc.services import RpcSettings
from rpc.site import Limits, ParleySite
from switchboard.bus.memory import MemoryBus
from switchboard.census import Attendance
from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.reception import DeskBoard, Directory, Talks
from switchboard.reception.sites import REFRESH_EVERY
from switchboard.sessions.memory import MemorySessions
from switchboard.store import SqlStore

from .config import Config, ConfigError
from .health import health_resource
from .store import StartError, product_version

NODE = "run"

log = logging.getLogger("parley")


async def _within(seconds: float, what: str, stopping: Awaitable[None]) -> None:
    """Gives a part that long to stop; one that fails does not keep the others from it."""
    try:
        await asyncio.wait_for(stopping, seconds)
    except TimeoutError:
        log.warning("%s did not stop within %g s", what, seconds)
    except Exception:
        log.exception("%s did not stop properly", what)


class Service:
    """All parts of one process. `extra` are resources beside the web edge's own."""

    def __init__(
        self, config: Config, store: SqlStore, extra: Mapping[bytes, Resource] | None = None
    ) -> None:
        for name, url in (("sessions", config.sessions.url), ("bus", config.bus.url)):
            if url != "memory://":
                raise ConfigError(f"[{name}] url: this version knows memory:// only, not {url}")
        clock = SystemClock()
        bus = MemoryBus()
        self._config = config
        self._store = store
        self._directory = Directory(store)
        talks = Talks(store, bus, clock, config.limits.message_chars)
        attendance = Attendance(
            bus,
            MemorySessions(),
            clock,
            NODE,
            clock.now(),
            config.presence.grace_seconds,
        )
        self._web = WebEdge(
            self._directory,
            talks,
            attendance,
            DeskBoard(bus, clock),
            bus,
            clock,
            RpcSettings(
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
            ),
        )
        self._extra = extra
        ejabberd = config.ejabberd
        api = ApiSettings(ejabberd.api, ejabberd.user, ejabberd.password) if ejabberd.api else None
        self._jabber = JabberEdge(
            JabberSettings(
                host=config.component.host,
                port=config.component.port,
                domains=config.component.domains,
                secret=config.component.secret,
                grace=config.presence.grace_seconds,
                version=product_version(),
                api=api,
            ),
            store,
            self._directory,
            talks,
            bus,
            clock,
        )
        self._ports: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Opens the listeners and begins to connect. Raises StartError."""
        await self._directory.refresh()
        self._web.start()
        site = self._web.site(self._extra)
        for description in self._config.http.listen:
            await self._listen(description, site)
        http = self._config.http
        limits = Limits(head_seconds=http.head_seconds, body_seconds=http.body_seconds)
        admin = ParleySite(health_resource(self.health), limits)
        await self._listen(http.admin_listen, admin)
        await self._jabber.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._refresh()), loop.create_task(self._sweep())]

    async def stop(self) -> None:
        """Stops taking visitors, corrects presence, and lets go of the store; within 18 s."""
        for port in self._ports:
            await port.stopListening().asFuture(asyncio.get_running_loop())
        for task in self._tasks:
            task.cancel()
        await _within(7, "the web edge", self._web.stop())
        await _within(7, "the Jabber edge", self._jabber.stop())
        await _within(4, "the store", self._store.close())

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether every part is well, and each part's state."""
        links = {
            domain: {"state": state.value, **({"reason": reason} if reason else {})}
            for domain, (state, reason) in self._jabber.health().items()
        }
        well = all(state is LinkState.UP for state, _ in self._jabber.health().values())
        privileges = {g.domain: g.privileges.summary() for g in self._jabber.gateways}
        lists = {g.domain: g.contact_lists() for g in self._jabber.gateways}
        store = "ok" if self._store.well else "cannot be written"
        well = well and self._store.well
        return well, {
            "version": product_version(),
            "ready": well,
            "store": store,
            "jabber": links,
            "privileges": privileges,
            "contact_lists": lists,
        }

    async def _listen(self, description: str, site: Site) -> None:
        from twisted.internet import reactor

        try:
            endpoint = endpoints.serverFromString(reactor, description)
        except (ValueError, TypeError, KeyError) as problem:
            raise StartError(f"[http] cannot understand {description!r}: {problem}") from None
        try:
            port = await endpoint.listen(site).asFuture(asyncio.get_running_loop())
        except error.CannotListenError as problem:
            raise StartError(
                f"cannot listen on {description}: {problem.socketError}; "
                "end what uses that port or choose another in [http]"
            ) from None
        self._ports.append(port)

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
        while True:
            await asyncio.sleep(1.0)
            self._web.sweep()
