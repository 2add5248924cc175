"""Invitations by way of the room (XEP-0045 §7.8, XEP-0249)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway.muc.invitations import MOST_AT_ONCE
from gateway.outbound import NOTHING
from gateway.xml import Xml, element, text
from switchboard.model import Act
from switchboard.rooms import Affiliation, RoomSettings
from tests.edge.gateway.jabber_user import ROOM, USER, C, JabberUser, child
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import DOMAIN, Shop

PAT = "pat@example.net"


def invite(*to: str, reason: str = "", more: Xml = NOTHING) -> Xml:
    """What who invites sends to the room."""
    why = [text("reason", reason)] if reason else []
    found = [element("invite", {"to": one}, *why, more) for one in to]
    return element("x", {"xmlns": ns.MUC_USER}, *found)


def decline(to: str, reason: str) -> Xml:
    """What who does not come sends to the room."""
    why = text("reason", reason)
    return element("x", {"xmlns": ns.MUC_USER}, element("decline", {"to": to}, why))


def to(shop: Shop, jid: str) -> list[ET.Element]:
    """The messages to a JID."""
    return [one for one in shop.sent if one.tag == C + "message" and one.get("to") == jid]


class TestInviting:
    """§7.8.2."""

    async def test_it_is_passed_on(self, rooms: Shop, eve: JabberUser) -> None:
        """From the room, by name and not by JID, with the reason."""
        await eve.message("", "normal", invite(PAT, reason="come & see"))
        [message] = to(rooms, PAT)
        assert message.get("from") == ROOM
        asked = child(child(message, ns.MUC_USER, "x"), ns.MUC_USER, "invite")
        assert asked.get("from") == f"{ROOM}/Eve"
        assert asked.findtext(f"{USER}reason") == "come & see"
        assert "eve@example.org" not in ET.tostring(message).decode()

    async def test_it_is_a_direct_one_too(self, rooms: Shop, eve: JabberUser) -> None:
        """XEP-0249 §2, and words for clients that know neither."""
        goes_on = element("continue", {"thread": "t1"})
        await eve.message("", "normal", invite(PAT, reason="come", more=goes_on))
        [message] = to(rooms, PAT)
        direct = child(message, ns.CONFERENCE, "x")
        assert direct.attrib == {
            "jid": ROOM,
            "reason": "come",
            "continue": "true",
            "thread": "t1",
        }
        assert "Eve invites you to the room Lobby" in (message.findtext(C + "body") or "")

    async def test_several(self, rooms: Shop, eve: JabberUser) -> None:
        """Each gets one (§7.9)."""
        await eve.message("", "normal", invite(PAT, "quin@example.net/web"))
        assert len(to(rooms, PAT)) == len(to(rooms, "quin@example.net/web")) == 1

    async def test_who_is_not_there(self, rooms: Shop, ann: JabberUser) -> None:
        """Invites nobody."""
        pat = JabberUser(rooms, f"{PAT}/web")
        await pat.message("", "normal", invite("quin@example.net"))
        assert pat.error() == ("not-acceptable", "modify")
        assert to(rooms, "quin@example.net") == []

    @pytest.mark.parametrize("jid", ["", "@", "a b@example.net", "@example.net", "x" * 4000])
    async def test_what_is_no_jid(self, eve: JabberUser, jid: str) -> None:
        """Is refused, and nothing goes out."""
        before = len(eve.shop.sent)
        await eve.message("", "normal", invite(jid))
        assert eve.error() == ("jid-malformed", "modify")
        assert len(eve.shop.sent) == before + 1

    async def test_operators_ask_visitors(self, rooms: Shop, ann: JabberUser, visitor: str) -> None:
        """On their page, as they have no client; beside others."""
        rooms.sits(visitor)
        await ann.message("", "normal", invite(f"{visitor}@{DOMAIN}", PAT))
        rows = await rooms.store.read(visitor, 0, 9)
        assert [(row.act, row.body, row.sender.id) for row in rows] == [
            (Act.INVITE, "lobby", "o-ann")
        ]
        assert to(rooms, f"{visitor}@{DOMAIN}") == []
        assert len(to(rooms, PAT)) == 1

    async def test_visitors_who_are_not_here(
        self, rooms: Shop, ann: JabberUser, visitor: str
    ) -> None:
        """Are not asked, nor is anybody with them."""
        await ann.message("", "normal", invite(PAT, f"{visitor}@{DOMAIN}"))
        assert ann.error() == ("item-not-found", "cancel")
        assert to(rooms, PAT) == []

    async def test_nobody_else_asks_visitors(
        self, rooms: Shop, eve: JabberUser, visitor: str
    ) -> None:
        """Whether or not they are there."""
        for _ in range(2):
            await eve.message("", "normal", invite(f"{visitor}@{DOMAIN}"))
            assert eve.error() == ("forbidden", "auth")
            rooms.sits(visitor)
        assert await rooms.store.read(visitor, 0, 9) == []

    async def test_too_many(self, rooms: Shop, eve: JabberUser) -> None:
        """Nobody floods strangers by way of the room; later it is well again."""
        for number in range(MOST_AT_ONCE):
            await eve.message("", "normal", invite(f"p{number}@example.net"))
        await eve.message("", "normal", invite(PAT))
        assert eve.error() == ("resource-constraint", "wait")
        rooms.clock.seconds += 61
        await eve.message("", "normal", invite(PAT))
        assert len(to(rooms, PAT)) == 1

    async def test_without_voice(self, rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
        """Nobody is invited."""
        await ann.sets(element("item", {"nick": "Eve", "role": "visitor"}))
        await eve.message("", "normal", invite(PAT))
        assert eve.error() == ("forbidden", "auth")


class TestMembersOnly:
    """§7.8.2, §9.3."""

    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        """Only for members, of whom eve is one."""
        members = {"eve@example.org": Affiliation.MEMBER}
        return RoomSettings(title="Lobby", members_only=True, affiliations=members)

    async def test_an_admin_makes_a_member(self, lobby: Lobby, ann: JabberUser) -> None:
        """Who was invited may come."""
        await ann.message("", "normal", invite(f"{PAT}/web"))
        assert lobby.room.settings.affiliations[PAT] is Affiliation.MEMBER
        pat = JabberUser(lobby.shop, f"{PAT}/web")
        await pat.joins("Pat")
        assert pat.presences("Pat")

    async def test_a_member_invites_nobody(self, rooms: Shop, eve: JabberUser) -> None:
        """It is forbidden."""
        await eve.message("", "normal", invite(PAT))
        assert eve.error() == ("forbidden", "auth")
        assert to(rooms, PAT) == []

    async def test_an_outcast_stays_one(self, lobby: Lobby, ann: JabberUser) -> None:
        """An invitation lifts no ban."""
        await lobby.affiliates(PAT, Affiliation.OUTCAST)
        await ann.message("", "normal", invite(PAT))
        assert lobby.room.settings.affiliations[PAT] is Affiliation.OUTCAST


class TestDeclining:
    """§7.8.2."""

    async def test_who_invited_is_told(self, rooms: Shop, eve: JabberUser) -> None:
        """By the room, with the reason, on each client."""
        await eve.message("", "normal", invite(PAT))
        pat = JabberUser(rooms, f"{PAT}/web")
        await pat.message("", "normal", decline(f"{ROOM}/Eve", "too busy"))
        message = eve.got[-1]
        assert message.get("from") == ROOM
        answer = child(child(message, ns.MUC_USER, "x"), ns.MUC_USER, "decline")
        assert answer.get("from") == PAT
        assert answer.findtext(f"{USER}reason") == "too busy"

    async def test_who_invited_and_left_is_told(self, rooms: Shop, eve: JabberUser) -> None:
        """At the bare JID."""
        await eve.message("", "normal", invite(PAT))
        await eve.leaves("Eve")
        await JabberUser(rooms, f"{PAT}/web").message("", "normal", decline("", "no"))
        assert len(to(rooms, "eve@example.org")) == 1

    async def test_strangers_reach_nobody_so(self, rooms: Shop, eve: JabberUser) -> None:
        """Who was not invited, or has declined, cannot decline."""
        pat = JabberUser(rooms, f"{PAT}/web")
        await pat.message("", "normal", decline("eve@example.org", "buy this"))
        assert pat.error() == ("item-not-found", "cancel")
        await eve.message("", "normal", invite(PAT))
        eve.forget()
        for _ in range(2):
            await pat.message("", "normal", decline("eve@example.org", "no"))
        assert len(eve.got) == 1
