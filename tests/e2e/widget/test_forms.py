"""What a site asks its visitors by the widget, and how its operators learn the answers."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

from playwright.async_api import BrowserContext, Locator

from tests.e2e.support.axe import faults
from tests.e2e.support.browser import Widget
from tests.e2e.support.faults import proxy
from tests.e2e.support.operator import Received
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

_FOCUSED = """() => {
    const one = document.querySelector('parley-chat').shadowRoot.activeElement
    return one && (one.ariaLabel ?? one.labels[0].firstChild.textContent)
}"""
HOSTILE = '"><img src=x onerror=alert(1)>'
PRE_CHAT = [
    {"name": "name", "label": "Your name", "required": True},
    {"name": "email", "label": "Email", "kind": "email", "required": True},
    {"name": "topic", "label": HOSTILE, "kind": "select", "options": ["Sales", HOSTILE]},
    {"name": "order", "label": "Order number"},
]
OFFLINE = [{"name": "email", "label": "Email", "kind": "email", "required": True}]


async def arrive(
    stage: Stage, context: BrowserContext, *settings: str, port: int = 0
) -> tuple[Widget, str]:
    """A visitor on a page of a site with these settings; and the site's key.

    `port`: of a proxy in front of Parley.
    """
    key = await stage.site(*settings)
    there = f":{stage.parley.http_port}/"
    snippet = stage.snippet(key).replace(there, f":{port}/" if port else there)
    stage.shop.documents[f"/{key}"] = Document(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{key}</title>"
        f"<h1>Forms</h1>{snippet}</html>"
    )
    return await stage.visit(context, f"/{key}"), key


def labelled(visitor: Widget, label: str) -> Locator:
    return visitor.page.get_by_role("textbox", name=label, exact=True)


def button(visitor: Widget, name: str) -> Locator:
    return visitor.page.get_by_role("button", name=name)


async def focused(visitor: Widget, name: str) -> None:
    """What has the focus in the widget soon has this name."""

    async def has() -> bool:
        return bool(await visitor.page.evaluate(_FOCUSED) == name)

    await eventually(has, what=f"the focus is in {name}")


async def told(stage: Stage, contact: str, *lines: str) -> None:
    """`!info` of the visitor has these lines."""
    count = len(stage.ann.received)
    stage.ann.send_message_to(contact, "!info")

    def answers(one: Received) -> bool:
        return stage.ann.received.index(one) >= count and "JID: " in (one.body or "")

    answer = await stage.ann.wait_for(answers)
    for line in lines:
        assert line in (answer.body or "")


async def test_the_form_before_the_talk(stage: Stage, context: BrowserContext) -> None:
    """By the keyboard alone; the operator has the details with the first message."""
    visitor, _ = await arrive(stage, context, f"forms.pre_chat={json.dumps(PRE_CHAT)}")
    keyboard = visitor.page.keyboard
    await visitor.button.focus()
    await keyboard.press("Enter")
    await labelled(visitor, "Your name").wait_for()
    await focused(visitor, "Your name")
    assert not await visitor.field.is_visible()
    assert await faults(visitor.page) == []
    await keyboard.press("Enter")
    assert await labelled(visitor, "Your name").get_attribute("aria-invalid") == "true"
    assert await faults(visitor.page) == []
    for text in ("Zoë", "nobody"):
        await keyboard.type(text)
        await keyboard.press("Tab")
    await keyboard.press("S")
    await keyboard.press("Tab")
    await keyboard.type(HOSTILE)
    await keyboard.press("Enter")
    await visitor.page.get_by_text("include an '@'").wait_for()
    await focused(visitor, "Email")
    assert await labelled(visitor, "Your name").get_attribute("aria-invalid") == "false"
    await keyboard.type("@example.com")
    await keyboard.press("Enter")
    await visitor.field.wait_for()
    await focused(visitor, "Message")
    assert await visitor.page.locator("parley-chat img").count() == 0
    await keyboard.type("Hello from Zoë")
    await keyboard.press("Enter")
    line = await stage.ann.wait_for_message("Hello from Zoë")
    contact = line.sender.partition("/")[0]
    await told(
        stage,
        contact,
        "Name: Zoë",
        "Mail: nobody@example.com",
        "Told: topic = Sales",
        f"Told: order = {HOSTILE}",
    )
    await visitor.page.reload()
    await visitor.field.wait_for()
    assert await visitor.page.locator("[part~=form]").count() == 0


async def test_the_form_survives_a_lost_connection(stage: Stage, context: BrowserContext) -> None:
    """What is typed stays, and is sent when the network is back."""
    form = f"forms.pre_chat={json.dumps(OFFLINE)}"
    async with proxy(stage.parley.http_port) as network:
        visitor, _ = await arrive(stage, context, form, port=network.port)
        await visitor.button.click()
        await labelled(visitor, "Email").fill("zoe@example.com")
    await button(visitor, "Continue").click()
    await visitor.page.get_by_text("Waiting for the connection").wait_for()
    assert await labelled(visitor, "Email").input_value() == "zoe@example.com"
    assert await faults(visitor.page) == []
    async with proxy(stage.parley.http_port, port=network.port):
        await visitor.field.wait_for()
        await visitor.say("through a tunnel")
        line = await stage.ann.wait_for_message("through a tunnel")
        await told(stage, line.sender.partition("/")[0], "Mail: zoe@example.com")


async def test_outside_the_hours(stage: Stage, context: BrowserContext) -> None:
    """The widget says when the site opens again, and asks how the visitor can be reached."""
    day = datetime.now(UTC) + timedelta(days=3)
    visitor, _ = await arrive(
        stage,
        context,
        f"hours.{day:%A}=10:00-11:00".lower(),
        f"forms.offline={json.dumps(OFFLINE)}",
    )
    await visitor.open()
    said = await visitor.notice()
    assert said.startswith(f"We are back {day:%A}"), said
    assert "Leave a message" in said
    assert await visitor.desk() == "Nobody is here right now"
    await labelled(visitor, "Email").wait_for()
    await focused(visitor, "Message")
    assert await faults(visitor.page) == []
    await visitor.say("Call me")
    await labelled(visitor, "Email").fill("zoe@example.com")
    await button(visitor, "Continue").click()
    await labelled(visitor, "Email").wait_for(state="detached")
    await focused(visitor, "Message")
    line = await stage.ann.wait_for_message("Call me")
    await told(stage, line.sender.partition("/")[0], "Mail: zoe@example.com")
    await visitor.page.reload()
    await visitor.field.wait_for()
    await asyncio.sleep(0.5)
    assert await labelled(visitor, "Email").count() == 0


async def ended(stage: Stage, visitor: Widget, word: str) -> str:
    """A talk that the operator has answered and ended; the visitor's JID."""
    await visitor.open()
    await visitor.say(word)
    contact = (await stage.ann.wait_for_message(word)).sender.partition("/")[0]
    stage.ann.send_message_to(contact, f"{word} to you")
    await visitor.wait_for_message(f"{word} to you")
    stage.ann.send_message_to(contact, "!end")
    await visitor.page.get_by_role("group", name="How was this conversation?").wait_for()
    return contact


