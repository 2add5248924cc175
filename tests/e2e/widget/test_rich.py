"""What messages have beside their text, and what a visitor can do with them."""

from __future__ import annotations

import asyncio
import re
import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from playwright.async_api import BrowserContext, Locator, Request, Route

from tests.e2e.support.axe import faults
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Received
from tests.e2e.support.rpc import call
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

FOCUSED = """() => {
    const { activeElement } = document.querySelector('parley-chat').shadowRoot
    return activeElement && (activeElement.ariaLabel || activeElement.textContent)
}"""


def row(visitor: Widget, text: str) -> Locator:
    """The row of the message with this text."""
    bubble = visitor.page.locator("[part~=bubble]", has_text=re.compile(f"^{re.escape(text)}$"))
    return visitor.log.locator(".row", has=bubble)


async def open_menu(visitor: Widget, text: str) -> Locator:
    """The menu of a message, opened by the mouse; its button is not in view before."""
    message = row(visitor, text)
    await message.locator("[part~=bubble]").hover()
    await message.get_by_role("button", name="Message options").click()
    menu = visitor.page.get_by_role("menu")
    await menu.wait_for()
    return menu


async def choose(visitor: Widget, text: str, item: str) -> None:
    """Chooses from the menu of a message."""
    menu = await open_menu(visitor, text)
    role = "menuitemcheckbox" if item in "👍🎉" else "menuitem"
    await menu.get_by_role(role, name=item).click()  # type: ignore[arg-type]


async def reads(found: Locator, texts: list[str]) -> bool:
    """Whether these are the texts of all that is found."""
    return await found.all_text_contents() == texts


async def height(visitor: Widget) -> int:
    """Of the log, in pixels."""
    return int(await visitor.log.evaluate("log => log.offsetHeight"))


async def began(stage: Stage, visitor: Widget, word: str) -> tuple[Received, str]:
    """A talk of two lines, that word and `re: ` it; what ann has got, and her own line's id."""
    await visitor.open()
    return await stage.talk(visitor, word, f"re: {word}")


async def test_all_that_a_visitor_can_do_reaches_the_operator(
    stage: Stage, context: BrowserContext
) -> None:
    """A reply, a reaction and its end, an edit, a removal: as the client's own kinds of message."""
    visitor = await stage.visit(context)
    hers, own = await began(stage, visitor, "Is it bleu")

    async def told(predicate: Callable[[Received], bool]) -> Received:
        return await stage.ann.wait_for(lambda one: one.sender == hers.sender and predicate(one))

    await choose(visitor, "re: Is it bleu", "Reply")
    await visitor.field.press_sequentially("Or green?")
    await visitor.field.press("Enter")
    reply = await told(lambda one: one.replies_to == own)
    assert reply.own_words == "Or green?"
    await visitor.wait_for_message("Or green?")
    quote = row(visitor, "Or green?").get_by_role("blockquote")
    assert await quote.text_content() == "Ann: re: Is it bleu"

    shown = row(visitor, "re: Is it bleu").locator("[part~=reaction]")
    for chosen, emoji in (("👍", "👍"), ("🎉", "👍🎉"), ("👍", "🎉"), ("🎉", "")):
        await choose(visitor, "re: Is it bleu", chosen)
        await told(lambda one, emoji=emoji: one.reactions == (own, tuple(emoji)))  # type: ignore[misc]
        await eventually(partial(reads, shown, [f"{one} 1" for one in emoji]))

    await visitor.field.fill("a draft")
    await choose(visitor, "Is it bleu", "Edit")
    assert await visitor.field.input_value() == "Is it bleu"
    await visitor.field.fill("Is it blue")
    await visitor.send.click()
    edit = await told(lambda one: one.replaces == hers.id)
    assert edit.body == "Is it blue"
    await visitor.wait_for_message("Is it blue")
    assert await visitor.field.input_value() == "a draft"

    menu = await open_menu(visitor, "Is it blue")
    await menu.get_by_role("menuitem", name="Remove").click()
    await menu.get_by_role("menuitem", name="Remove?").click()
    await told(lambda one: one.retracts == hers.id)
    texts = ["This message was removed", "re: Is it bleu", "Or green?"]
    await visitor.wait_for(lambda lines: [line.text for line in lines] == texts)
    await visitor.page.reload()
    again = Widget(visitor.page)
    await again.field.wait_for()  # it is open, as it was
    await again.wait_for(lambda lines: [line.text for line in lines] == texts)
    assert await again.field.input_value() == "a draft"


