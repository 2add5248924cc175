"""The archive of a room, as Jabber clients ask for it (XEP-0313, XEP-0059)."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.muc.archive import MOST_QUERIES
from gateway.xml import Xml, element, text
from switchboard.model import Act, Message, Sender, SenderKind
from switchboard.reception.rooms import Rooms
from switchboard.rooms import Affiliation, Room, RoomSettings
from tests.e2e.support.wait import eventually
from tests.edge.gateway.jabber_user import ROOM, JabberUser, child, error_of, item
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import DOMAIN, Shop

OLGA = Sender(SenderKind.VISITOR, "g-other", "Olga")
EVE = "eve@example.net/web"

RESULT = f"{{{ns.ARCHIVE}}}result"
FORWARDED = f"{RESULT}/{{{ns.FORWARD}}}forwarded"
MESSAGE = f"{FORWARDED}/{{{ns.CLIENT}}}message"
BODY = f"{MESSAGE}/{{{ns.CLIENT}}}body"


class ArchivedLobby(Lobby):
    """The lobby, whose archive clients ask."""

    async def asks(
        self, *children: Xml, by: str = EVE, kind: str = "set", id: str = "q", name: str = "query"
    ) -> Answer:
        """What the archive answers."""
        before = len(self.shop.sent)
        query = element(name, {"xmlns": ns.ARCHIVE, "queryid": id}, *children)
        end = await self.shop.asks(by, ROOM, kind, query)
        return Answer(end, self.shop.sent[before:])


class Answer:
    """The results and what ends them."""

    def __init__(self, end: ET.Element, sent: list[ET.Element]) -> None:
        self.end = end
        self.results = [one for one in sent if one.find(RESULT) is not None]

    @property
    def bodies(self) -> list[str | None]:
        return [one.findtext(BODY) for one in self.results]

    @property
    def ids(self) -> list[str | None]:
        return [one.find(RESULT).get("id") for one in self.results]  # type: ignore[union-attr]

    @property
    def complete(self) -> bool:
        return child(self.end, ns.ARCHIVE, "fin").get("complete") == "true"

    def part(self, name: str) -> str | None:
        """Of the result set: `first`, `last` or `count`."""
        return self.end.findtext(f".//{{{ns.RESULT_SETS}}}{name}")

    @property
    def condition(self) -> str | None:
        return None if self.end.get("type") == "result" else error_of(self.end)[0]


def message_in(result: ET.Element) -> ET.Element:
    """What a result forwards."""
    found = result.find(MESSAGE)
    assert found is not None
    return found


def page(**parts: str) -> Xml:
    """A part of a result set."""
    children = [text(name, value) for name, value in parts.items()]
    return element("set", {"xmlns": ns.RESULT_SETS}, *children)


def fields(**values: str | list[str]) -> Xml:
    """A form to submit; an underscore stands for a dash."""
    found = [element("field", {"var": "FORM_TYPE"}, text("value", ns.ARCHIVE))]
    for var, value in values.items():
        all = [value] if isinstance(value, str) else value
        shown = [text("value", one) for one in all]
        found.append(element("field", {"var": var.replace("_", "-")}, *shown))
    return element("x", {"xmlns": ns.FORMS, "type": "submit"}, *found)


@pytest.fixture
def lobby_settings() -> RoomSettings:
    return RoomSettings(public=True)


@pytest.fixture
async def lobby(rooms: Shop) -> ArchivedLobby:
    """With five lines."""
    lobby = ArchivedLobby(rooms)
    await lobby.says("one", "two", "three", "four", "five")
    return lobby


class TestPages:
    """XEP-0313 §4, XEP-0059 §2."""

    async def test_everything(self, lobby: ArchivedLobby) -> None:
        """In order, then what it was: complete, the first and last id, the number (§4.3.2)."""
        answer = await lobby.asks()
        assert answer.bodies == ["one", "two", "three", "four", "five"]
        assert answer.ids == [lobby.id(seq) for seq in range(1, 6)]
        assert answer.complete
        found = (answer.part("first"), answer.part("last"), answer.part("count"))
        assert found == (lobby.id(1), lobby.id(5), "5")

    async def test_a_result(self, lobby: ArchivedLobby) -> None:
        """From the room, with the line as it went out, when it was written and by whom, and no
        real JID (§4.2, §6.1.2, XEP-0297 §3.1).
        """
        (result, *_) = (await lobby.asks()).results
        assert (result.get("from"), result.get("to")) == (ROOM, EVE)
        assert result.find(RESULT).get("queryid") == "q"  # type: ignore[union-attr]
        message = message_in(result)
        assert (message.get("type"), message.get("from")) == ("groupchat", f"{ROOM}/Gus")
        assert message.get("to") is None
        known = child(message, ns.STANZA_IDS, "stanza-id")
        assert (known.get("by"), known.get("id")) == (ROOM, lobby.id(1))
        assert child(message, ns.OCCUPANT_ID, "occupant-id").get("id") == "g-guest"
        assert item(message).get("jid") is None
        delay = result.find(f"{FORWARDED}/{{{ns.DELAY}}}delay")
        assert delay is not None
        assert delay.get("stamp") == "1970-01-12T13:46:41.000Z"
        assert "v-guest" not in ET.tostring(result).decode()

    async def test_forwards(self, lobby: ArchivedLobby) -> None:
        """Page after page (XEP-0059 §2.2)."""
        answer = await lobby.asks(page(max="2"))
        assert (answer.bodies, answer.complete) == (["one", "two"], False)
        assert answer.part("count") == "5"
        answer = await lobby.asks(page(max="2", after=answer.part("last") or ""))
        assert (answer.bodies, answer.complete) == (["three", "four"], False)
        answer = await lobby.asks(page(max="2", after=answer.part("last") or ""))
        assert (answer.bodies, answer.complete) == (["five"], True)
        answer = await lobby.asks(page(max="2", after=answer.part("last") or ""))
        assert (answer.bodies, answer.complete, answer.part("last")) == ([], True, None)

    async def test_backwards(self, lobby: ArchivedLobby) -> None:
        """From the end, each page in order all the same (§4.3.3)."""
        answer = await lobby.asks(page(max="2", before=""))
        assert (answer.bodies, answer.complete) == (["four", "five"], False)
        answer = await lobby.asks(page(max="2", before=answer.part("first") or ""))
        assert (answer.bodies, answer.complete) == (["two", "three"], False)
        answer = await lobby.asks(page(max="2", before=answer.part("first") or ""))
        assert (answer.bodies, answer.complete) == (["one"], True)

    async def test_how_many(self, lobby: ArchivedLobby) -> None:
        """Without a page (XEP-0059 §2.7)."""
        answer = await lobby.asks(page(max="0"))
        assert (answer.results, answer.part("count"), answer.complete) == ([], "5", False)

    async def test_a_flipped_page(self, lobby: ArchivedLobby) -> None:
        """The same page, the newest first (§4.3.4)."""
        answer = await lobby.asks(page(max="2"), element("flip-page", {}))
        assert answer.bodies == ["two", "one"]
        assert answer.part("first") == lobby.id(1)

    async def test_an_empty_archive(self, rooms: Shop) -> None:
        """Is complete."""
        lobby = ArchivedLobby(rooms)
        answer = await lobby.asks(page(max="10", before=""))
        assert (answer.results, answer.complete, answer.part("count")) == ([], True, "0")
        metadata = (await lobby.asks(kind="get", name="metadata")).end[0]
        assert not len(metadata)

    async def test_a_page_has_an_end(self, lobby: ArchivedLobby) -> None:
        """However many are asked for."""
        await lobby.says(*map(str, range(120)))
        answer = await lobby.asks(page(max="1000"))
        assert (len(answer.results), answer.complete) == (100, False)


class TestFilters:
    """XEP-0313 §4.1."""

    async def test_by_time(self, lobby: ArchivedLobby) -> None:
        """Both ends are among what is asked for (§4.1.2)."""
        rows = await lobby.log()
        two, four = outbound.instant(rows[1].at), outbound.instant(rows[3].at)
        answer = await lobby.asks(fields(start=two, end=four))
        assert (answer.bodies, answer.part("count")) == (["two", "three", "four"], "3")
        answer = await lobby.asks(fields(start=two, end=four), page(max="1", before=""))
        assert (answer.bodies, answer.complete) == (["four"], False)
        assert (await lobby.asks(fields(start="2100-01-01T00:00:00Z"))).bodies == []
        assert (await lobby.asks(fields(end="1970-01-01T00:00:00Z"))).bodies == []

    async def test_clocks_differ(self, lobby: ArchivedLobby) -> None:
        """What another process wrote earlier by its clock is left out where it does not fit."""
        lobby.shop.clock.seconds -= 3
        await lobby.says("early")
        lobby.shop.clock.seconds += 3
        await lobby.says("six")
        rows = await lobby.log()
        answer = await lobby.asks(fields(start=outbound.instant(rows[4].at)))
        assert answer.bodies == ["five", "six"]

    async def test_by_id(self, lobby: ArchivedLobby) -> None:
        """What is between two known ones (§4.1.3)."""
        answer = await lobby.asks(fields(after_id=lobby.id(1), before_id=lobby.id(4)))
        assert (answer.bodies, answer.part("count")) == (["two", "three"], "2")
        answer = await lobby.asks(fields(after_id=lobby.id(4), before_id=lobby.id(2)))
        assert (answer.bodies, answer.part("count"), answer.complete) == ([], "0", True)

    async def test_single_lines(self, lobby: ArchivedLobby) -> None:
        """Those, in order, and pages of them (§4.1.3)."""
        ids = [lobby.id(seq) for seq in (4, 2, 5)]
        answer = await lobby.asks(fields(ids=ids))
        assert (answer.bodies, answer.complete) == (["two", "four", "five"], True)
        answer = await lobby.asks(fields(ids=ids), page(max="2", before=""))
        assert (answer.bodies, answer.complete, answer.part("count")) == (
            ["four", "five"],
            False,
            "3",
        )

    @pytest.mark.parametrize("seq", [0, 6])
    async def test_what_is_not_there(self, lobby: ArchivedLobby, seq: int) -> None:
        """Is not found, whichever way it is asked for (§4.1.3, §4.3.2)."""
        id = lobby.id(seq)
        for children in (
            [fields(ids=id)],
            [fields(after_id=id)],
            [fields(before_id=id)],
            [page(after=id)],
            [page(before=id)],
        ):
            answer = await lobby.asks(*children)
            assert (answer.condition, answer.results) == ("item-not-found", [])

    async def test_what_is_not_known(self, lobby: ArchivedLobby) -> None:
        """Is refused (§4.1.5)."""
        assert (await lobby.asks(fields(text="one"))).condition == "feature-not-implemented"
        assert (await lobby.asks(fields(start="now"))).condition == "bad-request"

    async def test_the_fields(self, lobby: ArchivedLobby) -> None:
        """A client may ask which there are (§4.1.5)."""
        end = (await lobby.asks(kind="get")).end
        form = child(child(end, ns.ARCHIVE, "query"), ns.FORMS, "x")
        assert {"with", "start", "end"} <= {field.get("var") for field in form}

    async def test_first_and_last(self, lobby: ArchivedLobby) -> None:
        """§5."""
        metadata = (await lobby.asks(kind="get", name="metadata")).end[0]
        places = [(one.tag.rpartition("}")[2], one.get("id")) for one in metadata]
        assert places == [("start", lobby.id(1)), ("end", lobby.id(5))]


class TestChanges:
    """What became of lines is in the archive too (§6.1.2)."""

    async def test_what_was_taken_back(self, lobby: ArchivedLobby) -> None:
        """A tombstone stands in its place, and its corrections are gone (XEP-0424 §4)."""
        await lobby.amends(Act.EDIT, 2, "two!")
        await lobby.amends(Act.RETRACT, 2)
        answer = await lobby.asks()
        assert "two" not in "".join(ET.tostring(one).decode() for one in answer.results)
        assert answer.ids == [lobby.id(seq) for seq in (1, 2, 3, 4, 5, 7)]
        tombstone = child(message_in(answer.results[1]), ns.RETRACT, "retracted")
        assert tombstone.get("id") == lobby.id(7)
        retract = child(message_in(answer.results[-1]), ns.RETRACT, "retract")
        assert retract.get("id") == lobby.id(2)

    async def test_a_page_of_what_is_gone(self, lobby: ArchivedLobby) -> None:
        """Has no results, and says all the same where it is."""
        await lobby.amends(Act.EDIT, 2, "two!")
        await lobby.amends(Act.RETRACT, 2)
        answer = await lobby.asks(page(max="1", after=lobby.id(5)))
        assert (answer.results, answer.part("last"), answer.complete) == ([], lobby.id(6), False)

    async def test_what_a_line_answers(self, lobby: ArchivedLobby) -> None:
        """Is quoted, on whichever page it stands (XEP-0461 §3)."""
        await lobby.says("yes", by=OLGA, reply_to=2)
        answer = await lobby.asks(page(max="1", before=""))
        assert answer.bodies == ["> Gus:\n> two\nyes"]


class TestWhoMayAsk:
    """§6.1.2: who may enter the room."""

    async def test_strangers(self, lobby: ArchivedLobby) -> None:
        """Not where it is not public."""
        await lobby.set(public=False)
        answer = await lobby.asks()
        assert (answer.condition, answer.results) == ("forbidden", [])
        assert (await lobby.asks(kind="get", name="metadata")).condition == "forbidden"

    async def test_who_is_there(self, lobby: ArchivedLobby) -> None:
        """Whoever has entered it."""
        await lobby.set(public=False)
        await JabberUser(lobby.shop, EVE).joins("Eve")
        assert len((await lobby.asks()).results) == 5

    async def test_members(self, lobby: ArchivedLobby) -> None:
        """And nobody else, where only members enter."""
        members = {"mia@example.net": Affiliation.MEMBER}
        await lobby.set(members_only=True, affiliations=members)
        assert (await lobby.asks()).condition == "forbidden"
        assert len((await lobby.asks(by="mia@example.net/web")).results) == 5

    async def test_operators(self, lobby: ArchivedLobby) -> None:
        """At any time."""
        await lobby.set(public=False)
        assert len((await lobby.asks(by="ann")).results) == 5

    async def test_outcasts(self, lobby: ArchivedLobby) -> None:
        """Never."""
        outcast = {"eve@example.net": Affiliation.OUTCAST}
        await lobby.set(affiliations=outcast)
        assert (await lobby.asks()).condition == "forbidden"

    async def test_too_often(self, lobby: ArchivedLobby) -> None:
        """Nobody keeps the gateway busy with it; a minute later it is well again."""
        for _ in range(MOST_QUERIES):
            last = await lobby.asks(page(max="0"))
        assert last.condition is None
        assert (await lobby.asks(page(max="0"))).condition == "resource-constraint"
        assert (await lobby.asks(page(max="0"), by="ann")).condition is None
        lobby.shop.clock.seconds += 61
        assert (await lobby.asks(page(max="0"))).condition is None

    async def test_no_room(self, lobby: ArchivedLobby) -> None:
        """Has no archive."""
        query = element("query", {"xmlns": ns.ARCHIVE})
        end = await lobby.shop.asks(EVE, f"bar%shop@{DOMAIN}", "set", query)
        assert end.get("type") == "error"
        assert error_of(end)[0] == "item-not-found"


async def test_nobody_waits_for_who_reads(
    lobby: ArchivedLobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that takes its time holds up nobody in the room."""
    eve = JabberUser(lobby.shop, EVE)
    await eve.joins("Eve")
    read, go_on = Rooms.read, asyncio.Event()

    async def slow(self: Rooms, room: Room, after: int, limit: int) -> list[Message]:
        await go_on.wait()
        return await read(self, room, after, limit)

    monkeypatch.setattr(Rooms, "read", slow)
    query = element("query", {"xmlns": ns.ARCHIVE})
    lobby.shop.gateway.stanza(ET.fromstring(_iq(query)))
    lobby.shop.gateway.stanza(
        ET.fromstring(
            f'<message xmlns="{ns.COMPONENT}" type="groupchat" from="{EVE}" to="{ROOM}" id="m1">'
            "<body>meanwhile</body></message>"
        )
    )
    await eventually(lambda: ("Eve", "meanwhile") in eve.lines(), 5.0, "the line")
    assert not [one for one in eve.got if one.get("id") == "slow"]
    go_on.set()
    await lobby.shop.settled()
    assert [one.get("type") for one in eve.got if one.get("id") == "slow"] == ["result"]


def _iq(payload: Xml) -> Xml:
    attributes = {"xmlns": ns.COMPONENT, "type": "set", "from": EVE, "to": ROOM, "id": "slow"}
    return element("iq", dict(attributes), payload)