async def test_a_rating(stage: Stage, context: BrowserContext) -> None:
    """By the keyboard, after a reload; the operator reads it, and it is in the transcript."""
    visitor, key = await arrive(stage, context)
    contact = await ended(stage, visitor, "Good evening")
    assert await faults(visitor.page) == []
    await visitor.page.reload()
    first = visitor.page.get_by_role("radio", name="1", exact=True)
    await first.wait_for()
    keyboard = visitor.page.keyboard
    await first.focus()
    for _ in range(3):
        await keyboard.press("ArrowRight")
    assert await visitor.page.get_by_role("radio", name="4", exact=True).is_checked()
    assert await faults(visitor.page) == []
    await keyboard.press("Tab")
    await focused(visitor, "Comment")
    await keyboard.type("Quick <b>")
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await visitor.page.get_by_text("Thank you!").wait_for()
    await focused(visitor, "Message")
    await stage.ann.wait_for_message("[desk] Rated 4 of 5: Quick <b>", contact)
    lines = await asyncio.to_thread(stage.parley.transcript, key)
    assert [(one["act"], one["score"]) for one in lines if "score" in one] == [("rate", 4)]
    await visitor.say("One more thing")
    assert await visitor.page.get_by_text("Thank you!").count() == 0
    await stage.ann.wait_for_message("One more thing", contact)


async def test_a_rating_that_is_not_wanted(stage: Stage, context: BrowserContext) -> None:
    """It goes by its cross, and does not come back."""
    visitor, _ = await arrive(stage, context)
    await ended(stage, visitor, "Good night")
    await button(visitor, "Close").click()
    assert await visitor.page.get_by_role("radio").count() == 0
    await visitor.page.reload()
    await visitor.field.wait_for()
    await asyncio.sleep(0.5)
    assert await visitor.page.get_by_role("radio").count() == 0
