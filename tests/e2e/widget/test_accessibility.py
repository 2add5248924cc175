"""What assistive technology and the keyboard get: by Chromium's own accessibility tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.async_api import BrowserContext, Page

from tests.e2e.support.browser import Widget
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

FOCUSED = """() => {
    let at = document.activeElement
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
    return at === document.body ? '' : at.getAttribute('aria-label') || at.textContent
}"""
LASTING = """() => document.querySelector('parley-chat').shadowRoot.getAnimations()
    .map(({ effect }) => effect.getComputedTiming().activeDuration).filter(Boolean)"""
WATCH_LOG = """() => {
    window.announced = []
    const log = document.querySelector('parley-chat').shadowRoot.querySelector('[role=log]')
    const heard = (node) => window.announced.push(node.textContent)
    new MutationObserver((changes) => changes.forEach(({ addedNodes, type, target }) =>
        type === 'characterData' ? heard(target) : addedNodes.forEach(heard)
    )).observe(log, { childList: true, subtree: true, characterData: true })
}"""


@dataclass(frozen=True)
class Node:
    """One of the accessibility tree, in the order in which it is read."""

    role: str
    name: str
    states: dict[str, Any]


async def tree(page: Page) -> list[Node]:
    """All that is not ignored, as Chromium gives it to the system."""
    session = await page.context.new_cdp_session(page)
    found = (await session.send("Accessibility.getFullAXTree"))["nodes"]
    await session.detach()
    by_id = {one["nodeId"]: one for one in found}
    nodes: list[Node] = []

    def walk(one: dict[str, Any]) -> None:
        if not one["ignored"]:
            states = {each["name"]: each["value"].get("value") for each in one["properties"]}
            nodes.append(Node(one["role"]["value"], one.get("name", {}).get("value", ""), states))
        for child in one["childIds"]:
            if child in by_id:
                walk(by_id[child])

    walk(found[0])
    return nodes


def only(nodes: list[Node], role: str, name: str) -> Node:
    """The one of that role and name."""
    (node,) = (one for one in nodes if (one.role, one.name) == (role, name))
    return node


async def began(stage: Stage, visitor: Widget, word: str) -> str:
    """Both have said something; the visitor's JID."""
    await visitor.open()
    heard, _ = await stage.talk(visitor, word, f"re: {word}")
    return heard.sender.partition("/")[0]


async def test_what_is_read(stage: Stage, context: BrowserContext) -> None:
    """Roles, names and states; who says what, in order; nothing that takes a key is nameless."""
    visitor = await stage.visit(context)
    await visitor.button.wait_for()
    assert only(await tree(visitor.page), "button", "Chat").states["expanded"] is False
    await began(stage, visitor, "read to me")
    nodes = await tree(visitor.page)
    assert only(nodes, "button", "Chat").states["expanded"] is True
    assert only(nodes, "dialog", "Ann").states.get("modal") in (None, False)
    log = only(nodes, "log", "Messages")
    assert log.states["live"] == "polite"
    assert not log.states.get("atomic")
    field = only(nodes, "textbox", "Message")
    assert (field.states["focused"], field.states["multiline"]) == (True, True)
    said = [one.name for one in nodes if one.role == "StaticText"]
    talk = [one for one in said if one in ("You", "Ann", "read to me", "re: read to me")]
    assert talk[-4:] == ["You", "read to me", "Ann", "re: read to me"]
    assert [one for one in nodes if one.states.get("focusable") and not one.name] == []


async def test_by_the_keyboard(stage: Stage, context: BrowserContext) -> None:
    """Into the panel, through all of it in the order in which it is seen, and back."""
    visitor = await stage.visit(context)
    page, press = visitor.page, visitor.page.keyboard.press

    async def focused() -> str:
        return str(await page.evaluate(FOCUSED)).strip()

    await visitor.button.focus()
    await press("Enter")
    await visitor.field.wait_for()
    await eventually(lambda: _equal(focused, "Message"))
    await page.keyboard.type("walked through")
    await press("Enter")
    await visitor.wait_for_message("walked through")
    assert await focused() == "Message"
    await visitor.wait_for_status("Delivered")

    async def walk(key: str, steps: int) -> list[str]:
        walked = []
        for _ in range(steps):
            await press(key)
            walked.append(await focused())
        return walked

    # Whoever looks closer gets what can be done with each message.
    assert await walk("Shift+Tab", 2) == ["Emoji", "Messages"]
    await visitor.log.get_by_role("button", name="Message options").wait_for(state="attached")
    assert await walk("Tab", 3) == ["Message options", "Emoji", "Message"]
    assert await walk("Shift+Tab", 4) == ["Emoji", "Message options", "Messages", "More"]
    await visitor.field.focus()
    await page.keyboard.type("more")
    assert await walk("Tab", 2) == ["Send", "Chat"]
    await visitor.field.focus()
    await press("Escape")
    await visitor.field.wait_for(state="hidden")
    assert await focused() == "Chat"


async def _equal(asked: Any, wanted: str) -> bool:
    return bool(await asked() == wanted)


async def test_each_message_is_announced_once(stage: Stage, context: BrowserContext) -> None:
    """Not again for its ticks, for a lost connection, or for what comes after it."""
    visitor = await stage.visit(context)
    jid = await began(stage, visitor, "announced before")
    await visitor.page.evaluate(WATCH_LOG)
    await visitor.say("announced once")
    await stage.ann.wait_for_message("announced once")
    await visitor.wait_for_status("Delivered")
    await context.set_offline(True)
    await visitor.page.evaluate("dispatchEvent(new Event('offline'))")
    await context.set_offline(False)
    await visitor.page.evaluate("dispatchEvent(new Event('online'))")
    stage.ann.send_message_to(jid, "announced last")
    await visitor.wait_for_message("announced last")
    announced = await visitor.page.evaluate("announced")
    counts = [
        sum(bool(re.search(word, one)) for one in announced)
        for word in ("announced before", "announced once", "announced last")
    ]
    assert counts == [0, 1, 1], announced


async def test_nothing_moves_for_who_wants_it_still(stage: Stage) -> None:
    """By `prefers-reduced-motion`: neither panel, nor messages, nor the dots of who is typing."""
    async with stage.context(reduced_motion="reduce") as context:
        visitor = await stage.visit(context)
        jid = await began(stage, visitor, "be still")
        stage.ann.send_chat_state(jid, "composing")
        await eventually(visitor.typing)
        assert await visitor.page.evaluate(LASTING) == []
