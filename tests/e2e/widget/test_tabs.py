"""One browser, one connection: of a site's tabs the one last used has it, and all show the same."""

from __future__ import annotations

import asyncio

from playwright.async_api import BrowserContext, Page, WebSocket

from tests.e2e.support.browser import Widget
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage


class Sockets:
    """The connections of a browser's tabs."""

    def __init__(self, context: BrowserContext) -> None:
        self._all: list[tuple[Page, WebSocket]] = []
        context.on("page", lambda page: page.on("websocket", lambda one: self._add(page, one)))

    def _add(self, page: Page, socket: WebSocket) -> None:
        self._all.append((page, socket))

    def open(self) -> list[Page]:
        """The page of each open one."""
        return [
            page for page, socket in self._all if not socket.is_closed() and not page.is_closed()
        ]

    @property
    def made(self) -> int:
        """How many there have been."""
        return len(self._all)

    async def belong_to(self, tab: Widget) -> None:
        """Waits until the tab has the only one."""
        await eventually(lambda: self.open() == [tab.page], what=lambda: str(self.open()))


async def use(tab: Widget) -> None:
    """The visitor turns to a tab, as a click on the page does."""
    await tab.page.bring_to_front()
    await tab.page.evaluate("window.dispatchEvent(new FocusEvent('focus'))")


async def test_the_tab_last_used_has_the_connection(stage: Stage, context: BrowserContext) -> None:
    """Of three there is one socket, wherever the visitor turns; a closed tab hands it on."""
    sockets = Sockets(context)
    tabs = [await stage.visit(context, f"/{number}") for number in range(3)]
    await sockets.belong_to(tabs[2])
    await use(tabs[0])
    await sockets.belong_to(tabs[0])
    await tabs[0].page.close()
    await eventually(lambda: len(sockets.open()) == 1)
    assert sockets.open()[0] in [tab.page for tab in tabs[1:]]
    await asyncio.sleep(1.0)
    assert len(sockets.open()) == 1


async def test_all_tabs_show_one_talk(stage: Stage, context: BrowserContext) -> None:
    """Messages, the panel and what is being written are the same in each; nothing is doubled."""
    sockets = Sockets(context)
    one, two = await stage.visit(context), await stage.visit(context, "/other")
    await one.open()
    await sockets.belong_to(one)
    await eventually(lambda: two.field.is_visible(), what="the panel opens in the other tab")
    await one.say("from one")
    line = await stage.ann.wait_for_message("from one")
    await two.wait_for_message("from one")
    stage.ann.send_message_to(line.sender, "an answer")
    for tab in (one, two):
        await tab.wait_for_message("an answer")
    await one.field.fill("half a thou")
    await eventually(lambda: two.field.input_value(), what="the draft is there")
    assert await two.field.input_value() == "half a thou"
    await two.say("from two")
    await sockets.belong_to(two)
    await stage.ann.wait_for_message("from two")
    for tab in (one, two):
        await tab.wait_for_message("from two")
        assert await tab.texts() == ["from one", "an answer", "from two"]
    assert await one.field.input_value() == ""
    await two.button.click()
    await eventually(lambda: one.field.is_hidden(), what="the panel closes in the other tab")


async def test_what_is_unread_is_the_same_number(stage: Stage, context: BrowserContext) -> None:
    """In each tab's button; reading it in one is enough."""
    one, two = await stage.visit(context), await stage.visit(context, "/other")
    await one.open()
    await use(two)
    await two.field.wait_for()
    await one.say("hello")
    line = await stage.ann.wait_for_message("hello")
    await two.button.click()
    # Where the panel is still open the answer would be read.
    await one.field.wait_for(state="hidden")
    stage.ann.send_message_to(line.sender, "an answer")
    for tab in (one, two):
        await eventually(tab.unread, what="the button has a number")
        assert await tab.unread() == "1"
    await two.button.click()
    await eventually(lambda: _nothing_unread(one), what="it has been read in the other tab")


async def _nothing_unread(tab: Widget) -> bool:
    return await tab.unread() == ""


async def test_another_tab_sends_what_a_closed_one_has_left(
    stage: Stage, context: BrowserContext
) -> None:
    """A message that had no connection goes out from whichever tab is left, once."""
    one, two = await stage.visit(context), await stage.visit(context, "/other")
    await one.open()
    await one.say("first")
    await stage.ann.wait_for_message("first")
    await context.set_offline(True)
    await one.page.evaluate("window.dispatchEvent(new Event('offline'))")
    await one.say("left behind")
    await one.page.close()
    await context.set_offline(False)
    await use(two)
    await stage.ann.wait_for_message("left behind", timeout=20.0)
    await two.field.wait_for()
    await two.wait_for_message("left behind")
    assert await two.texts() == ["first", "left behind"]
    said = [one.body for one in stage.ann.received if one.body == "left behind"]
    assert said == ["left behind"]


async def test_the_page_in_use_is_told_once(stage: Stage, context: BrowserContext) -> None:
    """Turning to another tab tells the operator its page, and no absence in between."""
    one = await stage.visit(context, "/first")
    await one.open()
    await one.say("which page?")
    line = await stage.ann.wait_for_message("which page?")
    contact = line.sender.partition("/")[0]
    two = await stage.visit(context, "/second")
    before = len(stage.ann.received)

    def told() -> list[tuple[str, str]]:
        return [
            (stanza.type, (stanza.child_text("status") or "").partition(" · ")[0])
            for stanza in stage.ann.received[before:]
            if stanza.kind == "presence" and stanza.sender.startswith(contact)
        ]

    await eventually(lambda: ("", "Page /second") in told(), 10.0, lambda: str(told()))
    await use(one)
    await eventually(lambda: told()[-1:] == [("", "Page /first")], 10.0, lambda: str(told()))
    assert {kind for kind, _ in told()} == {""}
    assert len(told()) == 2, told()
    await two.page.close()
    await asyncio.sleep(6.0)
    assert len(told()) == 2, told()


async def test_a_frozen_tab_holds_nobody_up(stage: Stage, context: BrowserContext) -> None:
    """As phones freeze what is in the background: the other tab takes over, and nothing is lost."""
    sockets = Sockets(context)
    one = await stage.visit(context, "/first")
    await one.open()
    await one.say("before")
    line = await stage.ann.wait_for_message("before")
    two = await stage.visit(context, "/second")
    await use(one)
    await sockets.belong_to(one)
    session = await context.new_cdp_session(one.page)
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})
    await use(two)
    await two.field.wait_for()
    stage.ann.send_message_to(line.sender, "while frozen")
    await two.wait_for_message("while frozen")
    await session.send("Page.setWebLifecycleState", {"state": "active"})
    await use(one)
    await one.wait_for_message("while frozen")
    assert await one.texts() == ["before", "while frozen"]
    await sockets.belong_to(one)
