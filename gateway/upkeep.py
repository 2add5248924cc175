"""What a domain's gateway does again and again, though nobody says anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from switchboard.census import Census
from switchboard.reception import Directory, Talks

from .delivery import Delivery
from .desk import Desks
from .held import HeldTalks
from .muc.host import RoomHost

TICK = 0.5
SWEEP_EVERY = 1.0
IDLE_EVERY = 60.0
"""Seconds between looks for talks in which nothing is said any more."""
CATCH_UP_EVERY = 30.0
"""Seconds between looks for what the bus has lost, where it does not know that it has."""

log = logging.getLogger(__name__)


class Upkeep:
    """Three rounds, each a task's; `desks` and `rooms` where they live on this domain."""

    def __init__(
        self,
        domain: str,
        directory: Directory,
        talks: Talks,
        census: Census,
        held: HeldTalks,
        delivery: Delivery,
        desks: Desks | None,
        rooms: RoomHost | None,
    ) -> None:
        self._domain = domain
        self._directory = directory
        self._talks = talks
        self._census = census
        self._held = held
        self._delivery = delivery
        self._desks = desks
        self._rooms = rooms
        self._doubt = asyncio.Event()

    def doubt(self) -> None:
        """Hints may have been lost: `catch_up` looks at once."""
        self._doubt.set()

    async def tick(self) -> None:
        """What waits too long, and who is gone without a word."""
        swept = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(TICK)
            self._delivery.tick()
            if loop.time() - swept >= SWEEP_EVERY:
                swept = loop.time()
                self._census.sweep()
                if self._desks is not None:
                    self._desks.announce()

    async def catch_up(self) -> None:
        """What the bus has lost is in the store."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CATCH_UP_EVERY):
                    await self._doubt.wait()
            self._doubt.clear()
            if self._rooms is not None:
                self._rooms.missed()
            self._held.sweep(lambda visitor: self._census.visit(visitor) is not None)
            try:
                await self._held.catch_up()
            except Exception:
                log.exception("%s: the open talks could not be read", self._domain)

    async def end_idle(self) -> None:
        """Talks in which nothing is said any more."""
        while True:
            for site in list(self._directory.sites()):
                try:
                    hours = site.settings.talk.idle_hours
                    await self._talks.end_idle(self._domain, site.key, hours)
                except Exception:
                    log.exception("idle talks of %s could not be ended", site.key)
            await asyncio.sleep(IDLE_EVERY)
