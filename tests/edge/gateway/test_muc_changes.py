"""What becomes of a room's lines: said in Jabber, and heard there."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.muc.ids import archive_id
from gateway.xml import Xml, element, text
from switchboard.model import Act, Message, Sender, SenderKind
from switchboard.reception.rooms import Origin
from switchboard.rooms import Room, RoomSettings
from tests.edge.gateway.conftest import Shop
from tests.edge.gateway.jabber_user import ROOM, C, JabberUser

GUEST = Sender(SenderKind.VISITOR, "g-guest", "Gus")
HERE = Origin(visitor="v-guest")


class Lobby:
    """The room with its log; a guest writes from the site."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    @property
    def room(self) -> Room:
        return self.shop.rooms.room("shop", "lobby")

    def id(self, seq: int) -> str:
        return archive_id(self.room, seq)

    async def log(self) -> list[Message]:
        return await self.shop.rooms.read(self.room, 0, 1000)

    async def guest_says(self, body: str, id: str, reply_to: int | None = None) -> None:
        await self.shop.rooms.say(self.room, GUEST, id, body, HERE, reply_to)
        await self.shop.settled()

    async def guest(self, act: Act, target: int, body: str = "") -> None:
        await self.shop.rooms.amend(self.room, GUEST, act, target, HERE, body)
        await self.shop.settled()


@pytest.fixture
def lobby_(rooms: Shop) -> Lobby:
    return Lobby(rooms)


@pytest.fixture
async def ann(rooms: Shop) -> JabberUser:
    """An operator in the lobby, who is its admin."""
    one = JabberUser(rooms, "ann@example.org/desk")
    await one.joins("Ann")
    return one


@pytest.fixture
async def eve(rooms: Shop) -> JabberUser:
    """Anybody in the lobby."""
    one = JabberUser(rooms, "eve@example.org/home")
    await one.joins("Eve")
    return one


def last(user: JabberUser) -> ET.Element:
    """The last line or change that a client was sent."""
    return next(one for one in reversed(user.got) if one.get("type") == "groupchat")


def child(stanza: ET.Element, namespace: str, name: str) -> ET.Element:
    """What has to be in a stanza."""
    found = stanza.find(f"{{{namespace}}}{name}")
    assert found is not None, ET.tostring(stanza)
    return found


class TestFromTheSite:
    """What guests do in their browsers, as Jabber clients get it."""

    async def test_a_correction(self, lobby_: Lobby, ann: JabberUser) -> None:
        """XEP-0308 §3: names the stanza with the line."""
        await lobby_.guest_says("helo", "c1")
        line = last(ann)
        await lobby_.guest(Act.EDIT, 1, "hello")
        change = last(ann)
        assert change.findtext(C + "body") == "hello"
        assert child(change, ns.REPLACE, "replace").get("id") == line.get("id")
        assert change.get("from") == line.get("from") == f"{ROOM}/Gus"

    async def test_a_retraction(self, lobby_: Lobby, ann: JabberUser) -> None:
        """XEP-0424 §3: names the line by the room's id."""
        await lobby_.guest_says("helo", "c1")
        known = child(last(ann), ns.STANZA_IDS, "stanza-id").get("id")
        await lobby_.guest(Act.RETRACT, 1)
        assert child(last(ann), ns.RETRACT, "retract").get("id") == known

    async def test_a_reaction(self, lobby_: Lobby, ann: JabberUser) -> None:
        """XEP-0444 §4.2: all of the sender's."""
        await ann.says("hello")
        await lobby_.guest(Act.REACT, 1, "👍")
        change = last(ann)
        assert child(change, ns.REACTIONS, "reactions").get("id") == lobby_.id(1)
        assert change.findtext(C + "body") == "👍 to “hello”"

    async def test_a_reply(self, lobby_: Lobby, ann: JabberUser) -> None:
        """XEP-0461 §3."""
        await ann.says("are you there?")
        await lobby_.guest_says("yes", "c1", reply_to=1)
        reply = last(ann)
        assert child(reply, ns.REPLY, "reply").get("id") == lobby_.id(1)
        assert reply.findtext(C + "body") == "> are you there?\nyes"

    async def test_a_reply_to_an_old_line(self, lobby_: Lobby, ann: JabberUser) -> None:
        """What memory has no more is in the store; order stays."""
        await ann.says("are you there?")
        for number in range(110):
            await lobby_.shop.rooms.say(lobby_.room, GUEST, f"n{number}", str(number), HERE)
        await lobby_.shop.settled()
        ann.forget()
        await lobby_.shop.rooms.say(lobby_.room, GUEST, "c1", "yes", HERE, 1)
        await lobby_.guest_says("so?", "c2")
        assert [body for _, body in ann.lines()] == ["> are you there?\nyes", "so?"]

    async def test_history_is_as_it_stands(self, lobby_: Lobby, rooms: Shop) -> None:
        """Who enters gets lines as they are now, and nothing of what was taken back."""
        for number, body in enumerate(("one", "two", "three")):
            await lobby_.guest_says(body, f"c{number}")
        await lobby_.guest(Act.EDIT, 1, "one!")
        await lobby_.guest(Act.RETRACT, 2)
        eve = JabberUser(rooms, "eve@example.org/home")
        await eve.joins("Eve")
        bodies = [one.findtext(C + "body") for one in eve.got if one.tag == C + "message"]
        assert bodies == ["one!", "three", None]


