"""Corrections, retractions, reactions, replies and files, both ways, over three servers."""

from __future__ import annotations

from functools import partial
from xml.etree import ElementTree as ET

from switchboard import events
from switchboard.model import Act, Attachment, Message, Visit
from switchboard.reception.talks import visitor_sender
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import Login
from tests.e2e.support.operator import DISCO_INFO, Operator, Received
from tests.e2e.support.wait import eventually

LINK = "https://up.example/a1/plan%20b.pdf"


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
