"""What is sent and kept before a visitor asks for anything, and what a contact list may learn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import BrowserContext, Page

from tests.e2e.support.browser import Widget
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage, own

KEPT = """async () => JSON.stringify([
    Object.keys(localStorage), Object.keys(sessionStorage), document.cookie,
    (await indexedDB.databases()).length, (await caches.keys()).length,
])"""
NOTHING = '[[],[],"",0,0]'


@own
async def page(stage: Stage, context: BrowserContext) -> AsyncIterator[Page]:
    """A tab whose documents go with the test."""
    yield await context.new_page()
    stage.shop.documents.clear()


def watch(page: Page, stage: Stage) -> list[str]:
    """What goes to Parley from here on: addresses, sockets among them."""
    sent: list[str] = []
    page.on(
        "request",
        lambda one: sent.append(one.url) if one.url.startswith(stage.parley.url) else None,
    )
    page.on("websocket", lambda one: sent.append(one.url))
    return sent


@pytest.mark.parametrize("why", ["the site's setting", "Global Privacy Control", "consent"])
async def test_nothing_before_the_visitor_asks(stage: Stage, page: Page, why: str) -> None:
    """The script is fetched, and that is all: nothing kept, no socket, nobody in a contact list."""
    key = await stage.site(*(["presence.on_load=false"] if why == "the site's setting" else []))
    tag = stage.snippet(key, **({"consent": "required"} if why == "consent" else {}))
    if why == "Global Privacy Control":
        await page.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { value: true })"
        )
    stage.shop.documents["/private"] = Document(
        f"<!doctype html><meta charset=utf-8><title>Private</title>{tag}"
    )
    before = len(stage.ann.received)
    sent = watch(page, stage)
    await page.goto(f"{stage.shop.url}/private?reset=secret")
    visitor = Widget(page)
    if why == "consent":
        await page.wait_for_function("window.parley && parley.loaded")
    else:
        await visitor.button.hover()
    await page.evaluate("history.pushState({}, '', '/private/more'); scrollTo(0, 9)")
    await asyncio.sleep(3.0)
    assert sent == [f"{stage.parley.url}/widget.js"]
    assert await page.evaluate(KEPT) == NOTHING
    if why == "consent":
        assert await page.locator("parley-chat").count() == 0
        await page.evaluate("parley('consent')")
    await visitor.open()
    await visitor.say(f"after {why}")
    await stage.ann.wait_for_message(f"after {why}")
    told = [one for one in stage.ann.received[before:] if one.kind == "presence"]
    assert not any("secret" in one.text for one in told)
    assert await page.evaluate("document.cookie") == ""


async def test_addresses_lose_their_parameters(stage: Stage, page: Page) -> None:
    """A contact list is told the path alone, and of the query what the site has listed."""
    key = await stage.site("presence.page_parameters=product")
    stage.shop.documents["/reset"] = Document(
        f"<!doctype html><meta charset=utf-8><title>Reset</title>{stage.snippet(key)}"
    )
    before = len(stage.ann.received)
    await page.goto(f"{stage.shop.url}/reset?token=secret&product=7#access_token=secret")

    def told() -> list[str]:
        return [
            one.child_text("status") or ""
            for one in stage.ann.received[before:]
            if one.kind == "presence" and "/reset" in one.text
        ]

    await eventually(told, 10.0, "the page is told")
    assert f"{stage.shop.url}/reset?product=7" in told()[0]
    assert not any("secret" in one.text for one in stage.ann.received[before:])


async def test_who_leaves_in_a_held_page_leaves_nothing_new(stage: Stage, page: Page) -> None:
    """A visitor of such a site who has talked is known on the next page, and only there."""
    key = await stage.site("presence.on_load=false")
    stage.shop.documents["/held"] = Document(
        f"<!doctype html><meta charset=utf-8><title>Held</title>{stage.snippet(key)}"
    )
    await page.goto(f"{stage.shop.url}/held")
    visitor = Widget(page)
    await visitor.open()
    await visitor.say("held back")
    line = await stage.ann.wait_for_message("held back")
    await visitor.close()
    await page.reload()
    stage.ann.send_message_to(line.sender, "an answer on the next page")
    await eventually(visitor.unread, 10.0, "the answer is announced")
    await visitor.open()
    assert await visitor.texts() == ["held back", "an answer on the next page"]
