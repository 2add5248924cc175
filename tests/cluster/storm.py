"""Each part of the cluster in turn: killed and started again, frozen and woken.

Who is watched may have been ended, and started again, before it is to be woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from cluster.cluster import DOMAIN, Cluster
from cluster.member import Member, freeze
from tests.chaos.storm import say
from tests.e2e.support.wait import eventually

DEAD_SECONDS = 1.0
FROZEN_SECONDS = 10.0
PRESENCE_SECONDS = 10.0
READY_SECONDS = 60.0

Whom = Literal[
    "a web node", "the active gateway", "Redis", "one memcached", "both memcached", "MariaDB",
    "haproxy", "Prosody",
]  # fmt: skip


@dataclass(frozen=True)
class Hit:
    """What happens to whom."""

    what: Literal["kill", "freeze"]
    whom: Whom


@dataclass
class Dealt:
    """A hit as it went; times by the loop's clock."""

    hit: Hit
    began: float
    back: float = 0.0
    """Started again, or woken."""
    ended: bool = False
    """Who was frozen was ended before it was to be woken."""
    well: float = 0.0
    """Every part says that it is well."""
    wrong: list[str] = field(default_factory=list)
    """A sentence for each thing that was not right PRESENCE_SECONDS later."""


class Storm:
    """`settled` returns when operators are there; `look` tells what is wrong with the views."""

    def __init__(
        self,
        cluster: Cluster,
        settled: Callable[[], Awaitable[None]],
        look: Callable[[], list[str]],
    ) -> None:
        self._cluster = cluster
        self._settled = settled
        self._look = look
        self.dealt: list[Dealt] = []

    async def deal(self, hit: Hit) -> None:
        """One hit, until all is well and has been looked at."""
        loop = asyncio.get_running_loop()
        members = await asyncio.to_thread(self._members, hit.whom)
        dealt = Dealt(hit, loop.time())
        self.dealt.append(dealt)
        say(f"{hit.what} {hit.whom}: {', '.join(member.name for member in members)}")
        if hit.what == "kill":
            for member in members:
                member.kill()
            await asyncio.sleep(DEAD_SECONDS)
            await asyncio.gather(*(member.start() for member in members))
        else:
            wakes = [freeze(member) for member in members]
            try:
                await asyncio.sleep(FROZEN_SECONDS)
            finally:
                woken = [wake() for wake in wakes]
            dealt.ended = not all(woken)
        dealt.back = loop.time()
        await eventually(self._well, READY_SECONDS, lambda: str(self._unwell()))
        dealt.well = loop.time()
        await self._settled()
        await asyncio.sleep(PRESENCE_SECONDS)
        dealt.wrong = self._look()
        say(f"  well after {dealt.well - dealt.back:.1f} s; wrong: {dealt.wrong[:3]}")

    def _members(self, whom: Whom) -> list[Member]:
        cluster = self._cluster
        match whom:
            case "a web node":
                return [cluster.web[0]]
            case "the active gateway":
                return [next(one for one in cluster.gateways if f"{DOMAIN}: up" in one.health())]
            case "Redis":
                return [cluster.redis]
            case "one memcached":
                return [cluster.caches[0]]
            case "both memcached":
                return list(cluster.caches)
            case "MariaDB":
                return [cluster.mariadb]
            case "haproxy":
                return [cluster.haproxy]
            case "Prosody":
                return [cluster.prosody]

    async def _well(self) -> bool:
        return not await asyncio.to_thread(self._unwell)

    def _unwell(self) -> list[str]:
        nodes = [*self._cluster.web, *self._cluster.gateways]
        return [f"{one.name}: {one.ready()}" for one in nodes if not one.serves()]
