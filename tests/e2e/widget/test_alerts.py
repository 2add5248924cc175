"""What calls a visitor back who looks elsewhere, and the menu that says so, in a real Chromium."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from playwright.async_api import BrowserContext, Locator, Page

from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Operator
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage, own

NUMBERS = itertools.count(1)

COUNTING = """
  window.sounds = 0
  const { start } = OscillatorNode.prototype
  OscillatorNode.prototype.start = function (...when) {
    window.sounds++
    start.apply(this, when)
  }
  window.notes = []
  window.Notification = class extends Notification {
    constructor(title, options) {
      super(title, options)
      window.notes.push([title, options.body])
    }
  }
  // The test's own window is always in front, with the focus.
  window.away = { hidden: false, focused: true }
  Object.defineProperty(document, 'hidden', { get: () => window.away.hidden })
  document.hasFocus = () => window.away.focused
"""


@own
async def watched(stage: Stage) -> AsyncIterator[BrowserContext]:
    """A visitor's browser, which counts sounds and keeps notifications."""
    async with stage.context(locale="en-GB", permissions=["notifications"]) as context:
        await context.add_init_script(COUNTING)
        yield context


async def talk(stage: Stage, context: BrowserContext) -> tuple[Widget, str]:
    """A visitor who has said something and closed the panel, and the visitor's bare JID."""
    visitor = await stage.visit(context)
    await visitor.open()
    question = f"Is anybody there? {next(NUMBERS)}"
    await visitor.say(question)
    asked = await stage.ann.wait_for_message(question)
    await visitor.close()
    return visitor, asked.sender.partition("/")[0]


async def leave(page: Page, *, hidden: bool = False, focused: bool = False) -> None:
    """The visitor turns to something else, or, with neither, back."""
    await page.evaluate(
        """away => {
            window.away = away
            document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
            dispatchEvent(new Event(away.focused ? 'focus' : 'blur'))
        }""",
        {"hidden": hidden, "focused": focused},
    )


async def sounds(page: Page) -> int:
    """How many sounds a tab has made."""
    return int(await page.evaluate("window.sounds"))


async def answered(widget: Widget, ann: Operator, jid: str, text: str) -> None:
    """An answer, which the tab has."""
    ann.send_message_to(jid, text)
    await shows(widget, text)


async def shows(widget: Widget, text: str) -> None:
    """Waits until a tab has a message, the panel open or not."""
    log = widget.page.locator("parley-chat [role=log]")
    await log.get_by_text(text, exact=True).wait_for(state="attached")


def menu_of(widget: Widget) -> Locator:
    """The header's menu, while it is open."""
    return widget.page.locator("parley-chat").get_by_role("menu")


async def open_menu(widget: Widget) -> Locator:
    """Opens the panel and its menu."""
    await widget.open()
    await widget.page.get_by_role("button", name="More", exact=True).click()
    menu = menu_of(widget)
    await menu.wait_for()
    return menu


async def test_the_first_answer_sounds(stage: Stage, watched: BrowserContext) -> None:
    """It is what makes the part be fetched; after a reload it is old, and silent."""
    ann = stage.ann
    visitor, jid = await talk(stage, watched)
    page = visitor.page
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    await answered(visitor, ann, jid, "Yes")
    await eventually(lambda: _are(page, 1), what="a sound")
    assert [url for url in fetched if "/widget/menu-" in url]
    assert await page.title() == "Page /prices"
    await page.reload()
    await visitor.button.wait_for()
    await visitor.page.locator("parley-chat [part~=badge]").get_by_text("1").wait_for()
    await page.mouse.click(5, 5)
    await leave(page)
    await eventually(lambda: _titled(page, "(1) Page /prices"), what="the title says it")
    assert await sounds(page) == 0


