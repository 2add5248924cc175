"""A guest room in the widget: visitors in real browsers talk with each other."""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator

from gateway import namespaces as ns
from parley.private_prosody import PrivateProsody
from tests.e2e.support import axe
from tests.e2e.support.browser import Widget
from tests.e2e.support.occupant import Occupant
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

Come = Callable[..., Awaitable[Widget]]
Login = Callable[..., Awaitable[Operator]]


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody, shop: Website) -> AsyncIterator[Parley]:
    """`parley run` for that site, whose pages have the room `lobby`."""
    running = Parley(tmp_path / "parley", prosody, origin=shop.url, limits=False)
    await running.set_up({"ann@localhost": "Ann"})
    running.order("site", "set", SITE, "rooms.lobby.title=The lobby")
    tag = running.order("snippet", SITE)
    shop.snippet = tag.replace("></script>", ' data-room="lobby"></script>')
    await running.start()
    yield running
    running.end()


@pytest.fixture
async def come(browser: Browser, parley: Parley, shop: Website) -> AsyncIterator[Come]:
    """`await come("Ada")`: a visitor of that name in the room; no page may throw.

    `script` runs in the page before all else.
    """
    thrown: list[str] = []

    async with AsyncExitStack() as stack:

        async def enter(name: str = "", script: str = "") -> Widget:
            context = await browser.new_context()
            stack.push_async_callback(context.close)
            page = await context.new_page()
            await page.add_init_script(script)
            page.on("pageerror", lambda error: thrown.append(str(error)))
            await page.goto(f"{shop.url}/prices")
            visitor = Widget(page)
            await visitor.button.click()
            await asked_name(visitor).wait_for()
            if name:
                await join(visitor, name)
                await visitor.field.wait_for()
            return visitor

        yield enter
    assert thrown == []


def asked_name(visitor: Widget) -> Locator:
    """The field for the name, before one is in the room."""
    return visitor.page.locator("parley-chat").get_by_role("textbox", name="Your name")


def button(visitor: Widget, name: str) -> Locator:
    """A button of the widget's."""
    return visitor.page.locator("parley-chat").get_by_role("button", name=name, exact=True)


async def join(visitor: Widget, name: str) -> None:
    """Asks to be let in under that name."""
    await asked_name(visitor).fill(name)
    await button(visitor, "Join").click()


async def names(visitor: Widget) -> list[str]:
    """Who is in the room, by the list of its members."""
    return await visitor.page.locator("parley-chat li bdi").all_text_contents()


async def test_three_visitors_see_each_others_lines_in_one_order(come: Come) -> None:
    """What three say at the same time stands in each one's log, once, in the same order."""
    visitors = [await come(name) for name in ("Ada", "Bob", "Cyd")]

    async def talk(visitor: Widget, name: str) -> None:
        for number in range(5):
            await visitor.say(f"{name} {number}")

    await asyncio.gather(*map(talk, visitors, ("Ada", "Bob", "Cyd")))
    expected = {f"{name} {number}" for name in ("Ada", "Bob", "Cyd") for number in range(5)}

    async def logs() -> list[list[str]]:
        return [
            [line.text for line in await visitor.messages() if line.sender != "system"]
            for visitor in visitors
        ]

    async def whole() -> bool:
        return all(set(log) == expected for log in await logs())

    await eventually(whole, 10.0, "all has come to all")
    first, second, third = await logs()
    assert len(first) == len(expected)
    assert first == second == third
    senders = {line.text: line.sender for line in await visitors[0].messages()}
    assert senders["Bob 3"] == "Bob"
    assert senders["Ada 3"] == "visitor"


async def test_without_sockets_the_room_is_the_same(come: Come) -> None:
    """Who has to do with requests hears the others at once, and is heard by them."""
    ada = await come("Ada")
    bob = await come("Bob", script="delete window.WebSocket")
    await ada.say("Can you hear me?")
    await bob.wait_for_message("Can you hear me?")
    await bob.say("Yes, Ada")
    await ada.wait_for_message("Yes, Ada")


async def test_the_visitors_name_is_marked_and_counted(come: Come) -> None:
    """In the open panel it is marked; on the closed button there is a number, until it is seen."""
    ada, bob = await come("Ada"), await come("Bob")
    await bob.say("Nothing for anybody")
    await ada.wait_for_message("Nothing for anybody")
    await ada.close()
    await bob.say("Where is @Ada?")
    await eventually(ada.unread, what="the number on the button")
    assert await ada.unread() == "1"
    await ada.button.click()
    mark = ada.log.locator("mark")
    await mark.wait_for()
    assert await mark.all_text_contents() == ["@Ada"]
    await ada.close()
    assert await ada.unread() == ""


async def test_a_name_is_one_persons(come: Come) -> None:
    """A name that is taken is refused beside the field, and another one is taken instead."""
    await come("Ada")
    other = await come()
    await join(other, "ada")
    wrong = other.page.locator("parley-chat").get_by_role("alert")
    await eventually(wrong.text_content, what="the refusal")
    assert await wrong.text_content() == "This name is not available"
    await join(other, "Bob")
    await other.say("Here I am")


