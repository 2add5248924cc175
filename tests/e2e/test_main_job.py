"""The main job: a visitor in a real Chromium and an operator in a real Jabber client talk."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from parley.private_prosody import PrivateProsody
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.browser import Widget
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, TITLE, Parley
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.rpc import call, post
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]


@pytest.fixture
def shop() -> Iterator[Website]:
    """The site that visitors read."""
    with website() as running:
        yield running


@pytest.fixture
async def parley(tmp_path: Path, prosody: PrivateProsody, shop: Website) -> AsyncIterator[Parley]:
    """`parley run` for that site, with the operators ann and bob."""
    running = Parley(tmp_path / "parley", prosody, origin=shop.url)
    await running.set_up({"ann@localhost": "Ann", "bob@localhost": "Bob"})
    shop.snippet = running.order("snippet", SITE)
    await running.start()
    yield running
    running.end()


@pytest.fixture
async def visitor(browser: Browser, parley: Parley, shop: Website) -> AsyncIterator[Widget]:
    """A visitor on a page of the shop; whatever the page's console says is an error."""
    context = await browser.new_context()
    page = await context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.goto(f"{shop.url}/prices")
    yield Widget(page)
    await context.close()
    assert said == []


async def visitor_name(parley: Parley, operator: Operator) -> str:
    """The bare JID of the one visitor whom an operator sees online."""

    def only() -> str | None:
        online = [
            jid
            for jid, contact in operator.roster().items()
            if contact.groups == (TITLE,)
            and not jid.startswith(f"{SITE}@")
            and (presence := operator.presence_of(jid)) is not None
            and presence.type == ""
        ]
        return online[0] if len(online) == 1 else None

    return await eventually(only, 10.0, "one visitor online")


async def test_a_visitor_and_profanity_talk(
    parley: Parley, visitor: Widget, profanity: Profanity
) -> None:
    """A buddy appears, a message goes each way, typing shows each way, receipts come back."""
    await profanity.connect("ann@localhost", PASSWORD, parley.server.c2s_port)
    roster = await profanity.wait_for_roster(re.compile(r"Visitor \w{4}"))
    assert TITLE in roster
    await profanity.wait_for_roster("Page /prices")
    name = re.search(r"Visitor \w{4}", roster)
    assert name is not None
    await visitor.open()
    await eventually(visitor.desk)
    await visitor.say("Is the quiet one in stock?")
    await profanity.open_chat(name[0])
    await profanity.wait_for("Is the quiet one in stock?")
    await visitor.wait_for_status("Delivered")
    profanity.type_text("Yes")
    await eventually(visitor.typing, 10.0, "the visitor sees that Ann types")
    profanity.type(", three of them")
    line = await visitor.wait_for_message("Yes, three of them")
    assert line.sender == "Ann"
    await eventually(lambda: profanity.has_receipt("Yes, three of them"), 10.0, "the receipt")
    await visitor.type_text("Then I tak")
    await profanity.wait_for(re.compile("typing", re.IGNORECASE))
    await visitor.field.fill("")
    stored = await asyncio.to_thread(parley.transcript)
    assert [line["body"] for line in stored] == ["Is the quiet one in stock?", "Yes, three of them"]


async def test_the_page_is_the_status_and_a_reload_is_no_news(
    parley: Parley, visitor: Widget, operator: Login, shop: Website
) -> None:
    """Name, page, away when hidden; a page change changes the status and not the presence."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await ann.wait_for(lambda one: "Page /prices" in (one.child_text("status") or ""))
    count = len(ann.received)
    await visitor.page.goto(f"{shop.url}/other?token=secret#part")
    changed = await ann.wait_for(lambda one: "Page /other" in (one.child_text("status") or ""))
    assert "secret" not in changed.text
    assert not [one for one in ann.received[count:] if one.type == "unavailable"]
    await visitor.page.context.close()
    await eventually(lambda: (p := ann.presence_of(jid)) and p.type == "unavailable", 10.0)
    await eventually(lambda: jid not in ann.roster(), 10.0, "the entry goes")


async def test_a_talk_survives_the_kill_of_parley(
    parley: Parley, visitor: Widget, operator: Login
) -> None:
    """SIGKILL in the middle: the talk goes on, nothing is lost or doubled, presence is right."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    await visitor.say("one")
    await ann.wait_for_message("one", jid)
    ann.send_message_to(jid, "answer one", request_receipt=True)
    await visitor.wait_for_message("answer one")
    parley.kill()
    await visitor.say("two")
    await parley.start()
    started = asyncio.get_running_loop().time()
    await ann.wait_for_message("two", jid, timeout=15.0)
    ann.send_message_to(jid, "answer two", request_receipt=True)
    await visitor.wait_for_message("answer two")
    await visitor.say("three")
    await ann.wait_for_message("three", jid)
    wanted = ["one", "answer one", "two", "answer two", "three"]
    assert await visitor.texts() == wanted
    stored = await asyncio.to_thread(parley.transcript)
    assert [line["body"] for line in stored] == wanted
    await asyncio.sleep(max(0.0, started + 10.0 - asyncio.get_running_loop().time()))
    presence = ann.presence_of(jid)
    assert presence is not None
    assert presence.type == ""
    assert "Page /prices" in (presence.child_text("status") or "")
    assert jid in ann.roster()
    assert not [one for one in ann.received if one.type == "unsubscribed"]