async def test_one_sound_in_the_tab_last_used(stage: Stage, watched: BrowserContext) -> None:
    """Of two tabs, whichever the visitor used last; the other shows the message all the same."""
    ann = stage.ann
    first, jid = await talk(stage, watched)
    second = await stage.visit(watched, "/other")
    for turn, (used, other) in enumerate([(second, first), (first, second), (second, first)]):
        await used.page.bring_to_front()
        await used.page.mouse.click(5, 5)
        await used.page.evaluate("dispatchEvent(new Event('focus'))")
        before = [await sounds(used.page), await sounds(other.page)]
        text = f"answer {turn}"
        await asyncio.sleep(1.0)  # No two sounds are nearer than that.
        await answered(used, ann, jid, text)
        await shows(other, text)
        await eventually(partial(_are, used.page, before[0] + 1), what="a sound")
        await asyncio.sleep(0.5)
        assert [await sounds(used.page), await sounds(other.page)] == [before[0] + 1, before[1]]


async def test_the_title_tells_and_is_restored(stage: Stage, watched: BrowserContext) -> None:
    """With the number while nobody looks; operators see the page's own title all the while."""
    ann = stage.ann
    visitor, jid = await talk(stage, watched)
    page = visitor.page
    before = len(ann.received)
    await leave(page)
    await answered(visitor, ann, jid, "one")
    await eventually(lambda: _titled(page, "(1) Page /prices"))
    await page.evaluate("document.title = 'Basket'")
    await answered(visitor, ann, jid, "two")
    await eventually(lambda: _titled(page, "(2) Basket"))
    await page.evaluate("history.pushState({}, '', '/basket')")
    await ann.wait_for(lambda one: "Basket" in (one.child_text("status") or ""))
    await leave(page, focused=True)
    assert await page.title() == "Basket"
    await visitor.open()
    await leave(page)
    assert await page.title() == "Basket"
    assert not [
        one for one in ann.received[before:] if re.search(r"\(\d\)", one.child_text("status") or "")
    ]


async def test_sound_and_notifications_are_the_visitors_choice(
    stage: Stage, watched: BrowserContext
) -> None:
    """Off and on by keyboard, kept over a reload; a notification comes while the page is hidden."""
    ann = stage.ann
    visitor, jid = await talk(stage, watched)
    page = visitor.page
    menu = await open_menu(visitor)
    sound = menu.get_by_role("menuitemcheckbox", name="Sound", exact=True)
    notes = menu.get_by_role("menuitemcheckbox", name="Notifications", exact=True)
    assert await sound.get_attribute("aria-checked") == "true"
    assert await notes.get_attribute("aria-checked") == "false"
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await menu.locator("[aria-checked=false]").get_by_text("Sound").wait_for()
    await menu.locator("[aria-checked=true]").get_by_text("Notifications").wait_for()
    await page.keyboard.press("Escape")
    await menu.wait_for(state="detached")
    more = page.get_by_role("button", name="More", exact=True)
    assert await more.evaluate("one => one.getRootNode().activeElement === one")
    await page.reload()
    await visitor.field.wait_for()
    await visitor.close()
    await leave(page, hidden=True)
    await answered(visitor, ann, jid, "<b>Hello</b>")
    await eventually(lambda: _noted(page), what="a notification")
    assert await page.evaluate("window.notes") == [["Ann", "<b>Hello</b>"]]
    assert await sounds(page) == 0


async def test_the_transcript_is_downloaded(stage: Stage, watched: BrowserContext) -> None:
    """The whole log, more than the widget holds, as text."""
    ann = stage.ann
    visitor, jid = await talk(stage, watched)
    for number in range(120):
        ann.send_message_to(jid, f"line {number}")
    await shows(visitor, "line 119")
    await visitor.page.reload()
    menu = await open_menu(visitor)
    async with visitor.page.expect_download() as begun:
        await menu.get_by_role("menuitem", name="Download transcript").click()
    download = await begun.value
    assert re.fullmatch(r"The shop \d{4}-\d\d-\d\d\.txt", download.suggested_filename)
    lines = (await asyncio.to_thread(Path(await download.path()).read_text, "utf-8")).splitlines()
    said = [re.sub(r"^\[\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d\] ", "", line) for line in lines]
    assert said[0].startswith("You: Is anybody there?")
    assert said[1:] == [*(f"Ann: line {number}" for number in range(120))]


async def _are(page: Page, count: int) -> bool:
    return await sounds(page) == count


async def _titled(page: Page, title: str) -> bool:
    return await page.title() == title


async def _noted(page: Page) -> bool:
    return bool(await page.evaluate("window.notes.length"))
