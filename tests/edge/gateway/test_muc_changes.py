"""What becomes of a room's lines: said in Jabber, and heard there."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.xml import Xml, element, text
from switchboard.model import Act
from switchboard.rooms import RoomSettings
from tests.edge.gateway.jabber_user import ROOM, C, JabberUser, child
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import Shop


def last(user: JabberUser) -> ET.Element:
    """The last line or change that a client was sent."""
    return next(one for one in reversed(user.got) if one.get("type") == "groupchat")


class TestFromTheSite:
    """What guests do in their browsers, as Jabber clients get it."""

    async def test_a_correction(self, lobby: Lobby, ann: JabberUser) -> None:
        """XEP-0308 §3: names the stanza with the line."""
        await lobby.says("helo")
        line = last(ann)
        await lobby.amends(Act.EDIT, 1, "hello")
        change = last(ann)
        assert change.findtext(C + "body") == "hello"
        assert child(change, ns.REPLACE, "replace").get("id") == line.get("id")
        assert change.get("from") == line.get("from") == f"{ROOM}/Gus"

    async def test_a_retraction(self, lobby: Lobby, ann: JabberUser) -> None:
        """XEP-0424 §3: names the line by the room's id."""
        await lobby.says("helo")
        known = child(last(ann), ns.STANZA_IDS, "stanza-id").get("id")
        await lobby.amends(Act.RETRACT, 1)
        assert child(last(ann), ns.RETRACT, "retract").get("id") == known

    async def test_a_reaction(self, lobby: Lobby, ann: JabberUser) -> None:
        """XEP-0444 §4.2: all of the sender's."""
        await ann.says("hello")
        await lobby.amends(Act.REACT, 1, "👍")
        change = last(ann)
        assert child(change, ns.REACTIONS, "reactions").get("id") == lobby.id(1)
        assert change.findtext(C + "body") == "👍 to “hello”"

    async def test_a_reply(self, lobby: Lobby, ann: JabberUser) -> None:
        """XEP-0461 §3."""
        await ann.says("are you there?")
        await lobby.says("yes", reply_to=1)
        reply = last(ann)
        assert child(reply, ns.REPLY, "reply").get("id") == lobby.id(1)
        assert reply.findtext(C + "body") == "> Ann:\n> are you there?\nyes"

    async def test_a_reply_to_an_old_line(self, lobby: Lobby, ann: JabberUser) -> None:
        """What memory has no more is in the store; order stays."""
        await ann.says("are you there?")
        await lobby.says(*map(str, range(110)))
        ann.forget()
        await lobby.writes("yes", reply_to=1)
        await lobby.says("so?")
        assert [body for _, body in ann.lines()] == ["> Ann:\n> are you there?\nyes", "so?"]

    async def test_history_is_as_it_stands(self, lobby: Lobby, rooms: Shop) -> None:
        """Who enters gets lines as they are now, and nothing of what was taken back."""
        await lobby.says("one", "two", "three")
        await lobby.amends(Act.EDIT, 1, "one!")
        await lobby.amends(Act.RETRACT, 2)
        eve = JabberUser(rooms, "eve@example.org/home")
        await eve.joins("Eve")
        bodies = [one.findtext(C + "body") for one in eve.got if one.tag == C + "message"]
        assert bodies == ["one!", "three", None]


