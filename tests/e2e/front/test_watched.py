"""monit over haproxy, with the file in `deploy/`: a frozen one is ended, others are not."""

from __future__ import annotations

import socket
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest_asyncio

from cluster.cluster import Cluster
from cluster.member import freeze
from tests.e2e.support.wait import eventually

SECONDS = 6.0
"""Three times what a frozen front is given."""


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Nothing of it runs yet."""
    made = Cluster(tmp_path)
    yield made
    made.kill()


async def looked(cluster: Cluster) -> float:
    """When monit found that the front is well, in seconds since 1970; else AssertionError."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"http://{cluster.monit.where}/_status?format=xml")
    found = ET.fromstring(answer.content).find("service[name='haproxy']")
    assert found is not None
    assert found.findtext("status") == "0", "something is amiss"
    assert float(found.findtext("unix/responsetime") or 0) > 0, "nothing was asked"
    return float(found.findtext("collected_sec") or 0)


async def answers(cluster: Cluster) -> bool:
    """Whether the front says that no node is there."""
    async with httpx2.AsyncClient(timeout=0.5) as client:
        try:
            return (await client.get(cluster.url)).status_code == 503
        except httpx2.TransportError:
            return False


async def left_alone(cluster: Cluster) -> bool:
    """Whether it is the same process after several looks."""
    pid, began = cluster.haproxy.pid, time.time()

    async def often() -> bool:
        assert cluster.haproxy.pid == pid, "it was ended"
        return await looked(cluster) > began + SECONDS

    return await eventually(often, 30.0) and cluster.haproxy.pid == pid


async def test_a_frozen_front(cluster: Cluster) -> None:
    """It is ended, and another one answers."""
    await cluster.haproxy.start()
    await cluster.monit.start()
    await eventually(lambda: looked(cluster), 15.0)
    frozen = cluster.haproxy.pid
    freeze(cluster.haproxy)
    await eventually(lambda: cluster.haproxy.pid not in (frozen, None), 15.0)
    await eventually(lambda: answers(cluster), 10.0)


async def test_no_node(cluster: Cluster) -> None:
    """A front that has nobody to hand visitors to is left alone."""
    await cluster.haproxy.start()
    await cluster.monit.start()
    await eventually(lambda: answers(cluster))
    assert await left_alone(cluster)


async def test_a_full_front(cluster: Cluster) -> None:
    """One that has as many connections as it may, and so answers nobody else, is left alone."""
    file = cluster.folder / "haproxy.cfg"
    file.write_text(file.read_text("utf-8").replace("global\n", "global\n    maxconn 1\n", 1))
    await cluster.haproxy.start()
    with socket.create_connection(("127.0.0.1", cluster.port)):
        assert not await answers(cluster)
        await cluster.monit.start()
        assert await left_alone(cluster)
