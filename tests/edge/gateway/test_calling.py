"""Operators call a visitor, and each other, into a room (XEP-0045 §7.8 and §7.9, XEP-0249)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway.xml import Xml, element
from switchboard.model import Act
from switchboard.rooms import Seated, talk_room
from tests.edge.gateway.jabber_user import C, JabberUser
from tests.edge.gateway.shop import DOMAIN, Shop

CONFERENCE = f"{{{ns.CONFERENCE}}}x"


@pytest.fixture
async def talk(rooms: Shop, visitor: str) -> Shop:
    """Ann has a talk with the visitor, and Bob takes part."""
    for name in ("ann", "bob", "cyd"):
        await rooms.signs_in(name)
    rooms.sits(visitor)
    await rooms.says(visitor, "hello")
    await rooms.writes("ann", visitor, "good day")
    await rooms.writes("ann", visitor, "!invite @bob")
    return rooms


def calls(shop: Shop, name: str) -> list[ET.Element]:
    """The direct invitations that an operator was sent."""
    jid = f"{name}@example.org/desk"
    return [one for one in shop.sent if one.get("to") == jid and one.find(CONFERENCE) is not None]


def own_room(visitor: str) -> str:
    """The JID of the room of a visitor's talks."""
    return f"{talk_room(visitor)}%shop@{DOMAIN}"


def direct(room: str) -> Xml:
    """What clients send who invite without the room's help (XEP-0249 §2)."""
    return element("x", {"xmlns": ns.CONFERENCE, "jid": room})


async def asked_into(shop: Shop, visitor: str) -> list[str]:
    """The rooms into which the visitor's page was asked."""
    return [row.body for row in await shop.store.read(visitor, 0, 99) if row.act is Act.INVITE]


class TestRoomOfTheirOwn:
    """The command `!room`."""

    async def test_all_of_the_talk_are_called(self, talk: Shop, visitor: str) -> None:
        """The visitor on the page, each operator in it by a direct invitation, and nobody else."""
        await talk.writes("ann", visitor, "!room")
        assert await asked_into(talk, visitor) == [talk_room(visitor)]
        for name in ("ann", "bob"):
            [call] = calls(talk, name)
            invitation = call.find(CONFERENCE)
            assert invitation is not None
            assert invitation.get("jid") == own_room(visitor)
            assert invitation.get("continue") == "true"
            assert own_room(visitor) in (call.findtext(C + "body") or "")
        assert calls(talk, "cyd") == []
        assert "Bob" in talk.told("ann")[-1]

    async def test_another_may_be_named(self, talk: Shop, visitor: str) -> None:
        """Who is not in the talk is called too, once; who is not there is not."""
        await talk.writes("ann", visitor, "!room @cyd")
        assert len(calls(talk, "cyd")) == 1
        await talk.writes("ann", visitor, "!room @bob")
        assert len(calls(talk, "bob")) == 2
        await talk.signs_out("cyd")
        await talk.writes("ann", visitor, "!room @cyd")
        assert "Cyd is not online" in talk.told("ann")[-1]
        assert len(calls(talk, "cyd")) == 1

    async def test_it_is_nothing_to_read(self, talk: Shop, visitor: str) -> None:
        """No operator is sent the row by which the page is asked."""
        before = [talk.got(name) for name in ("ann", "bob")]
        await talk.writes("bob", visitor, "!room")
        await talk.says(visitor, "I come")
        after = [talk.got(name) for name in ("ann", "bob")]
        assert [len(now) - len(then) for now, then in zip(after, before, strict=True)] == [2, 2]
        assert all(now[-1] == "I come" and own_room(visitor) in now[-2] for now in after)

    async def test_operators_are_its_moderators(self, talk: Shop, visitor: str) -> None:
        """And the visitor sits there among them."""
        talk.sits(visitor, Seated(f"{talk_room(visitor)}%shop", "Eve"))
        ann = JabberUser(talk, "ann@example.org/desk", own_room(visitor))
        await ann.joins("Ann")
        item = ann.presences("Ann")[0].find(f".//{{{ns.MUC_USER}}}item")
        assert item is not None
        assert item.get("role") == "moderator"
        assert ann.presences("Eve")

    async def test_nobody_else_gets_in(self, talk: Shop, visitor: str) -> None:
        """Who is no operator is refused, and finds the room in no list (§7.2.6, §6.3)."""
        pat = JabberUser(talk, "pat@example.net/web", own_room(visitor))
        await pat.joins("Pat")
        assert pat.error() == ("registration-required", "auth")
        query = f'<query xmlns="{ns.DISCO_ITEMS}"/>'
        listed = await talk.asks("ann", DOMAIN, "get", query)
        assert own_room(visitor) not in ET.tostring(listed).decode()

    async def test_without_a_talk(self, rooms: Shop, visitor: str) -> None:
        """There is nobody to call."""
        await rooms.signs_in("ann")
        rooms.sits(visitor)
        await rooms.writes("ann", visitor, "!room")
        assert "No talk is open here" in rooms.told("ann")[-1]
        assert await asked_into(rooms, visitor) == []

    async def test_who_has_left(self, rooms: Shop, visitor: str) -> None:
        """Is not called: the page that they open next would not know."""
        await rooms.signs_in("ann")
        await rooms.says(visitor, "hello")
        await rooms.writes("ann", visitor, "!room")
        assert "not on the site now" in rooms.told("ann")[-1]
        assert calls(rooms, "ann") == []
        assert await asked_into(rooms, visitor) == []


class TestByTheClient:
    """What an operator's client sends to the visitor itself (XEP-0249 §2)."""

    async def test_the_page_is_asked(self, talk: Shop, visitor: str) -> None:
        """Into a room of the site, and the operator is told so; the visitor gets no line."""
        await talk.writes("ann", visitor, "come", direct(f"lobby%shop@{DOMAIN}"))
        assert await asked_into(talk, visitor) == ["lobby"]
        assert "asked into Lobby" in talk.told("ann")[-1]
        assert "come" not in [row.body for row in await talk.store.read(visitor, 0, 99)]

    @pytest.mark.parametrize(
        "room",
        ["", "room@conference.example.org", f"lobby%other@{DOMAIN}", "lobby%shop@example.org"],
    )
    async def test_rooms_elsewhere(self, talk: Shop, visitor: str, room: str) -> None:
        """A visitor cannot go there: the operator's client is told, and nothing is stored."""
        id = await talk.writes("ann", visitor, "", direct(room))
        stored = await asked_into(talk, visitor)
        errors = [one for one in talk.sent if one.get("id") == id and one.get("type") == "error"]
        assert (len(errors), stored) == (0 if not room else 1, [])

    async def test_rooms_that_are_not(self, talk: Shop, visitor: str) -> None:
        """As are those that there are not, and those of other visitors' talks."""
        for room in ("nowhere", talk_room("v-aaaaaaaaaaaaaaaa")):
            id = await talk.writes("ann", visitor, "", direct(f"{room}%shop@{DOMAIN}"))
            assert [one.get("type") for one in talk.sent if one.get("id") == id] == ["error"]
        assert await asked_into(talk, visitor) == []

    async def test_strangers(self, talk: Shop, visitor: str) -> None:
        """Ask nobody anywhere."""
        words = f"<body>come</body>{direct(f'lobby%shop@{DOMAIN}')}"
        head = f'from="pat@example.net/web" to="{visitor}@{DOMAIN}" id="s1"'
        await talk.hears(f"<message {head}>{words}</message>")
        assert await asked_into(talk, visitor) == []
        assert [one.get("type") for one in talk.sent if one.get("id") == "s1"] == ["error"]
