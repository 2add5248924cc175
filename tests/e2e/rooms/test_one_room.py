"""One room: three visitors in Chromium, profanity, mcabber, and a scripted client (XEP-0045).

Over Prosody and over ejabberd. What each of them says, all others see, in one order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser

from tests.e2e.conftest import PASSWORD
from tests.e2e.support.browser import Widget
from tests.e2e.support.mcabber import Mcabber
from tests.e2e.support.occupant import Occupant, item
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.site import Website
from tests.e2e.support.wait import eventually

VISITORS = ("Ada", "Bea", "Cyd")
ROOM = "lobby"


@pytest.fixture
def attributes() -> str:
    """The pages have the room."""
    return f' data-room="{ROOM}"'


@pytest.fixture
async def visitors(browser: Browser, parley: Parley, shop: Website) -> AsyncIterator[list[Widget]]:
    """Three who have joined."""
    async with AsyncExitStack() as stack:
        widgets = []
        for name in VISITORS:
            context = await browser.new_context()
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await page.goto(f"{shop.url}/prices")
            widget = Widget(page)
            await widget.button.click()
            chat = page.locator("parley-chat")
            await chat.get_by_role("textbox", name="Your name").fill(name)
            await chat.get_by_role("button", name="Join", exact=True).click()
            await widget.field.wait_for()
            widgets.append(widget)
        yield widgets


async def test_everybody_in_one_room(
    parley: Parley, visitors: list[Widget], profanity: Profanity, mcabber: Mcabber
) -> None:
    """All are heard by all others, once, in the order of the log (§7.2, §7.4, §8.2)."""
    port = parley.server.c2s_port
    room = f"{ROOM}%{SITE}@{parley.server.domain}"
    eve = Operator("eve@localhost", PASSWORD)
    await eve.login(port)
    scripted = Occupant(eve, room, "Eve")
    await scripted.join()
    await profanity.connect("ann@localhost", PASSWORD, port)
    await mcabber.connect("bob@localhost", PASSWORD, port)
    profanity.type(f"/join {room} nick Ann")
    mcabber.command(f"/room join {room} Bob")
    for nick in (*VISITORS, "Ann", "Bob"):
        await scripted.sees(nick)
    mcabber.press("Enter")  # into the room's window, which is chosen
    ann = await scripted.sees("Ann")
    assert (item(ann)["affiliation"], item(ann)["role"]) == ("admin", "moderator")

    said = [(name, f"{name} was here") for name in (*VISITORS, "Ann", "Bob", "Eve")]
    await visitors[0].say(said[0][1])
    await profanity.wait_for(said[0][1])
    await visitors[1].say(said[1][1])
    await visitors[2].say(said[2][1])
    await scripted.hears(said[2][1], "Cyd")
    profanity.type(said[3][1])
    await scripted.hears(said[3][1], "Ann")
    mcabber.say_to(room, said[4][1])
    await scripted.hears(said[4][1], "Bob")
    scripted.say(said[5][1])

    for _, text in said:
        await profanity.wait_for(text)
        await mcabber.wait_for(text)
    for widget, own in zip(visitors, VISITORS, strict=True):
        lines = await widget.wait_for(lambda lines: any(one.text == said[5][1] for one in lines))
        seen = [(one.sender, one.text) for one in lines if one.sender != "system"]
        assert seen == [("visitor" if name == own else name, text) for name, text in said]
    assert [one for one in scripted.lines() if one in said] == said

    profanity.type(f"/kick {VISITORS[2]} enough")
    await scripted.sees(VISITORS[2], "unavailable", 307)

    async def out() -> bool:
        return not await visitors[2].field.is_visible()

    await eventually(out, 10.0, "the kicked visitor cannot write any more")
    await visitors[0].say("And on it goes")
    await scripted.hears("And on it goes", "Ada")
    assert await visitors[2].page.locator("parley-chat").get_by_text("And on it goes").count() == 0
    await eve.logout()
