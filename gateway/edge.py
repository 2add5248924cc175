"""The Jabber edge of one process: a `Gateway` for each domain, as long as that is ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from switchboard.leases import Lease, LeaseForEver
from switchboard.ports import Bus, Clock, Store
from switchboard.reception import Directory, Rooms, Talks

from .component import LinkState
from .gateway import Gateway, JabberSettings
from .ownership import Domain


class JabberEdge:
    """All domains of one process; `lease` gives the lease of a domain."""

    def __init__(
        self,
        settings: JabberSettings,
        store: Store,
        directory: Directory,
        talks: Talks,
        rooms: Rooms,
        bus: Bus,
        clock: Clock,
        lease: Callable[[str], Lease] = LeaseForEver,
    ) -> None:
        def gateway(domain: str, lease: Lease) -> Gateway:
            first = domain == settings.domains[0]
            return Gateway(
                domain, settings, store, directory, talks, rooms, bus, clock, first, lease
            )

        self._domains = [
            Domain(name, held, store, partial(gateway, name, held))
            for name, held in ((name, lease(name)) for name in settings.domains)
        ]

    @property
    def gateways(self) -> list[Gateway]:
        """Those of the domains that are ours now."""
        return [one.gateway for one in self._domains if one.gateway is not None]

    async def start(self) -> None:
        """Takes what is free and begins to connect; returns before any link is up."""
        for domain in self._domains:
            await domain.start()

    async def stop(self) -> None:
        """Corrects presence, or leaves it to whoever waits for that, and closes all links."""
        await asyncio.gather(*(domain.stop() for domain in self._domains))

    def health(self) -> dict[str, tuple[LinkState, str]]:
        """Each domain's link, and why it is not up; a STANDBY is well too."""
        return {domain.name: domain.health() for domain in self._domains}

    def owners(self) -> dict[str, tuple[str, int]]:
        """Each domain's owner and epoch, as far as is known, where several may own it."""
        return {domain.name: domain.owner for domain in self._domains if domain.owner[0]}