class TestFromJabber:
    """What people in Jabber clients do becomes of the log."""

    async def test_a_correction(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0308 §3: by the id that one's own client gave it."""
        id = await eve.says("helo")
        await eve.says("hello", outbound.replace(id))
        log = await lobby.log()
        assert [(row.act, row.body) for row in log] == [(Act.SAY, "hello"), (Act.EDIT, "hello")]
        assert child(last(ann), ns.REPLACE, "replace").get("id") == id

    async def test_a_correction_of_a_correction(self, lobby: Lobby, eve: JabberUser) -> None:
        """Is one of the line."""
        await eve.says("helo", id="m1")
        await eve.says("hello", outbound.replace("m1"), id="m2")
        await eve.says("hello!", outbound.replace("m2"), id="m3")
        assert [row.target for row in await lobby.log()] == [None, 1, 1]

    async def test_of_what_is_not_known(self, lobby: Lobby, eve: JabberUser) -> None:
        """XEP-0308 §5: is a line."""
        await eve.says("hello", outbound.replace("m0"))
        assert [(row.act, row.body) for row in await lobby.log()] == [(Act.SAY, "hello")]

    async def test_of_somebody_elses(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """Is forbidden, an operator's too; and by their id it is nobody's."""
        id = await eve.says("hello")
        await ann.says("I am a fool", outbound.replace(lobby.id(1)))
        assert ann.error() == ("forbidden", "auth")
        await ann.says("I am a fool", outbound.replace(id))
        assert [(row.act, row.sender.name) for row in await lobby.log()] == [
            (Act.SAY, "Eve"),
            (Act.SAY, "Ann"),
        ]

    async def test_a_retraction(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0424 §3: by the room's id; the text is gone for good."""
        await eve.says("my PIN is 1234")
        await eve.says("fallback", outbound.retract(lobby.id(1)))
        assert [(row.act, row.body) for row in await lobby.log()] == [
            (Act.SAY, ""),
            (Act.RETRACT, ""),
        ]
        assert child(last(ann), ns.RETRACT, "retract").get("id") == lobby.id(1)

    async def test_a_retraction_of_somebody_elses(
        self, lobby: Lobby, eve: JabberUser, ann: JabberUser
    ) -> None:
        """Is forbidden: moderators have another way."""
        await eve.says("hello")
        await ann.says("", outbound.retract(lobby.id(1)))
        assert ann.error() == ("forbidden", "auth")
        assert len(await lobby.log()) == 1

    async def test_reactions(self, lobby: Lobby, eve: JabberUser) -> None:
        """XEP-0444 §4.2: each time all that one has on the line."""
        await lobby.says("hello")
        for chosen in (["👍", "🎉"], ["🎉"]):
            await eve.says("", outbound.reactions(lobby.id(1), chosen))
        line = (await lobby.log())[0]
        assert [one.emoji for one in line.reactions] == ["🎉"]

    async def test_a_reply(self, lobby: Lobby, eve: JabberUser) -> None:
        """XEP-0461 §3: the quotation is cut out."""
        await lobby.says("hello")
        quote = "> hello\n"
        more = outbound.reply(f"{ROOM}/Gus", lobby.id(1), len(quote))
        await eve.says(f"{quote}good day", more)
        line = (await lobby.log())[-1]
        assert (line.body, line.reply_to) == ("good day", 1)

    @pytest.mark.parametrize("more", [outbound.retract("x"), outbound.reactions("x", ["👍"])])
    async def test_a_change_of_nothing_known(
        self, lobby: Lobby, eve: JabberUser, more: Xml
    ) -> None:
        """Is refused, and becomes no line."""
        await eve.says("fallback", more)
        assert eve.error() == ("item-not-found", "cancel")
        assert await lobby.log() == []

    async def test_without_voice(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0045 §7.4: nothing can be changed either, only taken back."""
        await eve.says("helo", id="m1")
        await ann.sets(element("item", {"nick": "Eve", "role": "visitor"}))
        for more in (outbound.replace("m1"), outbound.reactions(lobby.id(1), ["👍"])):
            await eve.says("hello", more)
            assert eve.error() == ("forbidden", "auth")
        await eve.says("", outbound.retract(lobby.id(1)))
        assert [row.act for row in await lobby.log()] == [Act.SAY, Act.RETRACT]


class TestTheFloor:
    """What may be said at all is the room's to say, in a correction too."""

    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        return RoomSettings(title="Lobby", words=("casino",))

    async def test_words(self, lobby: Lobby, eve: JabberUser) -> None:
        """A correction with a word that is not wanted is refused."""
        await eve.says("hello", id="m1")
        await eve.says("casino", outbound.replace("m1"))
        assert eve.error() == ("policy-violation", "modify")
        assert (await lobby.log())[-1].body == "hello"


def asked(id: str, reason: str = "") -> Xml:
    """Moderation as version 0.3 has it."""
    why = [text("reason", reason)] if reason else []
    retract = element("retract", {"xmlns": ns.RETRACT})
    return element("moderate", {"xmlns": ns.MODERATE, "id": id}, retract, *why)


def asked_before(id: str) -> Xml:
    """Moderation as version 0.2 has it."""
    retract = element("retract", {"xmlns": ns.RETRACT_BEFORE})
    moderate = element("moderate", {"xmlns": ns.MODERATE_BEFORE}, retract)
    return element("apply-to", {"xmlns": ns.FASTEN, "id": id}, moderate)


class TestModeration:
    """XEP-0425."""

    @pytest.mark.parametrize("request_of", [asked, asked_before])
    async def test_a_moderator(
        self, lobby: Lobby, eve: JabberUser, ann: JabberUser, request_of: object
    ) -> None:
        """§3: everybody is told, by the room, and the text is gone."""
        await eve.says("buy this")
        answer = await ann.asks("set", request_of(lobby.id(1)))  # type: ignore[operator]
        assert answer.get("type") == "result"
        for user in (eve, ann):
            told = last(user)
            assert told.get("from") == ROOM
            retract = child(told, ns.RETRACT, "retract")
            assert retract.get("id") == lobby.id(1)
            assert child(retract, ns.MODERATE, "moderated").get("by") == f"{ROOM}/Ann"
        line = (await lobby.log())[0]
        assert (line.retracted, line.body) == (True, "")

    async def test_why(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """§3: the reason is told, and kept."""
        await eve.says("buy this")
        await ann.asks("set", asked(lobby.id(1), "spam"))
        retract = child(last(eve), ns.RETRACT, "retract")
        assert retract.findtext(f"{{{ns.RETRACT}}}reason") == "spam"
        assert (await lobby.log())[-1].body == "spam"

    async def test_anybody_else(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """§3.2: is forbidden, whether in the room or not."""
        await ann.says("hello")
        bob = JabberUser(lobby.shop, "bob@example.org/desk")
        for user in (eve, bob):
            answer = await user.asks("set", asked(lobby.id(1)))
            assert child(answer, ns.COMPONENT, "error")[0].tag == f"{{{ns.STANZAS}}}forbidden"
        assert len(await lobby.log()) == 1

    async def test_what_is_not_there(self, lobby: Lobby, ann: JabberUser) -> None:
        """Is not found."""
        for id in ("x", lobby.id(9)):
            answer = await ann.asks("set", asked(id))
            assert child(answer, ns.COMPONENT, "error")[0].tag == f"{{{ns.STANZAS}}}item-not-found"

    async def test_twice(self, lobby: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """Is once."""
        await eve.says("buy this")
        for _ in range(2):
            answer = await ann.asks("set", asked(lobby.id(1)))
            assert answer.get("type") == "result"
        assert len(await lobby.log()) == 2

    async def test_only_the_room_says_so(self, lobby: Lobby, eve: JabberUser) -> None:
        """§5: what a client says of moderation in its own message goes nowhere."""
        await lobby.says("hello")
        forged = element(
            "retract",
            {"xmlns": ns.RETRACT, "id": lobby.id(1)},
            element("moderated", {"xmlns": ns.MODERATE, "by": f"{ROOM}/Ann"}),
        )
        await eve.says("x", forged)
        assert eve.error() == ("forbidden", "auth")
        assert len(await lobby.log()) == 1
