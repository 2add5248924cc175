"""Owners set a room, and the site does (XEP-0045 §10)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway import namespaces as ns
from gateway.muc.configuring import SETTINGS
from gateway.muc.stanzas import field
from gateway.xml import element
from switchboard.errors import NotFound
from switchboard.rooms import RoomSettings
from tests.edge.gateway.jabber_user import JabberUser, codes, error_of, item
from tests.edge.gateway.lobby import Lobby
from tests.edge.gateway.shop import ADMIN, Shop

GET = f'<query xmlns="{ns.MUC_OWNER}"/>'
FORMS = f"{{{ns.FORMS}}}"


@pytest.fixture
def lobby_settings() -> RoomSettings:
    return RoomSettings(title="Lobby", words=("mud", "dirt"))


def submit(*fields: str) -> str:
    form = f'<x xmlns="{ns.FORMS}" type="submit">{"".join(fields)}</x>'
    return f'<query xmlns="{ns.MUC_OWNER}">{form}</query>'


async def test_the_form_forth_and_back(lobby: Lobby, own: JabberUser) -> None:
    """§10.2: the form has every setting as it is, and sent back unchanged changes nothing."""
    before = lobby.room.settings
    form = (await own.asks("get", GET))[0][0]
    fields = {one.get("var"): one for one in form.iter(f"{FORMS}field")}
    assert fields.keys() == {"FORM_TYPE", *(one.var for one in SETTINGS)}
    values = {
        var or "": [value.text or "" for value in one.iter(f"{FORMS}value")]
        for var, one in fields.items()
    }
    assert values["x-words"] == ["mud", "dirt"]
    answer = await own.asks("set", submit(*(field(*pair) for pair in values.items())))
    assert answer.get("type") == "result"
    assert lobby.room.settings == before


async def test_a_change_is_told(lobby: Lobby, own: JabberUser, eve: JabberUser) -> None:
    """§10.2.1: everybody hears that it is set otherwise, with 104."""
    await own.asks("set", submit(field("x-slow-seconds", "2.5")))
    assert lobby.room.settings.slow_seconds == 2.5
    assert codes(eve.got[-1]) == [104]


async def test_members_only_from_now_on(rooms: Shop, own: JabberUser, eve: JabberUser) -> None:
    """§10.2.1: who is no member goes, with 322."""
    await own.asks("set", submit(field("muc#roomconfig_membersonly", "1")))
    last = eve.presences("Eve")[-1]
    assert (last.get("type"), codes(last)) == ("unavailable", [110, 322])


@pytest.mark.parametrize(
    ("var", "value"),
    [
        ("x-slow-seconds", "soon"),
        ("x-slow-seconds", "-1"),
        ("x-slow-seconds", "inf"),
        ("x-named", "1.5"),
        ("x-links", "perhaps"),
        ("muc#roomconfig_roomname", "x" * 81),
    ],
)
async def test_a_value_that_may_not_be(lobby: Lobby, own: JabberUser, var: str, value: str) -> None:
    """§10.1.3: it is not acceptable, and nothing of the form counts."""
    before = lobby.room.settings
    form = submit(field("muc#roomconfig_moderatedroom", "1"), field(var, value))
    assert error_of(await own.asks("set", form)) == ("not-acceptable", "modify")
    assert lobby.room.settings == before


async def test_no_form(own: JabberUser) -> None:
    """§10.2: what is no form is a bad request."""
    assert error_of(await own.asks("set", GET)) == ("bad-request", "modify")


async def test_cancelled(rooms: Shop, own: JabberUser) -> None:
    """§10.2: a form that is cancelled changes nothing."""
    form = f'<query xmlns="{ns.MUC_OWNER}"><x xmlns="{ns.FORMS}" type="cancel"/></query>'
    assert (await own.asks("set", form)).get("type") == "result"


async def test_others(eve: JabberUser) -> None:
    """§10.2: who is no owner is forbidden to."""
    assert error_of(await eve.asks("get", GET)) == ("forbidden", "auth")


async def test_admins_of_the_service(rooms: Shop, own: JabberUser, eve: JabberUser) -> None:
    """§5.2: whom the configuration names owns every room, and nobody takes that away."""
    boss = JabberUser(rooms, f"{ADMIN}/home")
    await boss.joins("Boss")
    assert item(eve.presences("Boss")[-1])["affiliation"] == "owner"
    assert (await boss.asks("get", GET)).get("type") == "result"
    query = f'<query xmlns="{ns.MUC_ADMIN}"><item affiliation="owner"/></query>'
    listed = [one.get("jid") for one in (await boss.asks("get", query))[0]]
    assert listed == ["own@example.org", ADMIN]
    await boss.sets(element("item", {"jid": ADMIN, "affiliation": "member"}))
    assert boss.error() == ("conflict", "cancel")


async def test_destroying(own: JabberUser) -> None:
    """§10.9: it is the site's to remove."""
    query = f'<query xmlns="{ns.MUC_OWNER}">{element("destroy", {})}</query>'
    assert error_of(await own.asks("set", query)) == ("not-allowed", "cancel")


async def test_removed_on_the_site(rooms: Shop, own: JabberUser, eve: JabberUser) -> None:
    """§10.9: everybody is told that the room is no more, and it is not found again."""
    [site] = await rooms.store.sites()
    await rooms.store.save_site(replace(site, settings=replace(site.settings, rooms={})))
    await rooms.directory.refresh()
    await rooms.settled()
    last = eve.presences("Eve")[-1]
    assert last.get("type") == "unavailable"
    assert last.find(f".//{{{ns.MUC_USER}}}destroy") is not None
    await eve.joins("Eve")
    assert eve.error() == ("item-not-found", "cancel")
    with pytest.raises(NotFound):
        rooms.rooms.room("shop", "lobby")


async def test_no_operator_any_more(rooms: Shop, ann: JabberUser) -> None:
    """§10.7: who is removed as an operator is no admin here at once."""
    await rooms.store.remove_operator("shop", "ann@example.org")
    await rooms.directory.refresh()
    await rooms.settled()
    found = item(ann.presences("Ann")[-1])
    assert (found["affiliation"], found["role"]) == ("none", "participant")
