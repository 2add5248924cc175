"""Corrections, retractions, reactions, replies and files, over a real Prosody, both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from parley.private_prosody import PrivateProsody
from switchboard import events
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.model import Act, Attachment, Message, Visit
from switchboard.reception import Talks
from switchboard.reception.talks import visitor_sender
from switchboard.store import open_store
from tests.e2e.support.bridge import Bridge, bridge
from tests.e2e.support.operator import DISCO_INFO, Operator, Received
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.rpc import call
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]
LINK = "https://up.example/a1/plan%20b.pdf"


@pytest.fixture
async def desk(tmp_path: Path, prosody: PrivateProsody) -> AsyncIterator[Bridge]:
    """A linked gateway whose site has the operators ann and bob."""
    people = {"ann@localhost": "Ann", "bob@localhost": "Bob"}
    async with bridge(tmp_path, prosody, people) as running:
        await running.linked()
        yield running


def jid(visit: Visit) -> str:
    return f"{visit.visitor}@{visit.domain}"


async def began(desk: Bridge, ann: Operator) -> tuple[Visit, Received, str]:
    """A talk of two lines: the visitor's as Ann got it, and hers by its id."""
    visit = desk.arrive()
    await desk.talks.say(visit, "c1", "Is it blue? 👍")
    hers = await ann.wait_for_message("Is it blue? 👍", jid(visit))
    own = ann.send_message_to(jid(visit), "it is geen")
    await eventually(lambda: told(desk, visit, Act.SAY, 2), 10.0)
    return visit, hers, own


def told(desk: Bridge, visit: Visit, act: Act, count: int = 1) -> Message | None:
    """The row that so many of that act have brought to the visitor's side."""
    rows = [
        one.message
        for one in desk.told[visit.visitor]
        if isinstance(one, events.Committed) and one.message.act is act
    ]
    return rows[count - 1] if len(rows) >= count else None


def reacts(one: Received, to: str, emoji: tuple[str, ...]) -> bool:
    return one.reactions == (to, emoji)


async def amend(desk: Bridge, visit: Visit, act: Act, target: int, body: str = "") -> None:
    """The visitor changes a line."""
    who = visitor_sender(visit)
    await desk.talks.amend(who, visit.visitor, visit.site, visit.domain, act, target, body)


async def lines(desk: Bridge, visit: Visit) -> list[Message]:
    return await desk.talks.history(visit.visitor, None, 100)


class TestCorrections:
    """XEP-0308."""

    async def test_of_an_operator(self, desk: Bridge, operator: Login) -> None:
        """The visitor's side hears of it, and the line stands corrected."""
        ann = await operator("ann")
        visit, _, own = await began(desk, ann)
        ann.send_correction(jid(visit), own, "it is green")
        row = await eventually(lambda: told(desk, visit, Act.EDIT), 10.0)
        assert (row.target, row.body) == (2, "it is green")
        assert [line.body for line in await lines(desk, visit)] == ["Is it blue? 👍", "it is green"]

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """It names the message that the operator has, and counts when it is confirmed."""
        ann = await operator("ann")
        visit, hers, _ = await began(desk, ann)
        await amend(desk, visit, Act.EDIT, 1, "Is it red?")
        got = await ann.wait_for_message("Is it red?", jid(visit))
        assert got.replaces == hers.id
        await eventually(lambda: any(one.delivered == 3 for one in desk.receipts(visit)), 10.0)


class TestRetractions:
    """XEP-0424."""

    async def test_of_an_operator(self, desk: Bridge, operator: Login) -> None:
        """Its fallback is no line."""
        ann = await operator("ann")
        visit, _, own = await began(desk, ann)
        ann.send_retraction(jid(visit), own)
        row = await eventually(lambda: told(desk, visit, Act.RETRACT), 10.0)
        assert row.target == 2
        assert [line.body for line in await lines(desk, visit)] == ["Is it blue? 👍", ""]

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """A client that knows retractions shows no words, another can read what happened."""
        ann = await operator("ann")
        visit, hers, _ = await began(desk, ann)
        await amend(desk, visit, Act.RETRACT, 1)
        got = await ann.wait_for(lambda one: one.retracts == hers.id)
        assert "took back" in (got.body or "")
        assert got.own_words == ""
        await eventually(lambda: any(one.delivered == 3 for one in desk.receipts(visit)), 10.0)

    async def test_of_somebody_elses_line(self, desk: Bridge, operator: Login) -> None:
        """Is refused as a stanza error, and nothing changes."""
        ann = await operator("ann")
        visit, hers, _ = await began(desk, ann)
        id = ann.send_retraction(jid(visit), hers.id)
        error = await ann.wait_for(lambda one: one.type == "error" and one.id == id)
        assert "forbidden" in error.text
        assert (await lines(desk, visit))[0].body == "Is it blue? 👍"


