"""One suite, several clients: what an operator sees and does in real Jabber clients.

Over `parley run` and a visitor in Chromium. Another client is a row in CLIENTS; another server is
a name in the `server` fixture's parameters.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from parley.private_prosody import PrivateProsody
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.bridge import Server
from tests.e2e.support.browser import Widget
from tests.e2e.support.client import JabberClient
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.mcabber import Mcabber
from tests.e2e.support.parley import SITE, TITLE, Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

SERVERS: dict[str, Callable[..., Server]] = {
    "prosody": PrivateProsody,
    "ejabberd": PrivateEjabberd,
}
CLIENTS: dict[str, Callable[[Path], JabberClient]] = {
    "profanity": Profanity,
    "mcabber": Mcabber,
}
VISITOR = re.compile(r"Visitor \w{4}")


@pytest.fixture(params=["prosody"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """A Jabber server with the account ann."""
    running = SERVERS[request.param](
        tmp_path / request.param, free_port(), free_port(), secret="s3cret"
    )
    await running.add_user("ann", PASSWORD)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(tmp_path: Path, server: Server, shop: Website) -> AsyncIterator[Parley]:
    """`parley run` for that site, with the operator ann."""
    running = Parley(tmp_path / "parley", server, origin=shop.url)
    if isinstance(server, PrivateEjabberd):
        running.use(server.api)
    await running.set_up({"ann@localhost": "Ann"})
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


@pytest.fixture
async def visitor(browser: Browser, parley: Parley, shop: Website) -> AsyncIterator[Widget]:
    """A visitor on a page of the shop."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{shop.url}/prices")
    yield Widget(page)
    await context.close()


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in CLIENTS])
async def client(
    request: pytest.FixtureRequest, tmp_path: Path, parley: Parley
) -> AsyncIterator[JabberClient]:
    """A real client that ann has signed in with."""
    running = CLIENTS[request.param](tmp_path / request.param)
    await running.connect("ann@localhost", PASSWORD, parley.server.c2s_port)
    yield running
    running.kill()


@pytest.fixture
async def mcabber_chat(mcabber: Mcabber, parley: Parley, visitor: Widget) -> Mcabber:
    """An mcabber that shows the chat with the visitor, who has written."""
    await mcabber.connect("ann@localhost", PASSWORD, parley.server.c2s_port)
    name = await visitor_in(mcabber)
    await visitor.open()
    await visitor.say("Hello")
    await mcabber.open_chat(name)
    await mcabber.wait_for("Hello")
    return mcabber


async def stored(parley: Parley, body: str) -> bool:
    """Whether a line with this body is in the log."""
    lines = await asyncio.to_thread(parley.transcript)
    return any(line["body"] == body for line in lines)


async def visitor_in(client: JabberClient) -> str:
    """The name of the one visitor, as soon as the contact list shows it in the site's group."""
    roster = await client.wait_for_roster(VISITOR)
    name = VISITOR.search(roster)
    assert name is not None
    assert TITLE in roster[: name.start()]
    return name[0]


@pytest.mark.parametrize("server", SERVERS, indirect=True)
async def test_a_talk(parley: Parley, visitor: Widget, client: JabberClient) -> None:
    """A line goes each way, each side sees the other type, and the visitor sees `Delivered`."""
    name = await visitor_in(client)
    await visitor.open()
    await visitor.say("Is the quiet one in stock?")
    await client.open_chat(name)
    await client.wait_for("Is the quiet one in stock?")
    await visitor.wait_for_status("Delivered")
    client.type_text("Yes")
    await eventually(visitor.typing, 10.0, "the visitor sees that Ann types")
    client.type(", three of them")
    line = await visitor.wait_for_message("Yes, three of them")
    assert line.sender == "Ann"
    assert not client.is_typing()
    await visitor.type_text("Then I tak")
    await eventually(client.is_typing, 10.0, client.screen)
    await visitor.say("Then I take one")
    await client.wait_for("Then I take one")
    await eventually(lambda: not client.is_typing(), what=client.screen)
    stored = await asyncio.to_thread(parley.transcript)
    assert [line["body"] for line in stored] == [
        "Is the quiet one in stock?",
        "Yes, three of them",
        "Then I take one",
    ]


async def test_typing_that_leads_to_nothing_ends(visitor: Widget, mcabber_chat: Mcabber) -> None:
    """The visitor empties the field: mcabber shows at once that nobody types."""
    await visitor.type_text("Then I tak")
    await eventually(mcabber_chat.is_typing, 10.0, mcabber_chat.screen)
    await visitor.field.fill("")
    await eventually(lambda: not mcabber_chat.is_typing(), what=mcabber_chat.screen)


async def test_mcabber_marks_a_line_until_the_browser_has_it(
    parley: Parley, visitor: Widget, mcabber_chat: Mcabber
) -> None:
    """`r->` stands before a line while the visitor's browser is cut off, then `-->`."""
    await visitor.page.context.set_offline(True)
    mcabber_chat.type("Here I am")
    await mcabber_chat.wait_for(re.compile(r"r-> Here I am$", re.MULTILINE))
    await eventually(lambda: stored(parley, "Here I am"), 10.0, "the line is stored")
    assert "Here I am" not in await visitor.texts()
    assert mcabber_chat.awaits_receipt("Here I am")
    await visitor.page.context.set_offline(False)
    await visitor.wait_for_message("Here I am", 30.0)
    await eventually(
        lambda: not mcabber_chat.awaits_receipt("Here I am"), 10.0, mcabber_chat.screen
    )


async def test_a_command(parley: Parley, visitor: Widget, client: JabberClient) -> None:
    """`!help` is answered by the desk in the visitor's chat, and the visitor sees neither."""
    name = await visitor_in(client)
    await visitor.open()
    await visitor.say("Anybody there?")
    await client.open_chat(name)
    await client.wait_for("Anybody there?")
    client.type("!help")
    await client.wait_for("[desk] Commands:")
    await client.wait_for("!end: ends the talk of this window")
    client.type("Here I am")
    await visitor.wait_for_message("Here I am")
    assert await visitor.texts() == ["Anybody there?", "Here I am"]


async def test_where_a_visitor_is(visitor: Widget, client: JabberClient, shop: Website) -> None:
    """The page is the status, a hidden page is away, and who leaves the site leaves the list."""
    name = await visitor_in(client)
    await eventually(lambda: client.status(name).startswith("Page /prices"), 10.0, client.screen)
    assert client.availability(name) == "online"
    await visitor.page.goto(f"{shop.url}/other")
    await eventually(lambda: client.status(name).startswith("Page /other"), 15.0, client.screen)
    await visitor.page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => true});"
        "document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))"
    )
    await eventually(lambda: client.availability(name) == "away", 15.0, client.screen)
    await visitor.page.goto("about:blank")
    await eventually(lambda: client.availability(name) == "", 15.0, client.screen)