async def test_a_talk_survives_the_kill_of_the_jabber_server(
    parley: Parley, visitor: Widget, operator: Login
) -> None:
    """`/readyz` says so, the message waits and arrives once, and presence is right."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    await visitor.say("one")
    await ann.wait_for_message("one", jid)
    ann.send_message_to(jid, "answer one")
    await visitor.wait_for_message("answer one")
    parley.server.kill()
    await eventually(lambda: parley.ready()[0] == 503, 5.0, "/readyz says so")
    await visitor.say("two")
    await visitor.wait_for_status("Sent")
    await parley.server.start()
    await eventually(lambda: parley.ready()[0] == 200, 5.0, "linked within 5 s")
    back = await operator("ann", resource="again")
    await back.wait_for_message("two", jid)
    presence = await eventually(lambda: back.presence_of(jid), 10.0)
    assert presence.type == ""
    assert jid in back.roster()
    back.send_message_to(jid, "answer two")
    await visitor.wait_for_message("answer two")
    assert await visitor.texts() == ["one", "answer one", "two", "answer two"]
    stored = await asyncio.to_thread(parley.transcript)
    assert [line["body"] for line in stored] == ["one", "answer one", "two", "answer two"]


async def test_a_reload_keeps_the_talk(parley: Parley, visitor: Widget, operator: Login) -> None:
    """Log, open panel and draft are there again; what was written meanwhile too."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    await visitor.say("one")
    await ann.wait_for_message("one", jid)
    await visitor.field.fill("a draft")
    await visitor.page.reload()
    await visitor.field.wait_for()
    assert await visitor.texts() == ["one"]
    assert await visitor.field.input_value() == "a draft"
    assert await visitor.field.get_attribute("rows") == "1"
    ann.send_message_to(jid, "while you looked away", request_receipt=True, markable=True)
    await visitor.wait_for_message("while you looked away")
    await ann.wait_for(lambda one: one.displayed is not None)
    assert await visitor.texts() == ["one", "while you looked away"]


async def test_the_visitor_sees_that_it_was_read(
    parley: Parley, visitor: Widget, operator: Login
) -> None:
    """`Read` stands below a line once the operator's client has displayed it (XEP-0333)."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    await visitor.say("one")
    line = await ann.wait_for_message("one", jid)
    await visitor.wait_for_status("Delivered")
    ann.send_displayed(jid, line.id)
    await visitor.wait_for_status("Read")


async def test_a_reply_to_a_visitor_who_has_gone_is_shown_on_return(
    parley: Parley, visitor: Widget, operator: Login, shop: Website
) -> None:
    """It is stored, the operator is told, and the visitor finds it."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    await visitor.say("one")
    await ann.wait_for_message("one", jid)
    await visitor.page.goto("about:blank")
    await eventually(lambda: (p := ann.presence_of(jid)) and p.type == "unavailable", 10.0)
    ann.send_message_to(jid, "for later", id="l1", request_receipt=True)
    await ann.wait_for(lambda one: "is not on the site now" in (one.body or ""))
    assert not [one for one in ann.received if one.receipt_for == "l1"]
    await visitor.page.goto(f"{shop.url}/back")
    await visitor.field.wait_for()  # it is open, as it was
    await visitor.wait_for_message("for later")
    await ann.wait_for(lambda one: one.receipt_for == "l1")


