"""Moderators, admins and owners: who goes, has voice, is what to the room (XEP-0045 §8 to §10)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway import namespaces as ns
from gateway.jids import visitor_bare
from gateway.xml import element, text
from switchboard import events
from switchboard.rooms import Affiliation, Role, RoomSettings, Seated
from tests.edge.gateway.jabber_user import JabberUser, codes, error_of, item
from tests.edge.gateway.lobby import LOBBY, Lobby
from tests.edge.gateway.shop import DOMAIN, Shop

ADMIN = f"{{{ns.MUC_ADMIN}}}"


def role(nick: str, role: Role, reason: str = "") -> str:
    inside = [text("reason", reason)] if reason else []
    return element("item", {"nick": nick, "role": role.value}, *inside)


def affiliation(jid: str, what: str, reason: str = "") -> str:
    inside = [text("reason", reason)] if reason else []
    return element("item", {"jid": jid, "affiliation": what}, *inside)


async def told(shop: Shop) -> list[events.Event]:
    """What web nodes hear of the lobby from now on."""
    heard: list[events.Event] = []
    shop.bus.subscribe(events.conversation_topic(LOBBY), heard.append)
    return heard


class TestRoles:
    async def test_kick(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.2: out with 307, the reason, and who did it."""
        assert (await ann.sets(role("Eve", Role.NONE, "noise"))).get("type") == "result"
        for user, expected in ((ann, [307]), (eve, [110, 307])):
            last = user.presences("Eve")[-1]
            assert (last.get("type"), codes(last)) == ("unavailable", expected)
            assert last.findtext(f".//{{{ns.MUC_USER}}}reason") == "noise"
        await eve.says("still?")
        assert eve.error() == ("not-acceptable", "modify")

    async def test_kick_by_a_participant(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.2: who is no moderator is forbidden to."""
        assert error_of(await eve.sets(role("Ann", Role.NONE))) == ("forbidden", "auth")

    async def test_kick_above(self, ann: JabberUser, own: JabberUser) -> None:
        """§8.2: nobody kicks who is above them."""
        assert error_of(await ann.sets(role("Own", Role.NONE))) == ("not-allowed", "cancel")

    async def test_voice(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.4, §8.3: voice is taken, and given back."""
        await ann.sets(role("Eve", Role.VISITOR))
        assert item(eve.presences("Eve")[-1])["role"] == "visitor"
        await eve.says("hello")
        assert eve.error() == ("forbidden", "auth")
        await ann.sets(role("Eve", Role.PARTICIPANT))
        await eve.says("hello")
        assert ann.lines() == [("Eve", "hello")]

    async def test_moderator(self, ann: JabberUser, eve: JabberUser) -> None:
        """§9.6, §9.7: an admin makes a moderator, who sees JIDs; and takes it back."""
        await ann.sets(role("Eve", Role.MODERATOR))
        assert item(eve.presences("Eve")[-1])["role"] == "moderator"
        await ann.sets(role("Eve", Role.PARTICIPANT))
        assert item(eve.presences("Eve")[-1])["role"] == "participant"

    async def test_nobody(self, ann: JabberUser) -> None:
        """§8.2: an occupant who is not there is item-not-found."""
        assert error_of(await ann.sets(role("Nix", Role.NONE))) == ("item-not-found", "cancel")

    async def test_all_or_nothing(self, ann: JabberUser, eve: JabberUser) -> None:
        """§8.5: of several changes none is done if one may not be."""
        answer = await ann.sets(role("Eve", Role.NONE), role("Nix", Role.NONE))
        assert answer.get("type") == "error"
        assert ann.presences("Eve")[-1].get("type") is None

    async def test_list(self, ann: JabberUser, eve: JabberUser) -> None:
        """§9.8: moderators see who moderates."""
        query = f'<query xmlns="{ns.MUC_ADMIN}"><item role="moderator"/></query>'
        answer = await ann.asks("get", query)
        assert [one.get("nick") for one in answer[0]] == ["Ann"]
        assert error_of(await eve.asks("get", query)) == ("forbidden", "auth")

    @pytest.mark.parametrize(
        "inside",
        ["", '<item nick="Eve" role="king"/>', '<item nick="Eve"/>', "<item/>" * 200],
    )
    async def test_malformed(self, ann: JabberUser, eve: JabberUser, inside: str) -> None:
        """§8: a request that is none is a bad request, and changes nothing."""
        assert error_of(await ann.sets(inside)) == ("bad-request", "modify")
        assert ann.presences("Eve")[-1].get("type") is None


class TestAffiliations:
    async def test_ban(self, rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
        """§9.1, §7.2.7: out with 301, on the list, and forbidden to come in again."""
        await ann.sets(affiliation("eve@example.org", "outcast", "spam"))
        last = eve.presences("Eve")[-1]
        assert (last.get("type"), codes(last)) == ("unavailable", [110, 301])
        await eve.joins("Eve")
        assert eve.error() == ("forbidden", "auth")
        query = f'<query xmlns="{ns.MUC_ADMIN}"><item affiliation="outcast"/></query>'
        answer = await ann.asks("get", query)
        assert [one.get("jid") for one in answer[0]] == ["eve@example.org"]

    async def test_ban_oneself(self, ann: JabberUser) -> None:
        """§9.1: it is a conflict."""
        answer = await ann.sets(affiliation("ann@example.org", "outcast"))
        assert error_of(answer) == ("conflict", "cancel")

    async def test_ban_an_owner(self, ann: JabberUser, own: JabberUser) -> None:
        """§9.1: admins do not ban owners."""
        answer = await ann.sets(affiliation("own@example.org", "outcast"))
        assert error_of(answer) == ("not-allowed", "cancel")

    async def test_by_a_participant(self, ann: JabberUser, eve: JabberUser) -> None:
        """§9.1: who is neither admin nor owner is forbidden to."""
        answer = await eve.sets(affiliation("ann@example.org", "outcast"))
        assert error_of(answer) == ("forbidden", "auth")

    async def test_member(self, ann: JabberUser, eve: JabberUser) -> None:
        """§9.3, §9.4: one is made a member, and is none again."""
        await ann.sets(affiliation("eve@example.org", "member"))
        assert item(ann.presences("Eve")[-1])["affiliation"] == "member"
        await ann.sets(affiliation("eve@example.org", "none"))
        assert item(ann.presences("Eve")[-1])["affiliation"] == "none"

    async def test_admin_by_owners_alone(
        self, ann: JabberUser, own: JabberUser, eve: JabberUser
    ) -> None:
        """§10.6: owners make admins, who moderate; admins do not."""
        answer = await ann.sets(affiliation("eve@example.org", "admin"))
        assert error_of(answer) == ("not-allowed", "cancel")
        await own.sets(affiliation("eve@example.org", "admin"))
        assert item(ann.presences("Eve")[-1])["role"] == "moderator"

    async def test_lists_are_admins(self, ann: JabberUser, eve: JabberUser) -> None:
        """§9.5: others are forbidden to see them."""
        query = f'<query xmlns="{ns.MUC_ADMIN}"><item affiliation="member"/></query>'
        assert error_of(await eve.asks("get", query)) == ("forbidden", "auth")
        assert (await ann.asks("get", query)).get("type") == "result"

    async def test_page_rooms_keep_no_lists(self, rooms: Shop) -> None:
        """A page's own room has no settings of its own: not-allowed."""
        [site] = await rooms.store.sites()
        settings = replace(site.settings, page_rooms=RoomSettings())
        await rooms.store.save_site(replace(site, settings=settings))
        await rooms.directory.refresh()
        ann = JabberUser(rooms, "ann@example.org/desk", f"p-{'a' * 16}%shop@{DOMAIN}")
        await ann.joins("Ann")
        answer = await ann.sets(affiliation("eve@example.org", "outcast"))
        assert error_of(answer) == ("not-allowed", "cancel")


class TestMembersOnly:
    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        return RoomSettings(members_only=True, affiliations={"mia@example.org": Affiliation.MEMBER})

    async def test_entering(self, rooms: Shop) -> None:
        """§7.2.6: members alone come in, others get registration-required."""
        mia, eve = (JabberUser(rooms, f"{name}@example.org/x") for name in ("mia", "eve"))
        await mia.joins("Mia")
        await eve.joins("Eve")
        assert item(mia.presences("Mia")[0])["affiliation"] == "member"
        assert eve.error() == ("registration-required", "auth")

    async def test_no_member_any_more(self, rooms: Shop, ann: JabberUser) -> None:
        """§9.4: who is none any more is out, with 321."""
        mia = JabberUser(rooms, "mia@example.org/x")
        await mia.joins("Mia")
        await ann.sets(affiliation("mia@example.org", "none"))
        last = mia.presences("Mia")[-1]
        assert (last.get("type"), codes(last)) == ("unavailable", [110, 321])


class TestGuests:
    async def test_they_are_occupants(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """§7.2.2: a visitor in the room has presence there, comes and goes."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        first = ann.presences("Gus")[-1]
        assert item(first)["role"] == "participant"
        assert item(first)["jid"].startswith(visitor)
        rooms.sits(visitor)
        await rooms.settled()
        assert ann.presences("Gus")[-1].get("type") == "unavailable"

    async def test_a_race_for_a_name(self, rooms: Shop, visitor: str, eve: JabberUser) -> None:
        """§7.2.8: who comes later is called otherwise, and their web node is told."""
        heard = await told(rooms)
        rooms.sits(visitor, Seated(LOBBY, "Eve"))
        await rooms.settled()
        assert [one for one in heard if isinstance(one, events.Renamed)] == [
            events.Renamed(LOBBY, visitor, "Eve 2")
        ]
        rooms.sits(visitor, Seated(LOBBY, "Eve 2"))
        await rooms.settled()
        assert len(eve.presences("Eve 2")) == 1

    async def test_kick(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """§8.2: a visitor is out, and their web node is told until it says so too."""
        heard = await told(rooms)
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        await ann.sets(role("Gus", Role.NONE, "noise"))
        assert codes(ann.presences("Gus")[-1]) == [307]
        assert events.Expelled(LOBBY, visitor, "noise") in heard
        rooms.sits(visitor, Seated(LOBBY, "Gus"), name="Gustav")
        await rooms.settled()
        assert ann.presences("Gus")[-1].get("type") == "unavailable"
        rooms.sits(visitor)
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        assert ann.presences("Gus")[-1].get("type") is None

    async def test_ban(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """§9.1: it is the site's ban, which the desk has too; and lifting it here lifts that."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        jid = visitor_bare(visitor, DOMAIN)
        await ann.sets(affiliation(jid, "outcast"))
        assert codes(ann.presences("Gus")[-1]) == [301]
        ban = rooms.directory.ban("shop", visitor)
        assert ban is not None
        assert (ban.by, ban.name) == ("Ann", "Gus")
        query = f'<query xmlns="{ns.MUC_ADMIN}"><item affiliation="outcast"/></query>'
        assert [one.get("jid") for one in (await ann.asks("get", query))[0]] == [jid]
        await ann.sets(affiliation(jid, "none"))
        assert rooms.directory.ban("shop", visitor) is None

    async def test_no_more_than_a_ban(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """Visitors of the site are no members: they are known for a while only."""
        answer = await ann.sets(affiliation(visitor_bare(visitor, DOMAIN), "member"))
        assert error_of(answer) == ("not-allowed", "cancel")

    async def test_voice_is_told(self, rooms: Shop, visitor: str, ann: JabberUser) -> None:
        """§8.4: web nodes hear what a visitor may do."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        rooms.gateway._rooms._crowd.rosters.flush()  # type: ignore[union-attr]
        await rooms.settled()
        heard = await told(rooms)
        await ann.sets(role("Gus", Role.VISITOR))
        rooms.gateway._rooms._crowd.rosters.flush()  # type: ignore[union-attr]
        await rooms.settled()
        [word] = [one for one in heard if isinstance(one, events.RoomChanged)]
        assert [(one.name, one.role) for one in word.changed] == [("Gus", Role.VISITOR)]


class TestRosters:
    async def test_pages(self, rooms: Shop, visitor: str, ann: JabberUser, eve: JabberUser) -> None:
        """Who asks is told everybody, with numbers that follow one another."""
        rooms.sits(visitor, Seated(LOBBY, "Gus"))
        await rooms.settled()
        heard = await told(rooms)
        rooms.rooms.ask(LOBBY)
        rooms.rooms.ask(LOBBY)
        await rooms.settled()
        words = [one for one in heard if isinstance(one, events.RoomChanged | events.RoomPage)]
        assert [one.number for one in words] == [1, 2, 3]
        page = words[-1]
        assert isinstance(page, events.RoomPage)
        assert {(one.name, one.kind) for one in page.occupants} == {
            ("Ann", "operator"),
            ("Eve", "visitor"),
            ("Gus", "visitor"),
        }


class TestManyGuests:
    @pytest.fixture
    def lobby_settings(self) -> RoomSettings:
        return RoomSettings(named=3)

    async def test_some_are_named(self, rooms: Shop, lobby: Lobby, ann: JabberUser) -> None:
        """So many are shown by name, all are counted, and who writes is shown first."""
        visitors = [f"v-{letter * 16}" for letter in "abcde"]
        for number, one in enumerate(visitors):
            rooms.sits(one, Seated(LOBBY, f"Guest{number}"))
        await rooms.settled()
        shown = [n for n in range(5) if ann.presences(f"Guest{n}")]
        assert shown == [0, 1, 2]
        await lobby.says("hello", by=lobby.guest(visitors[4], "Guest4"))
        assert ann.presences("Guest4")
        tags = [one.get("from", "").rpartition("/")[2] for one in ann.got][-2:]
        assert tags == ["Guest4", "Guest4"]
        there = [n for n in range(5) if _is_there(ann, f"Guest{n}")]
        assert len(there) == 3


def _is_there(user: JabberUser, nick: str) -> bool:
    told = user.presences(nick)
    return bool(told) and told[-1].get("type") is None
