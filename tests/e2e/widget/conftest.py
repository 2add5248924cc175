"""A stage for visitors: a shop's website, a Parley with the operator ann, and a real Chromium.

They start once for all tests, each of which brings visitors of its own, and a site of its own where
it needs other settings.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from parley.private_prosody import PrivateProsody
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.browser import Widget, chromium
from tests.e2e.support.operator import Operator, Received
from tests.e2e.support.parley import SITE, TITLE, Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.rpc import call
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

shared = pytest_asyncio.fixture(scope="session", loop_scope="session")
own = pytest_asyncio.fixture(loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these run on the loop of the servers that they share."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@shared
async def prosody(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateProsody]:
    """A running Prosody with the account ann."""
    folder = tmp_path_factory.mktemp("prosody")
    server = PrivateProsody(folder, free_port(), free_port(), secret="s3cret")
    await server.add_user("ann", PASSWORD)
    await server.start()
    yield server
    await server.stop()


@shared
async def parley(
    tmp_path_factory: pytest.TempPathFactory, prosody: PrivateProsody, shop: Website
) -> AsyncIterator[Parley]:
    """`parley run` for that site, with the operator ann."""
    running = Parley(tmp_path_factory.mktemp("parley"), prosody, origin=shop.url, limits=False)
    await running.set_up({"ann@localhost": "Ann"})
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


@shared
async def ann(parley: Parley) -> AsyncIterator[Operator]:
    """The operator, signed in."""
    one = Operator("ann@localhost", PASSWORD)
    await one.login(parley.server.c2s_port)
    yield one
    await one.logout()


@shared
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with chromium() as running:
        yield running


@dataclass
class Stage:
    """What a test asks for."""

    browser: Browser
    parley: Parley
    shop: Website
    ann: Operator
    _numbers = itertools.count(1)

    async def site(self, *settings: str) -> str:
        """Adds a site whose operator is ann, with `path=value` settings; gives its key."""
        key = f"shop-{next(self._numbers)}"
        for command in (
            ("site", "add", key, "--origin", self.shop.url, "--title", "None yet"),
            ("operator", "add", key, "ann@localhost", "--name", "Ann"),
            ("site", "set", key, f"title={TITLE}", *settings),
        ):
            self.parley.order(*command)

        async def known() -> bool:
            answer = await call(self.parley, "hello", site=key)
            return "result" in answer and answer["result"]["settings"]["title"] == TITLE

        await eventually(known, what="the running process knows the site and its settings")
        return key

    def snippet(self, key: str = SITE, **attributes: str) -> str:
        """The script tag of a site, with further `data-` attributes."""
        tag = self.parley.order("snippet", key)
        data = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
        return tag.replace("></script>", f"{data}></script>")

    @asynccontextmanager
    async def context(self, **options: object) -> AsyncIterator[BrowserContext]:
        """A browser of one visitor, which may have several tabs; no page may throw."""
        context = await self.browser.new_context(**options)  # type: ignore[arg-type]
        thrown: list[str] = []
        context.on("weberror", lambda error: thrown.append(str(error.error)))
        try:
            yield context
        finally:
            await context.close()
        assert thrown == []

    async def visit(self, context: BrowserContext, path: str = "/prices") -> Widget:
        """Opens a page of the shop in a new tab."""
        page = await context.new_page()
        page.on("console", lambda message: print(message.text))
        await page.goto(f"{self.shop.url}{path}")
        return Widget(page)

    async def talk(self, visitor: Widget, word: str, answer: str) -> tuple[Received, str]:
        """The visitor says a word and is answered; what ann has got, and her own line's id."""
        await visitor.say(word)
        heard = await self.ann.wait_for_message(word)
        own = self.ann.send_message_to(heard.sender, answer)
        await visitor.wait_for_message(answer)
        return heard, own


@own
async def stage(browser: Browser, parley: Parley, shop: Website, ann: Operator) -> Stage:
    """Everything runs."""
    return Stage(browser, parley, shop, ann)


@own
async def context(stage: Stage) -> AsyncIterator[BrowserContext]:
    """A visitor's browser."""
    async with stage.context() as one:
        yield one