async def test_who_is_there_is_told_and_found(come: Come) -> None:
    """The number of people follows who comes; the list has them, and a search finds one."""
    ada = await come("Ada")
    await come("Bob")
    await come("Cyd")
    await button(ada, "3 people").click(timeout=10_000)

    async def listed(*expected: str) -> bool:
        return await names(ada) == list(expected)

    await eventually(lambda: listed("Ada", "Bob", "Cyd"), what="all of them")
    await ada.page.locator("parley-chat").get_by_role("searchbox", name="Search").fill("cy")
    await eventually(lambda: listed("Cyd"), what="the one")


async def test_a_reload_and_a_kill_leave_the_visitor_in_the_room(
    come: Come, parley: Parley
) -> None:
    """After both, old lines are there and new ones come, without asking for the name again."""
    ada, bob = await come("Ada"), await come("Bob")
    await ada.say("one")
    await bob.page.reload()
    await bob.wait_for_message("one")
    parley.kill()
    await parley.start()
    await ada.say("two")
    line = await bob.wait_for_message("two", timeout=20.0)
    assert line.sender == "Ada"
    assert [line.text for line in await bob.messages() if line.sender != "system"] == ["one", "two"]


async def test_what_was_sent_is_in_the_field_no_more(come: Come) -> None:
    """Neither on the next page, nor once a line was corrected."""
    ada = await come("Ada")
    await ada.say("one")
    await ada.page.reload()
    await ada.wait_for_message("one")
    assert await ada.field.input_value() == ""
    await ada.say("to")
    message = ada.log.locator(".row", has_text="to").last
    await message.locator("[part~=bubble]").hover()
    await message.get_by_role("button", name="Message options").click()
    await ada.page.get_by_role("menuitem", name="Edit").click()
    await ada.field.fill("two")
    await ada.send.click()
    await ada.wait_for_message("two")
    assert await ada.field.input_value() == ""


async def test_it_is_accessible(come: Come) -> None:
    """axe finds nothing wrong with the question for a name, the talk and the members."""
    ada = await come()
    assert await axe.faults(ada.page) == []
    await join(ada, "Ada")
    bob = await come("Bob")
    await bob.say("Hello, Ada!")
    await ada.wait_for_message("Hello, Ada!")
    assert await axe.faults(ada.page) == []
    await button(ada, "2 people").click(timeout=10_000)
    await eventually(lambda: names(ada), what="the members")
    assert await axe.faults(ada.page) == []


@pytest.fixture
async def ann(parley: Parley, operator: Login) -> Occupant:
    """The operator, in the room with a Jabber client."""
    room = Occupant(await operator("ann"), f"lobby%{SITE}@{parley.server.domain}", "Ann")
    await room.join()
    return room


async def test_with_an_operator_there_is_a_word_in_private(come: Come, ann: Occupant) -> None:
    """The list has the operator first, and leads to the desk's talk, which the room never hears."""
    ada = await come("Ada")
    await ada.say("Hello all")
    await ann.hears("Hello all", "Ada")
    ann.say("Hello, Ada")
    assert (await ada.wait_for_message("Hello, Ada")).sender == "Ann"
    await button(ada, "2 people").click(timeout=10_000)

    async def listed() -> bool:
        return await names(ada) == ["Ann", "Ada"]

    await eventually(listed, what="the operator, then the visitor")
    await button(ada, "Private message").click()
    await ada.say("Between us")
    await ann.client.wait_for_message("Between us")
    assert [body for _, body in ann.lines()] == ["Hello all", "Hello, Ada"]


async def test_who_is_made_to_go_may_come_again(come: Come, ann: Occupant) -> None:
    """A kick says so and asks for the name; by itself, nobody who was kicked comes back."""
    ada = await come("Ada")
    await ann.sees("Ada")
    await ann.administrate(nick="Ada", role="none")
    await asked_name(ada).wait_for()
    alert = ada.page.locator("parley-chat").get_by_role("alert")
    assert await alert.text_content() == "You were removed from this room"
    await ada.page.reload()
    await asked_name(ada).wait_for()
    await join(ada, "Ada")
    await ada.say("Sorry")
    await ann.hears("Sorry", "Ada")


async def test_who_has_no_voice_is_told(come: Come, ann: Occupant, parley: Parley) -> None:
    """A line of who may not speak stays behind, marked, until there is voice again.

    A crash gives them none.
    """
    ada = await come("Ada")
    await ann.sees("Ada")
    note = ada.page.locator("parley-chat").get_by_text("You can only read here")

    async def mute() -> bool:
        asked = f'<query xmlns="{ns.MUC_ADMIN}"><item role="visitor"/></query>'
        return 'nick="Ada"' in ET.tostring((await ann.ask("get", asked)).xml, "unicode")

    await ann.administrate(nick="Ada", role="visitor")
    await note.wait_for(timeout=10_000)
    parley.kill()
    await parley.start()
    await eventually(mute, 30.0, "both have come again")
    await note.wait_for()
    await ada.say("Hello?")
    await button(ada, "Retry").wait_for()
    assert ann.lines() == []
    await ann.administrate(nick="Ada", role="participant")
    await note.wait_for(state="detached")
    await button(ada, "Retry").click()
    await ann.hears("Hello?", "Ada")
