"""The store fails under a talk: the visitor sees what is not sent, and that it is sent later."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.async_api import Browser

from parley.private_prosody import PrivateProsody
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

NOT_SENT = "Not sent. Trying again… Retry"
STORED = {"Sent", "Delivered", "Read"}


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody, shop: Website) -> AsyncIterator[Parley]:
    """`parley run` for that site, with the operator ann."""
    running = Parley(tmp_path / "parley", prosody, origin=shop.url)
    await running.set_up({"ann@localhost": "Ann"})
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


async def test_a_message_that_is_not_stored_is_shown_as_not_sent(
    parley: Parley,
    browser: Browser,
    shop: Website,
    operator: Callable[..., Awaitable[Operator]],
) -> None:
    """Also after a retry by hand; once the store is well it goes by itself, once."""
    ann = await operator("ann")
    page = await browser.new_page()
    await page.goto(f"{shop.url}/prices")
    visitor = Widget(page)
    await visitor.open()
    await visitor.say("one")
    await ann.wait_for_message("one")
    with closing(sqlite3.connect(parley.folder / "parley.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await visitor.say("two")
        await visitor.wait_for_status(NOT_SENT)
        await visitor.log.get_by_role("button", name="Retry").click()
        await visitor.wait_for_status("Sending…")
        await visitor.wait_for_status(NOT_SENT)
        await visitor.say("three")
        await visitor.wait_for_status(NOT_SENT)
        assert await visitor.notice() == ""
        other.execute("ROLLBACK")

    async def is_stored() -> bool:
        return await visitor.status_of_last() in STORED

    await eventually(is_stored, 15.0, "the last message is acknowledged")
    await ann.wait_for_message("three")
    said = ["one", "two", "three"]
    assert [line.body for line in ann.received if line.body in said] == said
    assert await visitor.texts() == said
    assert [line["body"] for line in parley.transcript()] == said