async def test_a_new_operator_counts_within_three_seconds(
    parley: Parley, visitor: Widget, operator: Login
) -> None:
    """`parley operator add` and `remove` act on the running process."""
    await parley.server.add_user("carol", PASSWORD)
    carol = await operator("carol")
    await visitor.open()
    assert await visitor.desk() == "Nobody is here right now"
    parley.must("operator", "add", SITE, "carol@localhost")
    jid = await visitor_name(parley, carol)
    await eventually(lambda: _desk_is(visitor, "Online now"), 4.0)
    parley.must("operator", "remove", SITE, "carol@localhost")
    await eventually(lambda: jid not in carol.roster(), 6.0, "the entry goes")
    await eventually(lambda: _desk_is(visitor, "Nobody is here right now"), 4.0)


async def test_hostile_text_is_text(parley: Parley, visitor: Widget, operator: Login) -> None:
    """Markup and forbidden characters, both ways: shown as text, and no stream falls."""
    ann = await operator("ann")
    jid = await visitor_name(parley, ann)
    await visitor.open()
    markup = '<img src=x onerror="document.title=1"> & </body> ]]> \u202egnp.exe'
    await visitor.field.fill(markup)
    await visitor.send.click()
    await visitor.wait_for_message(markup.replace("\u202e", ""))
    line = await ann.wait_for(lambda one: (one.body or "").startswith("<img"))
    assert line.body == markup.replace("\u202e", "")
    ann.send_message_to(jid, "<script>alert(1)</script>")
    await visitor.wait_for_message("<script>alert(1)</script>")
    assert await visitor.page.title() == "Page /prices"
    assert parley.ready()[0] == 200


async def test_no_text_makes_the_stream_fall(parley: Parley, operator: Login) -> None:
    """Whatever a program can send in any field: cleaned or refused, and the link stays."""
    ann = await operator("ann")
    nasty = "".join(map(chr, [*range(32), 127, 0x85, 0x202E, 0xFFFE, 0xFFFF])) + "<&>\"']]>"
    page = {"url": "https://x.example/" + nasty, "title": nasty, "referrer": nasty}
    hello = await call(
        parley, "hello", site=SITE, name=f"a{nasty}", locale=nasty, page={**page, "visible": True}
    )
    token = hello["result"]["token"]
    jid = f"{hello['result']['visitor']['id']}@chat.localhost"
    for number, character in enumerate(nasty):
        said = await call(parley, "say", token=token, id=f"c{number}", body=f"x{character}y")
        assert said["result"]["seq"] == number + 1
    await eventually(lambda: len(ann.messages(jid)) == len(nasty), 10.0)
    for wrong, reason in (("x" * 4001, "too_long"), ("\x00", "invalid"), (" ", "invalid")):
        refused = await call(parley, "say", token=token, id="w", body=wrong)
        assert refused["error"]["data"]["reason"] == reason
    for id in ("i\x00d", "i\nd", "", "x" * 65):
        refused = await call(parley, "say", token=token, id=id, body="x")
        assert refused["error"]["data"]["reason"] == "invalid"
    lone = b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"site":"shop","name":"\\ud800"}}'
    assert (await post(parley, lone))["error"]["code"] == -32700
    ann.send_message_to(jid, "y" * 4001, id="long")
    error = await ann.wait_for(lambda one: one.type == "error" and one.id == "long")
    assert "at most 4000 characters" in error.text
    assert parley.ready()[0] == 200
    assert "lost" not in parley.log()


async def test_a_frozen_jabber_server_is_noticed(parley: Parley) -> None:
    """Our own pings find out within 20 s, and the link is back once it wakes."""
    pid = parley.server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await eventually(lambda: parley.ready()[0] == 503, 25.0, "the link is noticed as dead")
    finally:
        os.kill(pid, signal.SIGCONT)
    await eventually(lambda: parley.ready()[0] == 200, 10.0, "the link is back")


async def test_a_message_into_the_dark_is_sent_later(
    parley: Parley, visitor: Widget, operator: Login
) -> None:
    """A message written while nothing answers is shown as waiting, and sent once it can be."""
    await operator("ann")
    await visitor.open()
    parley.kill()
    await visitor.say("into the dark")
    assert (await visitor.status_of_last()) not in ("Sent", "Delivered", "Read")
    await parley.start()
    await eventually(lambda: _status_is(visitor, {"Sent", "Delivered", "Read"}), 20.0, "it is sent")
    assert await visitor.texts() == ["into the dark"]


async def _desk_is(visitor: Widget, words: str) -> bool:
    return await visitor.desk() == words


async def _status_is(visitor: Widget, wanted: set[str]) -> bool:
    return await visitor.status_of_last() in wanted
