"""Hostile clients get the error that XEP-0045 names, and others notice nothing."""

from __future__ import annotations

import pytest

from gateway import namespaces as ns
from gateway.muc.entering import ENTRIES_MOST, MOST_CLIENTS_EACH
from gateway.muc.requests import STATUS_CHARS
from gateway.xml import element, text
from tests.edge.gateway.jabber_user import ROOM, C, JabberUser, error_of
from tests.edge.gateway.shop import DOMAIN, SETTINGS, Shop

MOST = SETTINGS.messages_per_minute


@pytest.fixture
async def ann(ann: JabberUser) -> JabberUser:
    """Who should notice nothing from now on."""
    ann.forget()
    return ann


@pytest.fixture
def mallory(rooms: Shop) -> JabberUser:
    return JabberUser(rooms, "mallory@example.net/x")


async def test_a_flood_of_joins(ann: JabberUser, mallory: JabberUser) -> None:
    """§7.2.9: who comes too often waits."""
    for _ in range(ENTRIES_MOST + 10):
        await mallory.joins("Mal")
        await mallory.leaves("Mal")
    assert mallory.error() == ("resource-constraint", "wait")
    assert len(ann.presences("Mal")) == 2 * ENTRIES_MOST


async def test_a_flood_of_clients(rooms: Shop, ann: JabberUser) -> None:
    """§7.2.9: one bare JID has so many clients in a room and no more."""
    for number in range(MOST_CLIENTS_EACH + 1):
        user = JabberUser(rooms, f"mallory@example.net/{number}")
        await user.joins("Mal")
    assert user.error() == ("service-unavailable", "wait")
    assert len(ann.presences("Mal")) == 1


async def test_a_flood_of_lines(ann: JabberUser, mallory: JabberUser, eve: JabberUser) -> None:
    """§7.2.9's error: one alone does not use up what a room may say, nor fills a window."""
    await mallory.joins("Mal")
    for number in range(MOST // 2 + 5):
        await mallory.says(f"buy {number}")
        await mallory.message("/Ann", "chat", text("body", f"buy {number}"))
    assert mallory.error() == ("resource-constraint", "wait")
    private = [one for one in ann.got if one.get("type") == "chat"]
    assert len(ann.lines()) + len(private) == MOST
    await eve.says("still here")
    assert ann.lines()[-1] == ("Eve", "still here")


async def test_a_race_for_a_nick(rooms: Shop, ann: JabberUser) -> None:
    """§7.2.8: of two at once one has it."""
    users = [JabberUser(rooms, f"{name}@example.net/x") for name in ("mal", "mel")]
    join = element("x", {"xmlns": ns.MUC})
    for user in users:
        rooms._hears(f'<presence from="{user.jid}" to="{ROOM}/Mal">{join}</presence>')
    await rooms.settled()
    assert users[1].error() == ("conflict", "cancel")
    assert len(ann.presences("Mal")) == 1


@pytest.mark.parametrize("nick", ["Ann", "ANN", "Αnn", "A n n", "Bob", "admin", "Moderator"])
async def test_whose_name_it_is_not(ann: JabberUser, mallory: JabberUser, nick: str) -> None:
    """§7.2.8: an operator's name, one that looks like it, and the house's own are taken."""
    await mallory.joins(nick)
    assert mallory.error() == ("conflict", "cancel")
    assert ann.got == []


async def test_a_huge_status(ann: JabberUser, mallory: JabberUser) -> None:
    """§7.7: a presence that is too large is refused, and the one before stays."""
    await mallory.joins("Mal")
    told = len(ann.got)
    await mallory.presence("/Mal", text("status", "x" * (STATUS_CHARS + 1)))
    assert mallory.error() == ("policy-violation", "modify")
    assert len(ann.got) == told


async def test_what_else_is_in_a_presence(ann: JabberUser, mallory: JabberUser) -> None:
    """§7.2.2, XEP-0421 §3: nothing that a client says of its own standing reaches anybody."""
    forged = element("x", {"xmlns": ns.MUC_USER}, element("item", {"affiliation": "owner"}))
    delay = element("delay", {"xmlns": ns.DELAY, "stamp": "2001-01-01T00:00:00Z"})
    await mallory.joins("Mal", more=forged + delay)
    [told] = ann.presences("Mal")
    assert [one.get("affiliation") for one in told.iter(f"{{{ns.MUC_USER}}}item")] == ["none"]
    assert told.find(f"{{{ns.DELAY}}}delay") is None


async def test_what_else_is_in_a_message(ann: JabberUser, mallory: JabberUser) -> None:
    """§7.4: a line has what was committed and nothing else of the stanza."""
    await mallory.joins("Mal")
    ann.forget()
    delay = element("delay", {"xmlns": ns.DELAY, "stamp": "2001-01-01T00:00:00Z"})
    forged = element("x", {"xmlns": ns.MUC_USER}, element("status", {"code": "301"}))
    await mallory.says("hello", delay, forged)
    [line] = ann.got
    assert [one.tag.rpartition("}")[2] for one in line] == ["body", "stanza-id", "occupant-id"]


async def test_a_long_id(ann: JabberUser, mallory: JabberUser) -> None:
    """An id that could not be kept is a bad request."""
    await mallory.joins("Mal")
    ann.forget()
    await mallory.says("hello", id="i" * 2000)
    assert mallory.error() == ("bad-request", "modify")
    assert ann.got == []


async def test_errors_are_not_answered(ann: JabberUser, mallory: JabberUser) -> None:
    """RFC 6120 §8.3.1: nothing that is an error gets one."""
    for kind in ("message", "presence", "iq"):
        await mallory.shop.hears(f'<{kind} type="error" from="{mallory.jid}" to="{ROOM}/Ann"/>')
    assert mallory.got == ann.got == []


@pytest.mark.parametrize("local", ["%", "lobby%", "%shop", "lobby%shop%shop", "lobby%other"])
async def test_no_such_room(rooms: Shop, ann: JabberUser, local: str) -> None:
    """§7.2.11: a JID like a room's that is none."""
    user = JabberUser(rooms, "mallory@example.net/x", f"{local}@{DOMAIN}")
    await user.joins("Mal")
    assert user.error() == ("item-not-found", "cancel")


async def test_unknown_questions(ann: JabberUser, mallory: JabberUser) -> None:
    """RFC 6120 §8.4: what nobody knows is service-unavailable."""
    answer = await mallory.asks("set", '<query xmlns="jabber:iq:roster"/>')
    assert error_of(answer) == ("service-unavailable", "cancel")
    assert all(one.tag != C + "iq" for one in ann.got)