async def test_by_the_keyboard_alone(stage: Stage, context: BrowserContext) -> None:
    """From the field into the menu and back, and through the emoji."""
    visitor = await stage.visit(context)
    await began(stage, visitor, "by keys")
    page, press = visitor.page, visitor.page.keyboard.press

    async def focused() -> str:
        return str(await page.evaluate(FOCUSED))

    # Whoever looks at the log gets what can be done with it, and nothing moves.
    before = await height(visitor)
    await visitor.log.locator("..").focus()
    options = visitor.log.get_by_role("button", name="Message options")
    await eventually(partial(reads, options, ["⋮", "⋮"]))
    assert await height(visitor) == before
    await visitor.field.focus()
    await press("Shift+Tab")
    assert await focused() == "Emoji"
    await press("Shift+Tab")
    assert await focused() == "Message options"
    assert await options.last.evaluate("one => Number(getComputedStyle(one).opacity)") > 0.5
    await press("Enter")
    walked = [await focused()]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "End", "Home"):
        await press(key)
        walked.append(await focused())
    assert walked == ["👍", "❤️", "Reply", "Copy", "Reply", "👍", "Copy", "👍"]
    await press("Escape")
    assert await focused() == "Message options"
    assert await visitor.field.is_visible(), "the panel stays"
    await press("Enter")
    await press("ArrowDown")
    await press("Enter")
    assert await focused() == "Message"
    await page.keyboard.type("answered")
    await press("Enter")
    await visitor.wait_for_message("answered")
    await visitor.wait_for_status("Delivered")
    await press("ArrowUp")
    assert await visitor.field.input_value() == "answered"
    await press("Escape")
    assert await visitor.field.input_value() == ""

    await press("Shift+Tab")
    await press("Enter")
    assert await focused() == "👍"
    await press("Space")
    await press("ArrowDown")
    await press("Space")
    await press("Escape")
    assert await focused() == "Message"
    assert await visitor.field.input_value() == "👍😀"
    await press("Enter")
    await stage.ann.wait_for_message("👍😀")


async def test_an_operators_file_asks_nobody_before_a_click(
    stage: Stage, context: BrowserContext
) -> None:
    """Not even if it calls itself a picture; and then the page's address is not told."""
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))
    await context.route(
        "https://files.example/**",
        lambda route: route.fulfill(body="here", content_type="text/plain"),
    )
    visitor = await stage.visit(context)
    hers, _ = await began(stage, visitor, "a file, please")
    url = "https://files.example/a%20b/price%20list.png"
    stage.ann.send_file(hers.sender, url)
    card = visitor.log.get_by_role("link", name="price list.png")
    await card.wait_for()
    await card.hover()
    await asyncio.sleep(1.0)
    assert [one.url for one in asked if "files.example" in one.url] == []
    assert await visitor.log.locator("img").count() == 0
    async with context.expect_page() as opened:
        await card.click()
    page = await opened.value
    await page.wait_for_load_state()
    assert page.url == url
    fetched = [one for one in asked if one.url == url]
    assert len(fetched) == 1
    assert "referer" not in await fetched[0].all_headers()
    assert await page.evaluate("opener") is None