class TestFromJabber:
    """What people in Jabber clients do becomes of the log."""

    async def test_a_correction(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0308 §3: by the id that one's own client gave it."""
        id = await eve.says("helo")
        await eve.says("hello", outbound.replace(id))
        log = await lobby_.log()
        assert [(row.act, row.body) for row in log] == [(Act.SAY, "hello"), (Act.EDIT, "hello")]
        assert child(last(ann), ns.REPLACE, "replace").get("id") == id

    async def test_a_correction_of_a_correction(self, lobby_: Lobby, eve: JabberUser) -> None:
        """Is one of the line."""
        await eve.says("helo", id="m1")
        await eve.says("hello", outbound.replace("m1"), id="m2")
        await eve.says("hello!", outbound.replace("m2"), id="m3")
        assert [row.target for row in await lobby_.log()] == [None, 1, 1]

    async def test_of_what_is_not_known(self, lobby_: Lobby, eve: JabberUser) -> None:
        """XEP-0308 §5: is a line."""
        await eve.says("hello", outbound.replace("m0"))
        assert [(row.act, row.body) for row in await lobby_.log()] == [(Act.SAY, "hello")]

    async def test_of_somebody_elses(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """Is forbidden, an operator's too; and by their id it is nobody's."""
        id = await eve.says("hello")
        await ann.says("I am a fool", outbound.replace(lobby_.id(1)))
        assert ann.error() == ("forbidden", "auth")
        await ann.says("I am a fool", outbound.replace(id))
        assert [(row.act, row.sender.name) for row in await lobby_.log()] == [
            (Act.SAY, "Eve"),
            (Act.SAY, "Ann"),
        ]

    async def test_a_retraction(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0424 §3: by the room's id; the text is gone for good."""
        await eve.says("my PIN is 1234")
        await eve.says("fallback", outbound.retract(lobby_.id(1)))
        assert [(row.act, row.body) for row in await lobby_.log()] == [
            (Act.SAY, ""),
            (Act.RETRACT, ""),
        ]
        assert child(last(ann), ns.RETRACT, "retract").get("id") == lobby_.id(1)

    async def test_a_retraction_of_somebody_elses(
        self, lobby_: Lobby, eve: JabberUser, ann: JabberUser
    ) -> None:
        """Is forbidden: moderators have another way."""
        await eve.says("hello")
        await ann.says("", outbound.retract(lobby_.id(1)))
        assert ann.error() == ("forbidden", "auth")
        assert len(await lobby_.log()) == 1

    async def test_reactions(self, lobby_: Lobby, eve: JabberUser) -> None:
        """XEP-0444 §4.2: each time all that one has on the line."""
        await lobby_.guest_says("hello", "c1")
        for chosen in (["👍", "🎉"], ["🎉"]):
            await eve.says("", outbound.reactions(lobby_.id(1), chosen))
        line = (await lobby_.log())[0]
        assert [one.emoji for one in line.reactions] == ["🎉"]

    async def test_a_reply(self, lobby_: Lobby, eve: JabberUser) -> None:
        """XEP-0461 §3: the quotation is cut out."""
        await lobby_.guest_says("hello", "c1")
        quote = "> hello\n"
        more = outbound.reply(f"{ROOM}/Gus", lobby_.id(1), len(quote))
        await eve.says(f"{quote}good day", more)
        line = (await lobby_.log())[-1]
        assert (line.body, line.reply_to) == ("good day", 1)

    @pytest.mark.parametrize("more", [outbound.retract("x"), outbound.reactions("x", ["👍"])])
    async def test_a_change_of_nothing_known(
        self, lobby_: Lobby, eve: JabberUser, more: Xml
    ) -> None:
        """Is refused, and becomes no line."""
        await eve.says("fallback", more)
        assert eve.error() == ("item-not-found", "cancel")
        assert await lobby_.log() == []

    async def test_without_voice(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """XEP-0045 §7.4: nothing can be changed either, only taken back."""
        await eve.says("helo", id="m1")
        await ann.sets(element("item", {"nick": "Eve", "role": "visitor"}))
        for more in (outbound.replace("m1"), outbound.reactions(lobby_.id(1), ["👍"])):
            await eve.says("hello", more)
            assert eve.error() == ("forbidden", "auth")
        await eve.says("", outbound.retract(lobby_.id(1)))
        assert [row.act for row in await lobby_.log()] == [Act.SAY, Act.RETRACT]


class TestTheFloor:
    """What may be said at all is the room's to say, in a correction too."""

    @pytest.fixture
    def lobby(self) -> RoomSettings:
        return RoomSettings(title="Lobby", words=("casino",))

    async def test_words(self, lobby_: Lobby, eve: JabberUser) -> None:
        """A correction with a word that is not wanted is refused."""
        await eve.says("hello", id="m1")
        await eve.says("casino", outbound.replace("m1"))
        assert eve.error() == ("policy-violation", "modify")
        assert (await lobby_.log())[-1].body == "hello"


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
        self, lobby_: Lobby, eve: JabberUser, ann: JabberUser, request_of: object
    ) -> None:
        """§3: everybody is told, by the room, and the text is gone."""
        await eve.says("buy this")
        answer = await ann.asks("set", request_of(lobby_.id(1)))  # type: ignore[operator]
        assert answer.get("type") == "result"
        for user in (eve, ann):
            told = last(user)
            assert told.get("from") == ROOM
            retract = child(told, ns.RETRACT, "retract")
            assert retract.get("id") == lobby_.id(1)
            assert child(retract, ns.MODERATE, "moderated").get("by") == f"{ROOM}/Ann"
        line = (await lobby_.log())[0]
        assert (line.retracted, line.body) == (True, "")

    async def test_why(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """§3: the reason is told, and kept."""
        await eve.says("buy this")
        await ann.asks("set", asked(lobby_.id(1), "spam"))
        retract = child(last(eve), ns.RETRACT, "retract")
        assert retract.findtext(f"{{{ns.RETRACT}}}reason") == "spam"
        assert (await lobby_.log())[-1].body == "spam"

    async def test_anybody_else(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """§3.2: is forbidden, whether in the room or not."""
        await ann.says("hello")
        bob = JabberUser(lobby_.shop, "bob@example.org/desk")
        for user in (eve, bob):
            answer = await user.asks("set", asked(lobby_.id(1)))
            assert child(answer, ns.COMPONENT, "error")[0].tag == f"{{{ns.STANZAS}}}forbidden"
        assert len(await lobby_.log()) == 1

    async def test_what_is_not_there(self, lobby_: Lobby, ann: JabberUser) -> None:
        """Is not found."""
        for id in ("x", lobby_.id(9)):
            answer = await ann.asks("set", asked(id))
            assert child(answer, ns.COMPONENT, "error")[0].tag == f"{{{ns.STANZAS}}}item-not-found"

    async def test_twice(self, lobby_: Lobby, eve: JabberUser, ann: JabberUser) -> None:
        """Is once."""
        await eve.says("buy this")
        for _ in range(2):
            answer = await ann.asks("set", asked(lobby_.id(1)))
            assert answer.get("type") == "result"
        assert len(await lobby_.log()) == 2

    async def test_only_the_room_says_so(self, lobby_: Lobby, eve: JabberUser) -> None:
        """§5: what a client says of moderation in its own message goes nowhere."""
        await lobby_.guest_says("hello", "c1")
        forged = element(
            "retract",
            {"xmlns": ns.RETRACT, "id": lobby_.id(1)},
            element("moderated", {"xmlns": ns.MODERATE, "by": f"{ROOM}/Ann"}),
        )
        await eve.says("x", forged)
        assert eve.error() == ("forbidden", "auth")
        assert len(await lobby_.log()) == 1
