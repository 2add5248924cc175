"""`parley run` for a site, over Prosody and over ejabberd."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from parley.private_prosody import PrivateProsody
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.bridge import Server
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.site import Website, website

SERVERS: dict[str, Callable[..., Server]] = {
    "prosody": PrivateProsody,
    "ejabberd": PrivateEjabberd,
}


@pytest.fixture
def attributes() -> str:
    """What the pages' script tag has besides; a test may have its own."""
    return ""


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """A Jabber server with three accounts."""
    running = SERVERS[request.param](
        tmp_path / request.param, free_port(), free_port(), secret="s3cret"
    )
    for name in ("ann", "bob", "eve"):
        await running.add_user(name, PASSWORD)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(
    tmp_path: Path, server: Server, shop: Website, attributes: str
) -> AsyncIterator[Parley]:
    """`parley run` for that site; Ann and Bob are its operators."""
    running = Parley(tmp_path / "parley", server, origin=shop.url)
    if isinstance(server, PrivateEjabberd):
        running.use(server.api)
    await running.set_up({"ann@localhost": "Ann", "bob@localhost": "Bob"})
    tag = running.order("snippet", SITE)
    shop.snippet = tag.replace("></script>", f"{attributes}></script>")
    await running.start()
    yield running
    running.end()
