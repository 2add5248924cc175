"""Every state that the widget can be in: accessible in light and dark, and a picture of it.

With `--gallery` the pictures are those of docs/widget.md.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support.axe import faults
from tests.e2e.support.browser import Widget
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage, own

IMAGES = Path(__file__).parents[3] / "docs/images/widget"
SIZE = {"width": 500, "height": 760}
PHONE = {"width": 390, "height": 780}
PAGE = """<!doctype html><html lang=en><meta charset=utf-8><title>Bicycles</title>
<meta name=viewport content="width=device-width, initial-scale=1">
<style>body { margin: 24px; font: 16px/1.5 sans-serif; color: #345; background: #fafafa }</style>
<h1>Bicycles</h1><p>Quiet ones, fast ones, and one with a basket.</p>{snippet}</html>"""
EMAIL = {"name": "email", "label": "Email", "kind": "email", "required": True}
_NUMBERS = itertools.count(1)

Shoot = Callable[[Widget, str], Awaitable[None]]


@own
async def shoot(tmp_path: Path, request: pytest.FixtureRequest) -> Shoot:
    """Looks for faults, and takes a picture of that name, once nothing moves any more."""
    folder = IMAGES if request.config.getoption("--gallery") else tmp_path

    async def take(visitor: Widget, name: str) -> None:
        await asyncio.sleep(0.4)
        assert await faults(visitor.page) == [], name
        await visitor.page.emulate_media(color_scheme="dark" if "dark" in name else "light")
        await asyncio.sleep(0.2)
        await visitor.page.screenshot(path=folder / f"{name}.png")

    return take


async def arrive(
    stage: Stage, context: BrowserContext, *settings: str, **attributes: str
) -> Widget:
    """A visitor on a page about bicycles, of a site with these settings."""
    key = await stage.site(*settings) if settings else "shop"
    return await visit(stage, context, key, **attributes)


async def visit(stage: Stage, context: BrowserContext, key: str, **attributes: str) -> Widget:
    """A visitor on such a page of that site."""
    path = f"/gallery/{next(_NUMBERS)}"
    tag = await asyncio.to_thread(stage.snippet, key, **attributes)
    stage.shop.documents[path] = Document(PAGE.replace("{snippet}", tag))
    return await stage.visit(context, path)


async def talk(stage: Stage, visitor: Widget, word: str, answer: str) -> str:
    """The visitor says a word and is answered; the visitor's JID."""
    heard, _ = await stage.talk(visitor, word, answer)
    return heard.sender


@own
async def context(stage: Stage) -> AsyncIterator[BrowserContext]:
    """A browser whose window is not much larger than the panel."""
    async with stage.context(viewport=SIZE) as one:
        yield one


async def test_a_talk(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """From the closed button to an answer that is corrected, reacted to and replied to."""
    visitor = await arrive(stage, context)
    await visitor.button.wait_for()
    await shoot(visitor, "closed")
    await visitor.open()
    await shoot(visitor, "open")
    jid = await talk(stage, visitor, "Is the quiet one in stock?", "Yes, in green and in grey.")
    stage.ann.send_message_to(jid, "There is a picture at https://shop.example/quiet")
    await visitor.wait_for_message("There is a picture at https://shop.example/quiet")
    await visitor.say("Then I take the green one.")
    await visitor.wait_for_status("Delivered")
    stage.ann.send_chat_state(jid, "composing")
    await eventually(visitor.typing)
    await shoot(visitor, "talk")
    await shoot(visitor, "dark")
    page = visitor.page
    bubble = visitor.log.get_by_text("Yes, in green and in grey.", exact=True)
    await bubble.hover()
    await page.get_by_role("button", name="Message options").nth(1).click()
    await page.get_by_role("menu").wait_for()
    await shoot(visitor, "options")
    await page.get_by_role("menuitem", name="Reply").click()
    await visitor.field.fill("Grey like what?")
    await shoot(visitor, "reply")
    await visitor.send.click()
    await visitor.wait_for_message("Grey like what?")
    await bubble.hover()
    await page.get_by_role("button", name="Message options").nth(1).click()
    await page.get_by_role("menu").get_by_text("👍").click()
    await page.locator("[part~=reaction]").wait_for()
    await page.get_by_role("button", name="Emoji").click()
    await shoot(visitor, "emoji")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="More").click()
    await shoot(visitor, "menu")
    await page.keyboard.press("Escape")
    await visitor.close()
    stage.ann.send_message_to(jid, "Like a dove.")
    await eventually(visitor.unread, 10.0)
    await shoot(visitor, "unread")


async def test_without_a_connection(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """What is written waits, and it is said that it does."""
    visitor = await arrive(stage, context)
    await visitor.open()
    await talk(stage, visitor, "Do you ship to Norway?", "We do.")
    await context.set_offline(True)
    await visitor.page.route("**/rpc**", lambda route: route.abort())
    await visitor.page.evaluate("window.dispatchEvent(new Event('offline'))")

    async def lost() -> bool:
        return "No connection" in await visitor.notice()

    await eventually(lost, 20.0)
    await visitor.say("And to Sweden?")
    await visitor.wait_for_status("Waiting for the connection")
    await asyncio.sleep(1.5)
    await shoot(visitor, "lost")


async def test_what_a_site_asks(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """Before a talk, while nobody is there, and after it."""
    first = {"name": "name", "label": "Your name", "required": True}
    topic = {"name": "topic", "label": "Topic", "kind": "select", "options": ["Sales", "Repairs"]}
    visitor = await arrive(stage, context, f"forms.pre_chat={json.dumps([first, EMAIL, topic])}")
    await visitor.button.click()
    page = visitor.page
    await page.get_by_role("textbox", name="Your name").fill("Zoë")
    await page.get_by_role("button", name="Continue").click()
    await shoot(visitor, "pre-chat")
    await page.get_by_role("textbox", name="Email").fill("zoe@example.org")
    await page.get_by_role("button", name="Continue").click()
    await visitor.field.wait_for()
    jid = await talk(stage, visitor, "A spoke is broken.", "Bring it in, we mend it.")
    stage.ann.send_message_to(jid, "!end")
    await page.get_by_role("radio", name="4", exact=True).check(force=True)
    await shoot(visitor, "rating")
    day = datetime.now(UTC) + timedelta(days=2)
    closed = f"hours.{day:%A}=09:00-17:00".lower()
    async with stage.context(viewport=SIZE) as another:
        late = await arrive(stage, another, closed, f"forms.offline={json.dumps([EMAIL])}")
        await late.open()
        await late.page.get_by_role("textbox", name="Email").wait_for()
        await shoot(late, "offline")


async def test_files(stage: Stage, context: BrowserContext, shoot: Shoot, tmp_path: Path) -> None:
    """A picture that was sent, and a file that is on its way."""
    visitor = await arrive(stage, context, "upload.on=true")
    await visitor.open()
    page = visitor.page
    picture = tmp_path / "my wheel.png"
    await page.screenshot(path=picture, clip={"x": 0, "y": 0, "width": 300, "height": 180})
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach a file").click()
    await (await chooser.value).set_files(picture)
    await visitor.log.get_by_role("img", name="my wheel.png").wait_for()
    session = await context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    await session.send("Network.emulateNetworkConditions", slow)
    large = tmp_path / "the whole bicycle.zip"
    large.write_bytes(bytes(3_000_000))
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach a file").click()
    await (await chooser.value).set_files(large)
    await page.get_by_role("progressbar").wait_for()
    await asyncio.sleep(3.0)
    await shoot(visitor, "files")


async def test_by_itself(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """A trigger's word beside the button."""
    visitor = await arrive(stage, context, 'triggers=[{"text": "May I help?", "seconds": 1}]')
    await visitor.page.get_by_role("button", name="May I help?").wait_for()
    await shoot(visitor, "trigger")


async def test_in_a_room(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """The question for a name, a talk among visitors, and who is there."""
    key = await stage.site("rooms.lobby.title=The saddle")

    async def come(context: BrowserContext, name: str) -> Widget:
        visitor = await visit(stage, context, key, room="lobby", name=name)
        await visitor.button.click()
        await visitor.page.get_by_role("textbox", name="Your name").wait_for()
        return visitor

    async def join(visitor: Widget) -> None:
        await visitor.page.get_by_role("button", name="Join").click()
        await visitor.field.wait_for()

    zoe = await come(context, "Zoe")
    await shoot(zoe, "name")
    await join(zoe)
    async with stage.context() as other:
        ben = await come(other, "Ben")
        await join(ben)
        await zoe.wait_for(lambda lines: bool(lines))
        await zoe.say("Does anybody ride the one with the basket?")
        await ben.say("I do, Zoe. It carries more than one thinks")
        await zoe.wait_for_message("I do, Zoe. It carries more than one thinks")
        await zoe.log.get_by_role("button", name="Message options").last.wait_for()
        await shoot(zoe, "room")
        await zoe.page.get_by_role("button", name="2 people").click()
        await zoe.page.get_by_role("listitem").last.wait_for()
        await shoot(zoe, "people")


async def test_called_into_a_room(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """The word of it in the talk, and the tab that has come beside it."""
    visitor = await arrive(stage, context)
    await visitor.open()
    jid = await talk(stage, visitor, "Can I ask you both at once?", "Sure, come in here.")
    stage.ann.send_message_to(jid, "!room")
    await visitor.page.get_by_text("Ann invites you to a room").wait_for()
    await shoot(visitor, "invited")
    await visitor.page.get_by_role("tab", name="Ann").click()
    await visitor.page.get_by_role("textbox", name="Your name").wait_for()
    assert await faults(visitor.page) == []


async def test_on_a_phone(stage: Stage, shoot: Shoot) -> None:
    """The panel is the whole screen."""
    async with stage.context(viewport=PHONE, has_touch=True, is_mobile=True) as context:
        visitor = await arrive(stage, context)
        await visitor.open()
        await talk(stage, visitor, "On a phone", "We see you.")
        box = await visitor.page.get_by_role("dialog").bounding_box()
        assert box == {"x": 0, "y": 0, **PHONE}
        await shoot(visitor, "phone")


async def test_from_right_to_left(stage: Stage, shoot: Shoot) -> None:
    """In Arabic."""
    async with stage.context(viewport=SIZE, locale="ar-EG") as context:
        page = await arrive(stage, context)
        visitor = Widget(page.page, "دردشة", "رسالة", "إرسال")
        await page.page.locator("parley-chat").get_by_role("button").first.click()
        await visitor.field.wait_for()
        await talk(stage, visitor, "هل الدراجة الخضراء متوفرة؟", "نعم، بالأخضر وبالرمادي.")
        await shoot(visitor, "right-to-left")


async def test_in_forced_colours(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """As in Windows' contrast themes."""
    visitor = await arrive(stage, context)
    await visitor.page.emulate_media(forced_colors="active")
    await visitor.open()
    await talk(stage, visitor, "In forced colours", "All of it can be seen.")
    await shoot(visitor, "forced-colours")


async def test_at_twice_the_size(stage: Stage, shoot: Shoot) -> None:
    """WCAG 2.2, 1.4.4 and 1.4.10: at 200 % of a small window nothing is cut off."""
    half = {"width": 640, "height": 360}
    async with stage.context(viewport=half, device_scale_factor=2) as context:
        visitor = await arrive(stage, context)
        await visitor.open()
        await talk(stage, visitor, "Twice as large", "And all of it is there.")
        page = visitor.page
        for one in (visitor.field, visitor.send, page.get_by_role("button", name="More")):
            box = await one.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["y"] >= 0
            assert box["x"] + box["width"] <= half["width"]
            assert box["y"] + box["height"] <= half["height"]
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        await shoot(visitor, "twice")


async def test_in_a_page(stage: Stage, context: BrowserContext, shoot: Shoot) -> None:
    """Inline, in an element of the page."""
    stage.shop.documents["/gallery/inline"] = Document(
        PAGE.replace(
            "{snippet}",
            '<div id=chat style="height: 460px"></div>'
            + stage.snippet(position="inline", target="#chat"),
        )
    )
    visitor = await stage.visit(context, "/gallery/inline")
    await visitor.field.wait_for()
    await talk(stage, visitor, "In the page", "Here we are.")
    await shoot(visitor, "inline")
