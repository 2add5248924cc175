"""What a site says by itself, once what it has set for that holds."""

from __future__ import annotations

import asyncio
import json

from playwright.async_api import BrowserContext, Locator

from tests.e2e.support.axe import faults
from tests.e2e.support.browser import Widget
from tests.e2e.support.site import Document
from tests.e2e.widget.conftest import Stage

HELP = "May I help?"


async def arrive(stage: Stage, context: BrowserContext, *triggers: object) -> tuple[Widget, str]:
    """A visitor on a long page of a site with these triggers; and the page's path."""
    key = await stage.site(f"triggers={json.dumps(triggers)}")
    for path in (f"/{key}", f"/{key}/other"):
        stage.shop.documents[path] = Document(
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{key}</title>"
            f"<h1>Triggers</h1><div style='height:4000px'>x</div>{stage.snippet(key)}</html>"
        )
    return await stage.visit(context, f"/{key}"), f"{stage.shop.url}/{key}"


def word(visitor: Widget, text: str = HELP) -> Locator:
    return visitor.page.locator("[part~=teaser]").get_by_role("button", name=text)


async def test_after_seconds(stage: Stage, context: BrowserContext) -> None:
    """Beside the button, with no focus taken; a click opens the panel, where it is a line."""
    visitor, url = await arrive(stage, context, {"text": HELP, "seconds": 2})
    await word(visitor).wait_for()
    assert await visitor.page.evaluate("performance.now()") > 2000
    assert await visitor.page.evaluate("document.activeElement === document.body")
    assert await visitor.page.locator("parley-chat [role=status]").last.inner_text() == HELP
    assert await faults(visitor.page) == []
    await word(visitor).click()
    assert (await visitor.messages())[-1].text == HELP
    assert await visitor.field.evaluate("one => one.getRootNode().activeElement === one")
    assert await word(visitor).count() == 0
    await visitor.close()
    await visitor.page.goto(f"{url}/other")
    await asyncio.sleep(4.0)
    assert await word(visitor).count() == 0, "once in a tab"


async def test_after_scrolling(stage: Stage, context: BrowserContext) -> None:
    """Not before; in the open panel it is a line alone."""
    visitor, _ = await arrive(stage, context, {"text": HELP, "scroll": 60, "url": "*/shop-*"})
    await visitor.open()
    await visitor.page.mouse.move(10, 10)
    await visitor.page.mouse.wheel(0, 1000)
    await asyncio.sleep(1.0)
    assert await visitor.texts() == []
    await visitor.page.mouse.wheel(0, 2000)
    await visitor.wait_for_message(HELP)
    assert await word(visitor).count() == 0


async def test_on_leaving(stage: Stage, context: BrowserContext) -> None:
    """When the pointer goes to the browser's bar; who closes the word hears no other."""
    visitor, _ = await arrive(
        stage, context, {"text": HELP, "exit": True}, {"text": "Still here?", "seconds": 4}
    )
    await visitor.button.wait_for()
    await visitor.page.mouse.move(200, 200)
    await asyncio.sleep(1.0)
    assert await word(visitor).count() == 0
    await visitor.page.mouse.move(200, -5)
    await word(visitor).wait_for()
    await visitor.page.get_by_role("button", name="Close").click()
    assert await word(visitor).count() == 0
    await asyncio.sleep(4.0)
    assert await word(visitor, "Still here?").count() == 0


async def test_on_another_page_of_the_same_document(stage: Stage, context: BrowserContext) -> None:
    """The seconds count anew, and the address is that of the page that is read."""
    visitor, _ = await arrive(
        stage, context, {"text": HELP, "seconds": 2, "url": "*/prices"}, {"text": "x", "exit": True}
    )
    await visitor.button.wait_for()
    await asyncio.sleep(2.5)
    assert await word(visitor).count() == 0
    turned = await visitor.page.evaluate(
        "history.pushState(null, '', location.pathname + '/prices?a=b#c'), performance.now()"
    )
    await word(visitor).wait_for()
    assert await visitor.page.evaluate("performance.now()") > turned + 1900
