"""A desk talk's two operators and its visitor go on in a room of their own (XEP-0045 §7.9)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from gateway import namespaces as ns
from switchboard.rooms import talk_room
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.browser import Widget
from tests.e2e.support.occupant import Occupant, codes, item
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.site import Website

VISITOR = re.compile(r"Visitor \w{4}")
CONFERENCE = f"{{{ns.CONFERENCE}}}x"


@pytest.fixture
async def visitor(browser: Browser, parley: Parley, shop: Website) -> AsyncIterator[Widget]:
    """Eve, on a page of the shop."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{shop.url}/prices")
    yield Widget(page)
    await context.close()


@pytest.fixture
async def bob(parley: Parley) -> AsyncIterator[Operator]:
    """Bob's client, which takes chats after Ann's."""
    running = Operator("bob@localhost", PASSWORD)
    await running.login(parley.server.c2s_port)
    running.send_availability("away")
    yield running
    await running.logout()


async def test_all_three_meet(
    parley: Parley, visitor: Widget, profanity: Profanity, bob: Operator
) -> None:
    """Both are invited by their clients, the visitor by a tab; each line comes to all, once."""
    await profanity.connect("ann@localhost", PASSWORD, parley.server.c2s_port)
    await visitor.open()
    await visitor.say("I need you both")
    name = VISITOR.search(await profanity.wait_for_roster(VISITOR))
    assert name is not None
    await profanity.open_chat(name[0])
    await profanity.wait_for("I need you both")
    profanity.type("Hello")
    await visitor.wait_for_message("Hello")
    profanity.type("!invite @bob")
    await bob.wait_for(lambda one: "invites you into this talk" in (one.body or ""))
    profanity.type("!room")

    call = await bob.wait_for(lambda one: one.has(CONFERENCE))
    invitation = call.xml.find(CONFERENCE)
    assert invitation is not None
    room = invitation.get("jid") or ""
    id = call.sender.partition("@")[0]
    assert room == f"{talk_room(id)}%{SITE}@{parley.server.domain}"
    profanity.show_window(1)
    await profanity.wait_for(re.compile(rf"invite.*\n?.*{id[2:]}"))
    profanity.type(f"/join {room} nick Ann")
    meeting = Occupant(bob, room, "Bob")
    await meeting.join()
    await meeting.sees("Ann")

    chat = visitor.page.locator("parley-chat")
    await chat.get_by_text("Ann invites you to a room").wait_for()
    await chat.get_by_role("tab", name="Ann").click()
    await chat.get_by_role("textbox", name="Your name").fill("Eve")
    await chat.get_by_role("button", name="Join", exact=True).click()
    eve = await meeting.sees("Eve")
    assert item(eve)["role"] == "participant"
    await visitor.field.wait_for()

    await visitor.say("Here I am")
    await profanity.wait_for("Here I am")
    await meeting.hears("Here I am", "Eve")
    profanity.type("Good to have you here")
    await visitor.wait_for_message("Good to have you here")
    meeting.say("And me")
    lines = await visitor.wait_for(lambda lines: any(one.text == "And me" for one in lines))
    said = [(one.sender, one.text) for one in lines if one.sender != "system"]
    assert said == [
        ("visitor", "Here I am"),
        ("Ann", "Good to have you here"),
        ("Bob", "And me"),
    ]

    await chat.get_by_role("button", name="Leave").click()
    assert 110 not in codes(await meeting.sees("Eve", "unavailable"))
    await visitor.say("Back at the desk")
    await bob.wait_for(lambda one: one.body == "Back at the desk")


async def test_by_the_client_alone(parley: Parley, visitor: Widget, bob: Operator) -> None:
    """Bob's client invites past the room (XEP-0249 §2), and by way of it (§7.8.2)."""
    await visitor.open()
    await visitor.say("Where do people talk here?")
    first = await bob.wait_for(lambda one: one.body == "Where do people talk here?")
    id = first.sender.partition("/")[0]
    lobby = f"lobby%{SITE}@{parley.server.domain}"
    direct = f'<x xmlns="{ns.CONFERENCE}" jid="{lobby}"/>'
    bob.send_raw(f'<message to="{id}"><body>come</body>{direct}</message>')
    chat = visitor.page.locator("parley-chat")
    await chat.get_by_text("Bob invites you to a room").wait_for()
    assert "come" not in [line.text for line in await visitor.messages()]
    await chat.get_by_role("tab", name="Bob").click()
    await chat.get_by_role("button", name="Leave").click()
    await chat.get_by_role("tablist").wait_for(state="hidden")

    there = Occupant(bob, lobby, "Bob")
    await there.join()
    invite = f'<x xmlns="{ns.MUC_USER}"><invite to="{id}"/></x>'
    bob.send_raw(f'<message to="{lobby}" id="i1">{invite}</message>')
    await chat.get_by_role("tab", name="Bob").click()
    await chat.get_by_role("textbox", name="Your name").fill("Eve")
    await chat.get_by_role("button", name="Join", exact=True).click()
    await there.sees("Eve")