async def test_own_pictures_are_shown_and_nothing_jumps(
    stage: Stage, context: BrowserContext
) -> None:
    """However late the octets come: the end of the log stays in view."""
    key = await stage.site("upload.on=true", "upload.types=image/*")
    stage.shop.snippet, before = stage.snippet(key), stage.shop.snippet
    visitor = await stage.visit(context)
    stage.shop.snippet = before
    for number in range(8):
        await visitor.open()
        await visitor.say(f"line {number}")
    token = await visitor.page.evaluate(f"localStorage.getItem('parley:{key}:token')")
    body = _png(40, 90)

    async def promised() -> dict[str, Any] | None:
        answer = await call(
            stage.parley, "upload", token=token, name="cat.png", type="image/png", size=len(body)
        )
        return answer.get("result")

    upload = await eventually(promised, what="the site takes files")
    assert (await context.request.put(upload["url"], data=body)).ok
    late = asyncio.Event()

    async def hold(route: Route) -> None:
        await late.wait()
        await route.continue_()

    await context.route("**/files/**", hold)
    await call(stage.parley, "say", token=token, id="p", body="", attachment=upload["attachment"])
    picture = visitor.log.get_by_role("img", name="cat.png")
    await picture.wait_for()
    heights = [await height(visitor)]
    late.set()
    await eventually(lambda: picture.evaluate("one => one.naturalHeight === 90"))
    heights.append(await height(visitor))
    assert heights[0] == heights[1]
    await visitor.page.get_by_role("button", name="Latest messages").wait_for(state="hidden")
    assert (await picture.get_attribute("src") or "").startswith(f"{stage.parley.url}/")


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = zlib.compress((b"\0" + bytes(width)) * height)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def test_on_a_phone(stage: Stage) -> None:
    """A tap on the bubble brings the options; its keyboard has the emoji."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    async with stage.context(**phone) as context:
        visitor = await stage.visit(context)
        await began(stage, visitor, "tapped")
        emoji = visitor.page.locator("parley-chat").get_by_role("button", name="Emoji")
        assert not await emoji.is_visible()
        message = row(visitor, "re: tapped")
        await message.locator("[part~=bubble]").tap()
        options = message.get_by_role("button", name="Message options")
        shown = "one => Number(getComputedStyle(one).opacity) > 0.5"
        await eventually(lambda: options.evaluate(shown))
        assert await visitor.page.get_by_role("menu").count() == 0
        await options.tap()
        menu = visitor.page.get_by_role("menu")
        await menu.wait_for()
        for one in await menu.get_by_role("menuitemcheckbox").all():
            box = await one.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
        # Anywhere else, the page's own part of the screen among it.
        await visitor.page.touchscreen.tap(195, 20)
        await menu.wait_for(state="detached")
        await visitor.field.wait_for()


async def test_all_of_it_is_accessible(stage: Stage, context: BrowserContext) -> None:
    """By axe in Chromium: log, menu, banner and emoji."""
    visitor = await stage.visit(context)
    hers, _ = await began(stage, visitor, "seen by axe")
    await choose(visitor, "re: seen by axe", "👍")
    stage.ann.send_reply(hers.sender, hers.id, hers.body or "", "quoted")
    stage.ann.send_file(hers.sender, "https://files.example/list.pdf")
    await visitor.wait_for_message("list.pdf")
    assert await faults(visitor.page) == []
    await open_menu(visitor, "re: seen by axe")
    assert await faults(visitor.page) == []
    await visitor.page.get_by_role("menuitem", name="Reply").click()
    assert await faults(visitor.page) == []
    await visitor.page.get_by_role("button", name="Emoji").click()
    assert await faults(visitor.page) == []


async def test_under_a_strict_policy(stage: Stage, context: BrowserContext) -> None:
    """Menu, banner and emoji need no inline styles, and nothing is parsed."""
    chat = stage.parley.url
    policy = (
        f"default-src 'none'; script-src {chat}; style-src 'self'; img-src {chat}; "
        f"connect-src {chat} {chat.replace('http', 'ws')}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    stage.shop.documents["/strict"] = Document(
        "<!doctype html><html lang=en><title>Strict</title>{snippet}</html>",
        {"Content-Security-Policy": policy},
    )
    said: list[str] = []
    context.on("console", lambda message: said.append(message.text))
    visitor = await stage.visit(context, "/strict")
    stage.shop.documents.clear()
    await began(stage, visitor, "strict and rich")
    menu = await open_menu(visitor, "re: strict and rich")
    place, panel = (
        await menu.bounding_box(),
        await visitor.page.get_by_role("dialog").bounding_box(),
    )
    assert place is not None
    assert panel is not None
    assert place["y"] > panel["y"] + 70, "it stands where its button is"
    await menu.get_by_role("menuitem", name="Reply").click()
    await visitor.page.get_by_role("button", name="Emoji").click()
    await visitor.page.get_by_role("button", name="😀").click()
    assert await visitor.field.input_value() == "😀"
    assert [line for line in said if "Content Security" in line or "TrustedHTML" in line] == []
