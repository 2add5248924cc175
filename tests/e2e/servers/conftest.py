"""The gateway over three servers, one after the other: each is started once for all tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.support.bridge import Bridge, Server
from tests.e2e.support.house import ALL, House, Login, serving


@pytest.fixture(scope="session", params=ALL)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One of the three, for all tests of this folder."""
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as one:
        yield one


@pytest.fixture
async def house(
    request: pytest.FixtureRequest, server: Server, tmp_path: Path
) -> AsyncIterator[House]:
    """This test's own accounts, ann and bob."""
    one = House(request.node.callspec.params["server"], server, tmp_path)
    await one.add_user("ann")
    await one.add_user("bob")
    yield one
    await one.close()


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Bridge]:
    """A linked gateway whose site has the operators ann and bob."""
    async with house.bridge() as running:
        yield running


@pytest.fixture
def operator(house: House, desk: Bridge) -> Login:
    """Logs a scripted operator in: `await operator("ann", receipts=False)`."""
    return house.login


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """They all need the servers."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.prosody)
