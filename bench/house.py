"""What several nodes are measured on: the cluster's parts, as many web nodes as are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.cluster import HOST, Cluster
from cluster.member import Member

PASSWORD = "bench"
ORIGIN = "https://bench.example"


@dataclass(frozen=True)
class House:
    """`nodes` are Parley's own processes."""

    cluster: Cluster
    nodes: Sequence[Member]


@asynccontextmanager
async def house(
    folder: Path,
    sites: dict[str, list[str]],
    *,
    web: int,
    grace: float = 15.0,
    counted: bool = False,
) -> AsyncIterator[House]:
    """Everything runs, with these sites and their operators, and ends with the block.

    `web` is how many web nodes there are, the others as in Cluster.
    """
    cluster = Cluster(folder, grace=grace, limits=False, counted=counted)
    try:
        for names in sites.values():
            for name in names:
                await cluster.prosody.add_user(name, PASSWORD)
        await cluster.prepare()
        for site, names in sites.items():
            await cluster.set_up(site, site, ORIGIN, {f"{name}@{HOST}": name for name in names})
        nodes = [cluster.gateways[0], *cluster.web[:web]]
        await asyncio.gather(*(node.start() for node in nodes))
        await cluster.haproxy.start()
        yield House(cluster, nodes)
    finally:
        cluster.kill()
