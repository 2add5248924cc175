"""Three web nodes over one store, and before them the real haproxy or nginx.

The nodes start once for all tests; one that a test has ended is there again for the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.front import Ports
from parley.private_prosody import PrivateProsody
from tests.e2e.support.fronts import KINDS, Front, Haproxy, Kind, front
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.ports import free_port
from tests.redis import redis_server

SHOP = "pages"
"""A second site, for real browsers."""
NODES = 3
NEW_VISITORS = 100
"""Of one address within a minute, on each node."""

shared = pytest_asyncio.fixture(scope="session", loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these run on the loop of the nodes that they share; what takes long over one front."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if "nginx" in item.name and item.path.stem in ("test_nodes", "test_widget"):
                item.add_marker(pytest.mark.long)


class Node(Parley):
    """A web node, which trusts what fronts on this machine say of visitors."""

    serves = "rpc"

    def __init__(self, folder: Path, server: PrivateProsody, shared: Path, bus: str) -> None:
        super().__init__(folder, server, limits=False)
        text = self.config.read_text("utf-8")
        for old, new in (
            ("[http]\n", '[http]\ntrusted_proxies = ["127.0.0.1"]\n'),
            ("new_visitors_per_minute = 0", f"new_visitors_per_minute = {NEW_VISITORS}"),
            ("sqlite:///parley.db", f"sqlite:///{shared}/parley.db"),
        ):
            assert old in text
            text = text.replace(old, new)
        text += f'[bus]\nurl = "{bus}"\n[uploads]\nfolder = "{shared}/uploads"\n'
        self.config.write_text(text, "utf-8")

    @property
    def ports(self) -> Ports:
        """Where it serves."""
        return Ports(self.http_port, self.admin_port)


@shared
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sequence[Node]]:
    """The nodes; they know of a Jabber server, which only a gateway would need."""
    folder = tmp_path_factory.mktemp("front")
    server = PrivateProsody(folder / "prosody", free_port(), free_port(), secret="s3cret")
    with redis_server() as redis:
        nodes = [Node(folder / f"node{n}", server, folder, redis.url) for n in range(NODES)]
        await nodes[0].set_up({})
        nodes[0].order("site", "set", SITE, "upload.on=true")
        nodes[0].order("site", "add", SHOP, "--origin", "https://pages.example")
        yield nodes
        for node in nodes:
            node.end()


@pytest_asyncio.fixture(loop_scope="session")
async def nodes(started: Sequence[Node]) -> Sequence[Node]:
    """Three nodes that serve."""
    await asyncio.gather(*(node.start() for node in started if not node.running))
    return started


@pytest_asyncio.fixture(loop_scope="session")
async def haproxy(nodes: Sequence[Node], tmp_path: Path) -> AsyncIterator[Haproxy]:
    """haproxy before the nodes."""
    with front("haproxy", tmp_path / "front", [node.ports for node in nodes]) as running:
        assert isinstance(running, Haproxy)
        await running.start()
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=KINDS)
async def before(
    request: pytest.FixtureRequest, nodes: Sequence[Node], tmp_path: Path
) -> AsyncIterator[Front]:
    """Each front before the nodes."""
    kind: Kind = request.param
    with front(kind, tmp_path / "front", [node.ports for node in nodes]) as running:
        await running.start()
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=KINDS)
async def alone(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Front]:
    """Each front, with no node there."""
    kind: Kind = request.param
    nowhere = [Ports(free_port(), free_port()) for _ in range(NODES)]
    with front(kind, tmp_path / "front", nowhere) as running:
        await running.start()
        yield running
