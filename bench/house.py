"""What several nodes are measured on: the cluster's parts, as many web nodes as are asked for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.cluster import HOST, Cluster, free_port
from cluster.member import ADDRESS, Member, Node

PASSWORD = "bench"
ORIGIN = "https://bench.example"
APART = False


@dataclass(frozen=True)
class House:
    """`port` is where visitors come in; `nodes` are Parley's own processes."""

    cluster: Cluster
    port: int
    nodes: Sequence[Member]


@asynccontextmanager
async def house(
    folder: Path, sites: dict[str, list[str]], *, web: int, grace: float = 15.0
) -> AsyncIterator[House]:
    """Everything runs, with these sites and their operators, and ends with the block."""
    cluster = Cluster(folder, grace=grace, limits=False, counted=True)
    try:
        for names in sites.values():
            for name in names:
                await cluster.prosody.add_user(name, PASSWORD)
        await cluster.prepare()
        for site, names in sites.items():
            await cluster.set_up(site, site, [ORIGIN], {f"{name}@{HOST}": name for name in names})
        if APART:
            nodes = [cluster.gateways[0], *cluster.web[:web]]
            await asyncio.gather(*(node.start() for node in nodes))
            await cluster.haproxy.start()
            yield House(cluster, cluster.port, nodes)
        else:
            port, admin = free_port(), free_port()
            node = Node(
                "run",
                cluster.folder,
                admin,
                [sys.executable, "-m", "parley", "-c", str(cluster.config), "run"],
                {
                    "PARLEY_HTTP__LISTEN": f'["tcp:{port}:interface={ADDRESS}"]',
                    "PARLEY_HTTP__ADMIN_LISTEN": f"tcp:{admin}:interface={ADDRESS}",
                    "PARLEY_SESSIONS__URL": "memory://",
                    "PARLEY_BUS__URL": "memory://",
                },
            )
            await node.start()
            cluster.members.append(node)
            yield House(cluster, port, [node])
    finally:
        cluster.kill()
