"""Whose each domain is: a gateway is made when it becomes ours, and dropped when it is another's.

A dropped one commits what it finds in its socket and tells nobody anything: its lease, which the
link's one writer asks, is not held by then. It is not used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from switchboard.errors import SwitchboardError
from switchboard.leases import Change, Lease
from switchboard.ports import Store

from .component import Link, LinkState

RETRY = 1.0
"""Seconds after which a gateway that could not be started is made anew."""
FLUSH_WITHIN = 2.0
UNLINKED_MOST = 10.0
"""Seconds without a link after which somebody else may try, if anybody waits."""

log = logging.getLogger(__name__)


class Served(Protocol):
    """What serves a domain, from when it is ours to when it is not."""

    link: Link

    async def start(self) -> None:
        """Takes over what an earlier process left."""

    def resumed(self) -> None:
        """For some time nothing could be sent."""

    async def stop(self) -> None:
        """Ends all of it; says nothing once the lease is not held."""


G = TypeVar("G", bound=Served)


class Domain(Generic[G]):
    """One domain of this process's configuration; `gateway` is None while it is not ours."""

    def __init__(self, name: str, lease: Lease, store: Store, make: Callable[[], G]) -> None:
        self.name = name
        self.gateway: G | None = None
        self._lease = lease
        self._store = store
        self._make = make
        self._tried = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Takes it if it is free; if it is ours, it has been served once this returns."""
        await self._lease.begin()
        loop = asyncio.get_running_loop()
        self._keeping = loop.create_task(self._lease.run())
        self._tasks = [loop.create_task(work) for work in (self._serve(), self._watch())]
        if self._lease.held:
            await self._tried.wait()

    async def stop(self) -> None:
        """Ends what is served; whoever waits for it takes over, and no contact list flickers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lease.awaited:
            self._lease.resign()
        await self._drop()
        try:
            # The next one sends again what it does not know to be confirmed.
            await asyncio.wait_for(self._store.flush(), FLUSH_WITHIN)
        except (TimeoutError, SwitchboardError):
            log.warning("%s: the store is away: what operators have read is told again", self.name)
        await self._lease.release()
        if self._keeping is not None:
            await self._keeping

    @property
    def owner(self) -> tuple[str, int]:
        """The owner and the epoch, as far as is known; "" and 0 where only one could be."""
        return self._lease.owner

    def health(self) -> tuple[LinkState, str]:
        """Where the link stands and why it is not up, or whose the domain is."""
        if self.gateway is None:
            owner, epoch = self._lease.owner
            if owner and not self._lease.held:
                return LinkState.STANDBY, f"{owner} serves it, epoch {epoch}"
            return LinkState.CONNECTING, "" if owner else "the store has not told whose it is"
        link = self.gateway.link
        if link.state is LinkState.UP and not self._lease.held:
            return LinkState.WITHHELD, "the store has not confirmed lately that it is ours"
        return link.state, link.reason

    async def _serve(self) -> None:
        while True:
            change = await self._lease.change()
            try:
                await self._follow(change)
            except Exception:
                log.exception("%s: what follows from %s was not done", self.name, change)

    async def _watch(self) -> None:
        """Whoever cannot reach the Jabber server leaves the domain to one who may."""
        now = asyncio.get_running_loop().time
        linked_at = now()
        while True:
            await asyncio.sleep(1.0)
            if self.gateway is None or self.gateway.link.state is LinkState.UP:
                linked_at = now()
            elif now() - linked_at > UNLINKED_MOST and self._lease.awaited:
                log.warning(
                    "%s: no link since %.0f s: left to another", self.name, now() - linked_at
                )
                with contextlib.suppress(SwitchboardError):
                    await self._lease.pass_on()

    async def _follow(self, change: Change) -> None:
        if change is Change.LOST:
            await self._drop()
        elif self.gateway is None:
            await self._take_over()
        else:
            self.gateway.resumed()

    async def _take_over(self) -> None:
        while self._lease.held:
            self.gateway = self._make()
            try:
                await self.gateway.start()
                break
            except SwitchboardError as problem:
                log.warning("%s cannot be taken over yet: %s", self.name, problem)
            except Exception:
                log.exception("%s could not be taken over", self.name)
            self._tried.set()
            await self._drop()
            await asyncio.sleep(RETRY)
        self._tried.set()

    async def _drop(self) -> None:
        gateway, self.gateway = self.gateway, None
        if gateway is None:
            return
        try:
            await gateway.stop()
        except Exception:
            log.exception("%s: not all was ended in good order", self.name)
