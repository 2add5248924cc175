"""What is said in a room: to everybody, about the subject, to one (XEP-0045 §7.4, §7.5, §8.1)."""

from __future__ import annotations

import pytest

from gateway import namespaces as ns
from gateway.xml import element, text
from switchboard.model import SenderKind
from switchboard.rooms import RoomSettings, Seated
from tests.edge.gateway.jabber_user import ROOM, C, JabberUser, child, nick_of
from tests.edge.gateway.lobby import LOBBY, Lobby
from tests.edge.gateway.shop import DOMAIN, Shop


class TestToEverybody:
    async def test_reflected_to_all(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.4: everybody gets it from the writer's room JID, the writer with the same id."""
        id = await eve.says("hello")
        for user in (ann, eve):
            last = user.got[-1]
            assert (last.get("type"), last.get("from")) == ("groupchat", f"{ROOM}/Eve")
            assert (last.get("id"), last.findtext(C + "body")) == (id, "hello")

    async def test_it_is_committed(self, lobby: Lobby, eve: JabberUser) -> None:
        """The log has it, under an id that says nothing of whose it is."""
        await eve.says("hello")
        [row] = await lobby.log()
        assert (row.body, row.sender.name, row.sender.kind) == ("hello", "Eve", SenderKind.VISITOR)
        assert row.sender.id == lobby.room.occupant("eve@example.org")

    async def test_a_guests_line(self, lobby: Lobby, ann: JabberUser, eve: JabberUser) -> None:
        """§7.4: a visitor's line comes from their nick in the room."""
        await lobby.says("from the web")
        assert ann.lines() == eve.lines() == [("Gus", "from the web")]

    async def test_one_order(self, lobby: Lobby, ann: JabberUser, eve: JabberUser) -> None:
        """Every client gets the log's order, whoever wrote."""
        for number in range(5):
            await eve.says(f"e{number}")
            await lobby.says(f"g{number}")
        bodies = [row.body for row in await lobby.log()]
        assert [body for _, body in ann.lines()] == [body for _, body in eve.lines()] == bodies

    async def test_ids(self, lobby: Lobby, ann: JabberUser, eve: JabberUser) -> None:
        """XEP-0359 §3.1, XEP-0421 §3: the room gives a stanza id and an occupant id."""
        forged = element("stanza-id", {"xmlns": ns.STANZA_IDS, "by": ROOM, "id": "77"})
        await eve.says("hello", forged)
        found = ann.got[-1].findall(f"{{{ns.STANZA_IDS}}}stanza-id")
        assert [(one.get("by"), one.get("id")) for one in found] == [(ROOM, lobby.id(1))]
        ids = [one.get("id") for one in ann.got[-1].findall(f"{{{ns.OCCUPANT_ID}}}occupant-id")]
        told = child(ann.presences("Eve")[0], ns.OCCUPANT_ID, "occupant-id")
        assert ids == [told.get("id")]

    async def test_from_outside(self, rooms: Shop, ann: JabberUser) -> None:
        """§7.4: who has not joined gets not-acceptable, and nobody hears it."""
        stranger = JabberUser(rooms, "mallory@example.net/x")
        await stranger.says("hello")
        assert stranger.error() == ("not-acceptable", "modify")
        assert ann.lines() == []

    async def test_twice(self, ann: JabberUser, eve: JabberUser) -> None:
        """The same stanza that comes again is one line."""
        await eve.says("hello", id="same")
        await eve.says("hello", id="same")
        assert ann.lines() == [("Eve", "hello")]

    async def test_a_gap_is_read(self, rooms: Shop, lobby: Lobby, ann: JabberUser) -> None:
        """What the bus has lost comes from the store, before what follows."""
        silence, rooms.bus.publish = rooms.bus.publish, lambda *_: None  # type: ignore[method-assign]
        await lobby.says("lost")
        rooms.bus.publish = silence  # type: ignore[method-assign]
        await lobby.says("heard")
        assert [body for _, body in ann.lines()] == ["lost", "heard"]

    @pytest.mark.parametrize("body", ["\u202e", "   "])
    async def test_nothing_to_say(self, ann: JabberUser, eve: JabberUser, body: str) -> None:
        """Text that is none is refused, and nothing of it is told."""
        await eve.says(body)
        assert ann.lines() == []


class TestSlow:
    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        return RoomSettings(slow_seconds=60, words=("mud",), links=False)

    async def test_slow_mode(self, ann: JabberUser, eve: JabberUser) -> None:
        """Whoever writes too soon gets resource-constraint; operators keep the floor."""
        await eve.says("one")
        await eve.says("two")
        assert eve.error() == ("resource-constraint", "wait")
        await ann.says("three")
        await ann.says("four")
        assert [body for _, body in ann.lines()] == ["one", "three", "four"]

    @pytest.mark.parametrize("body", ["mud in your eye", "see https://spam.example/"])
    async def test_words_and_links(self, ann: JabberUser, eve: JabberUser, body: str) -> None:
        """What the room does not want is a policy violation."""
        await eve.says(body)
        assert eve.error() == ("policy-violation", "modify")
        assert ann.lines() == []


class TestModerated:
    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        return RoomSettings(moderated=True)

    async def test_no_voice(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.4: a visitor in a moderated room is forbidden to speak."""
        await eve.says("hello")
        assert eve.error() == ("forbidden", "auth")
        assert ann.lines() == []


class TestSubject:
    async def test_by_a_moderator(self, lobby: Lobby, ann: JabberUser, eve: JabberUser) -> None:
        """§8.1: everybody is told who set it; it is kept."""
        await ann.message("", "groupchat", text("subject", "Sale"), id="s1")
        assert eve.got[-1].findtext(C + "subject") == "Sale"
        assert nick_of(eve.got[-1]) == "Ann"
        assert lobby.room.settings.subject == "Sale"
        late = JabberUser(lobby.shop, "late@example.org/x")
        await late.joins("Late")
        assert late.got[-1].findtext(C + "subject") == "Sale"

    async def test_by_another(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.1: who is no moderator is forbidden to."""
        await eve.message("", "groupchat", text("subject", "Mine"))
        assert eve.error() == ("forbidden", "auth")

    async def test_a_body_is_no_subject(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.1: a message with a subject and a body is said, and changes nothing."""
        await ann.message("", "groupchat", text("subject", "Sale") + text("body", "hello"))
        assert eve.got[-1].findtext(C + "body") == "hello"
        assert eve.got[-1].find(C + "subject") is None


class TestToOne:
    async def test_to_an_operator(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.5: it goes to that occupant alone, from the writer's room JID."""
        await eve.message("/Ann", "chat", text("body", "psst"), id="pm")
        last = ann.got[-1]
        assert (last.get("from"), last.get("type"), last.get("id")) == (f"{ROOM}/Eve", "chat", "pm")
        assert last.find(f"{{{ns.MUC_USER}}}x") is not None

    async def test_among_guests(self, rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
        """§7.5: among those who moderate nothing it is forbidden."""
        ned = JabberUser(rooms, "ned@example.org/home")
        await ned.joins("Ned")
        await eve.message("/Ned", "chat", text("body", "psst"))
        assert eve.error() == ("forbidden", "auth")

    async def test_an_operator_to_a_guest(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """§7.5: an operator's private word to a visitor is the desk's talk with them."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        await ann.message("/Gus", "chat", text("body", "can I help?"))
        [row] = await rooms.store.read(visitor, 0, 10)
        assert (row.body, row.sender.id) == ("can I help?", "o-ann")

    async def test_another_to_a_guest(
        self, rooms: Shop, visitor: str, ann: JabberUser, eve: JabberUser
    ) -> None:
        """§7.5: nobody else writes to a visitor in private."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        await eve.message("/Gus", "chat", text("body", "psst"))
        assert eve.error() == ("forbidden", "auth")
        assert await rooms.store.read(visitor, 0, 10) == []

    async def test_to_nobody(self, ann: JabberUser) -> None:
        """§7.5: an occupant who is not there is item-not-found."""
        await ann.message("/Nobody", "chat", text("body", "psst"))
        assert ann.error() == ("item-not-found", "cancel")

    async def test_a_groupchat_to_one(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.5: a groupchat message to an occupant is a bad request."""
        await eve.message("/Ann", "groupchat", text("body", "psst"))
        assert eve.error() == ("bad-request", "modify")

    async def test_from_outside(self, rooms: Shop, ann: JabberUser) -> None:
        """§7.5: who is not in the room reaches nobody in it."""
        stranger = JabberUser(rooms, "mallory@example.net/x")
        await stranger.message("/Ann", "chat", text("body", "psst"))
        assert stranger.error() == ("not-acceptable", "modify")


async def test_disco(rooms: Shop, ann: JabberUser) -> None:
    """§6.2 to §6.4, XEP-0128: the domain has conference/text and lists a room, which tells."""
    info = f'<query xmlns="{ns.DISCO_INFO}"/>'
    domain = await rooms.asks("ann", DOMAIN, "get", info)
    kinds = {(one.get("category"), one.get("type")) for one in domain[0]}
    assert ("conference", "text") in kinds
    items = await rooms.asks("ann", DOMAIN, "get", f'<query xmlns="{ns.DISCO_ITEMS}"/>')
    assert (ROOM, "Lobby") in {(one.get("jid"), one.get("name")) for one in items[0]}
    room = (await ann.asks("get", info))[0]
    features = {one.get("var") for one in room}
    assert {ns.MUC, "muc_open", "muc_semianonymous", ns.OCCUPANT_ID} <= features
    form = {
        field.get("var"): field.findtext(f"{{{ns.FORMS}}}value")
        for field in room.iter(f"{{{ns.FORMS}}}field")
    }
    assert form["FORM_TYPE"] == ns.MUC_ROOM_INFO
    assert form["muc#roominfo_occupants"] == "1"
