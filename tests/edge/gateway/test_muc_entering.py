"""Jabber users come into a room, change there and leave (XEP-0045 §7.2, §7.14, §7.6, §7.7)."""

from __future__ import annotations

import asyncio

import pytest

from gateway import namespaces as ns
from gateway.xml import element
from switchboard import events
from tests.edge.gateway.jabber_user import ROOM, C, JabberUser, codes, item, nick_of
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import Shop


@pytest.fixture
def eve(rooms: Shop) -> JabberUser:
    """Somebody who is not in it yet."""
    return JabberUser(rooms, "eve@example.org/home")


class TestEntering:
    async def test_others_first_then_oneself(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.2: others' presence comes before one's own, which has 110 and the join's id."""
        await eve.joins("Eve", id="j1")
        [others, own] = [one for one in eve.got if one.tag == C + "presence"]
        assert (nick_of(others), nick_of(own)) == ("Ann", "Eve")
        assert (codes(others), codes(own)) == ([], [110])
        assert own.get("id") == "j1"
        assert codes(ann.presences("Eve")[-1]) == []

    async def test_standing(self, ann: JabberUser, eve: JabberUser) -> None:
        """§5.1, §5.2: an operator is admin and moderator, anybody else participates."""
        await eve.joins("Eve")
        admin, guest = item(eve.presences("Ann")[0]), item(ann.presences("Eve")[0])
        assert (admin["affiliation"], admin["role"]) == ("admin", "moderator")
        assert (guest["affiliation"], guest["role"]) == ("none", "participant")

    async def test_moderators_alone_see_jids(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.4: the room is semi-anonymous."""
        await eve.joins("Eve")
        assert item(ann.presences("Eve")[0])["jid"] == eve.jid
        assert "jid" not in item(eve.presences("Ann")[0])

    async def test_subject_ends_it(self, eve: JabberUser) -> None:
        """§7.2.15: the subject comes last, even if it is empty."""
        await eve.joins("Eve")
        assert eve.got[-1].find(C + "subject") is not None
        assert eve.got[-1].find(C + "body") is None

    async def test_without_a_nick(self, eve: JabberUser) -> None:
        """§7.2.1: it is jid-malformed."""
        await eve.joins("")
        assert eve.error() == ("jid-malformed", "modify")

    async def test_a_taken_nick(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.8: conflict, whatever the case."""
        await eve.joins("ANN")
        assert eve.error() == ("conflict", "cancel")
        assert not ann.presences("ANN")

    async def test_several_clients_share_a_nick(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.8: with the same bare JID they are one occupant, who leaves with the last."""
        phone = JabberUser(eve.shop, "eve@example.org/phone")
        await eve.joins("Eve")
        await phone.joins("Eve")
        await phone.leaves("Eve")
        assert len(ann.presences("Eve")) == 1
        assert codes(phone.presences("Eve")[-1]) == [110]
        await eve.leaves("Eve")
        assert ann.presences("Eve")[-1].get("type") == "unavailable"

    async def test_an_unknown_room(self, rooms: Shop) -> None:
        """§7.2.11: nobody makes one by entering."""
        user = JabberUser(rooms, "eve@example.org/home", "cellar%shop@chat.example.org")
        await user.joins("Eve")
        assert user.error() == ("item-not-found", "cancel")

    async def test_history(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.13: what was said before comes with its time, before the subject."""
        await ann.says("one")
        await ann.says("two")
        await eve.joins("Eve")
        said = [one for one in eve.got if one.find(C + "body") is not None]
        assert [one.findtext(C + "body") for one in said] == ["one", "two"]
        assert all(one.find(f"{{{ns.DELAY}}}delay") is not None for one in said)

    @pytest.mark.parametrize(
        ("limits", "lines"),
        [
            ({"maxstanzas": "1"}, ["two"]),
            ({"maxchars": "0"}, []),
            ({"seconds": "30"}, ["two"]),
            ({"since": "1970-01-12T13:47:30Z"}, ["two"]),
            ({"maxstanzas": "x", "since": "never"}, ["one", "two"]),
        ],
    )
    async def test_less_history(
        self, ann: JabberUser, eve: JabberUser, limits: dict[str, str | None], lines: list[str]
    ) -> None:
        """§7.2.14: as much as all limits leave; one that is none counts for nothing."""
        await ann.says("one")
        ann.shop.clock.seconds += 60
        await ann.says("two")
        await eve.joins("Eve", element("history", limits))
        bodies = [one.findtext(C + "body") for one in eve.got]
        assert [body for body in bodies if body] == lines

    async def test_a_public_room(self, lobby: Lobby, eve: JabberUser) -> None:
        """§7.2.12: who enters is told that anybody may read what is said, by 170."""
        await lobby.set(public=True)
        await eve.joins("Eve")
        assert codes(eve.presences("Eve")[-1]) == [110, 170]

    async def test_while_a_web_node_asks(self, rooms: Shop, eve: JabberUser) -> None:
        """A room that nobody is in yet, and of which somebody asks, is not lost meanwhile."""
        join = element("x", {"xmlns": ns.MUC})
        rooms._hears(f'<presence from="{eve.jid}" to="{ROOM}/Eve">{join}</presence>')
        for _ in range(5):
            await asyncio.sleep(0)
            rooms.gateway._heard(events.RoomAsked("lobby%shop"))
        await rooms.settled()
        await eve.says("hello")
        assert eve.lines() == [("Eve", "hello")]


class TestInside:
    async def test_leaving(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.14: everybody is told, oneself with 110."""
        await eve.joins("Eve")
        await eve.leaves("Eve")
        for user, expected in ((ann, []), (eve, [110])):
            last = user.presences("Eve")[-1]
            assert last.get("type") == "unavailable"
            assert item(last)["role"] == "none"
            assert codes(last) == expected

    async def test_another_nick(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.6: unavailable with 303 and the new name, then the new name's presence."""
        await eve.joins("Eve")
        await eve.presence("/Evelyn")
        last = ann.presences("Eve")[-1]
        assert (last.get("type"), codes(last)) == ("unavailable", [303])
        assert item(last)["nick"] == "Evelyn"
        assert codes(eve.presences("Evelyn")[-1]) == [110]

    async def test_another_nick_by_entering_again(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.6: as mcabber asks for it."""
        await eve.joins("Eve")
        await eve.joins("Evelyn")
        assert codes(ann.presences("Eve")[-1]) == [303]
        assert codes(eve.presences("Evelyn")[-1]) == [110]

    async def test_entering_again(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.2.2: who asks once more is told everything once more."""
        await eve.joins("Eve")
        eve.forget()
        await eve.joins("Eve")
        assert [nick_of(one) for one in eve.got if one.tag == C + "presence"] == ["Ann", "Eve"]

    async def test_a_nick_in_conflict(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.6: conflict, and the old name stays."""
        await eve.joins("Eve")
        await eve.presence("/Ann")
        assert eve.error() == ("conflict", "cancel")
        await eve.says("still here")
        assert ann.lines() == [("Eve", "still here")]

    async def test_away(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.7: a change of presence goes to everybody."""
        await eve.joins("Eve")
        await eve.presence("/Eve", "<show>away</show><status>lunch</status>")
        last = ann.presences("Eve")[-1]
        assert (last.findtext(C + "show"), last.findtext(C + "status")) == ("away", "lunch")

    async def test_what_is_no_join(self, eve: JabberUser) -> None:
        """§7.2.18: who sends presence as if in it, and is not, learns so by 110, 307 and 333."""
        await eve.presence("/Eve")
        [last] = eve.presences("Eve")
        assert (last.get("type"), codes(last)) == ("unavailable", [110, 307, 333])

    async def test_a_forged_occupant_id(self, ann: JabberUser, eve: JabberUser) -> None:
        """XEP-0421 §4: what a client says of it goes nowhere, and each has its own."""
        forged = element("occupant-id", {"xmlns": ns.OCCUPANT_ID, "id": "g-forged"})
        await eve.joins("Eve", more=forged)
        ids = [one.findall(f"{{{ns.OCCUPANT_ID}}}occupant-id") for one in ann.presences("Eve")]
        assert [len(found) for found in ids] == [1]
        assert ids[0][0].get("id") != "g-forged"

    async def test_a_self_ping(self, eve: JabberUser) -> None:
        """XEP-0410 §3.3: a result for who is in it under that name, else not-acceptable."""
        ping = f'<ping xmlns="{ns.PING}"/>'
        assert (await eve.asks("get", ping, "/Eve")).get("type") == "error"
        assert eve.error() == ("not-acceptable", "cancel")
        await eve.joins("Eve")
        assert (await eve.asks("get", ping, "/Eve")).get("type") == "result"

    async def test_a_bounce(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.14: who cannot be reached any more is out, with 333."""
        await eve.joins("Eve")
        gone = f'<error type="cancel"><recipient-unavailable xmlns="{ns.STANZAS}"/></error>'
        await eve.message("/Ann", "error", gone)
        last = ann.presences("Eve")[-1]
        assert (last.get("type"), codes(last)) == ("unavailable", [333])

    async def test_a_harmless_error(self, ann: JabberUser, eve: JabberUser) -> None:
        """§7.14: other errors say nothing of it."""
        await eve.joins("Eve")
        soft = f'<error type="cancel"><feature-not-implemented xmlns="{ns.STANZAS}"/></error>'
        await eve.message("/Ann", "error", soft)
        assert ann.presences("Eve")[-1].get("type") is None
