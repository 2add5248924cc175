"""What every end-to-end test may ask for: real servers and clients, which end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from parley.private_prosody import PrivateProsody
from tests.e2e.support.browser import chromium
from tests.e2e.support.mcabber import Mcabber
from tests.e2e.support.operator import Operator, Ping
from tests.e2e.support.ports import free_port
from tests.e2e.support.profanity import Profanity

PASSWORD = "correct horse"

MARKERS = {
    "prosody": "prosody",
    "profanity": "profanity",
    "mcabber": "mcabber",
    "browser": "chromium",
}


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Marks each test with the real programs that its fixtures start."""
    for item in items:
        for fixture, marker in MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.fixture
async def prosody(tmp_path: Path) -> AsyncIterator[PrivateProsody]:
    """A running Prosody with the accounts ann and bob; its component is not connected."""
    server = PrivateProsody(tmp_path / "prosody", free_port(), free_port(), secret="s3cret")
    await server.add_user("ann", PASSWORD)
    await server.add_user("bob", PASSWORD)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def operator(
    prosody: PrivateProsody,
) -> AsyncIterator[Callable[..., Awaitable[Operator]]]:
    """Logs a scripted operator in: `await operator("ann", receipts=False)`."""
    made: list[Operator] = []

    async def login(
        name: str,
        *,
        resource: str = "scripted",
        priority: int = 0,
        receipts: bool = True,
        ping: Ping = "answer",
        available: bool = True,
    ) -> Operator:
        one = Operator(
            f"{name}@{prosody.host}",
            PASSWORD,
            resource=resource,
            priority=priority,
            receipts=receipts,
            ping=ping,
        )
        made.append(one)
        await one.login(prosody.c2s_port, available=available)
        return one

    yield login
    for one in made:
        await one.logout()


@pytest.fixture
def profanity(tmp_path: Path) -> Iterator[Profanity]:
    """A profanity that is not signed in yet; `await profanity.connect(…)`."""
    client = Profanity(tmp_path / "profanity")
    yield client
    client.kill()


@pytest.fixture
def mcabber(tmp_path: Path) -> Iterator[Mcabber]:
    """An mcabber that is not signed in yet; `await mcabber.connect(…)`."""
    client = Mcabber(tmp_path / "mcabber")
    yield client
    client.kill()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with chromium() as running:
        yield running