class TestReactions:
    """XEP-0444."""

    async def test_of_an_operator(self, desk: Bridge, operator: Login) -> None:
        """Chosen, chosen otherwise, and taken back; the fallback is no line."""
        ann = await operator("ann")
        visit, hers, _ = await began(desk, ann)
        for number, emoji in enumerate((["👍", "🎉"], ["🎉"], []), 1):
            ann.send_reactions(jid(visit), hers.id, *emoji)
            row = await eventually(partial(told, desk, visit, Act.REACT, number), 10.0)
            assert [one.emoji for one in row.reactions] == emoji
        assert len(await lines(desk, visit)) == 2

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """On the operator's own line by the operator's own id, on the visitor's by ours."""
        ann = await operator("ann")
        visit, hers, own = await began(desk, ann)
        for target, id in ((2, own), (1, hers.id)):
            await amend(desk, visit, Act.REACT, target, "👍 ❤️")
            got = await ann.wait_for(partial(reacts, to=id, emoji=("👍", "❤️")))
            assert got.own_words == ""
            assert (got.body or "").startswith("👍 ❤️ to “")
            await amend(desk, visit, Act.REACT, target, "")
            await ann.wait_for(partial(reacts, to=id, emoji=()))


class TestReplies:
    """XEP-0461 with XEP-0428."""

    async def test_of_an_operator(self, desk: Bridge, operator: Login) -> None:
        """The quotation is cut out by its characters, not its bytes or UTF-16 units."""
        ann = await operator("ann")
        visit, hers, _ = await began(desk, ann)
        ann.send_reply(jid(visit), hers.id, "Is it blue? 👍", "No.")
        row = await eventually(lambda: told(desk, visit, Act.SAY, 3), 10.0)
        assert (row.body, row.reply_to) == ("No.", 1)

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """It names the operator's own message."""
        ann = await operator("ann")
        visit, _, own = await began(desk, ann)
        await desk.talks.say(visit, "c2", "Really? 👍", reply_to=2)
        got = await ann.wait_for_message("> it is geen\nReally? 👍", jid(visit))
        assert got.replies_to == own
        assert got.own_words == "Really? 👍"


class TestFiles:
    """XEP-0066."""

    async def test_of_an_operator(self, desk: Bridge, operator: Login) -> None:
        """A link becomes an attachment."""
        ann = await operator("ann")
        visit, _, _ = await began(desk, ann)
        ann.send_file(jid(visit), LINK)
        row = await eventually(lambda: told(desk, visit, Act.SAY, 3), 10.0)
        assert row.attachment == Attachment(LINK, "plan b.pdf")

    async def test_of_a_visitor(self, desk: Bridge, operator: Login) -> None:
        """An attachment becomes a link, which is all of the body."""
        ann = await operator("ann")
        visit, _, _ = await began(desk, ann)
        file = Attachment(LINK, "plan b.pdf", "application/pdf", 12)
        await desk.talks.say(visit, "c2", "plan b.pdf", attachment=file)
        got = await ann.wait_for(lambda one: one.link == LINK)
        assert got.body == LINK


async def test_visitors_say_what_they_know(desk: Bridge, operator: Login) -> None:
    """So that clients offer it (XEP-0030)."""
    ann = await operator("ann")
    visit = desk.arrive()
    id = ann.send_iq(f"{jid(visit)}/web", "get", ET.Element(DISCO_INFO + "query"))
    answer = await ann.wait_for(lambda one: one.kind == "iq" and one.id == id)
    for feature in ("message-correct:0", "message-retract:1", "reactions:0", "reply:0"):
        assert f"urn:xmpp:{feature}" in answer.text


async def test_changes_survive_the_kill_of_parley(
    tmp_path: Path, prosody: PrivateProsody, operator: Login
) -> None:
    """SIGKILL: what was stored stands, both ways, and reaches the other side afterwards."""
    parley = Parley(tmp_path / "parley", prosody)
    await parley.set_up({"ann@localhost": "Ann"})
    await parley.start()
    try:
        ann = await operator("ann")
        page = {"url": "https://shop.example/", "title": "T", "referrer": "", "visible": True}
        hello = (await call(parley, "hello", site=SITE, page=page))["result"]
        await call(parley, "say", token=hello["token"], id="c1", body="Is it bleu?")
        visit = Visit(hello["visitor"]["id"], SITE, prosody.domain)
        hers = await ann.wait_for_message("Is it bleu?", jid(visit))
        own = ann.send_message_to(jid(visit), "it is geen")
        ann.send_correction(jid(visit), own, "it is green")

        def stored() -> bool:
            return "it is green" in [line["body"] for line in parley.transcript()]

        await eventually(lambda: asyncio.to_thread(stored), 20.0, "the correction is stored")
        parley.kill()
        # Stored as by a process that was killed before it could tell anybody.
        store = await open_store(f"sqlite:///{parley.folder}/parley.db", clock=SystemClock())
        talks = Talks(store, MemoryBus(), SystemClock(), 4000)
        who = visitor_sender(visit)
        edit = (visit.visitor, visit.site, visit.domain, Act.EDIT, 1, "Is it blue?")
        await talks.amend(who, *edit)
        await store.close()
        await parley.start()
        got = await ann.wait_for_message("Is it blue?", jid(visit), timeout=15.0)
        corrections = [one for one in ann.messages(jid(visit)) if one.replaces == hers.id]
        assert [one.body for one in corrections] == ["Is it blue?"]
        assert got.sender.startswith(jid(visit))
        left = await asyncio.to_thread(parley.transcript)
        assert [line["body"] for line in left][:2] == ["Is it blue?", "it is green"]
    finally:
        parley.end()
