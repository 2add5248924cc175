"""Rooms over the end of a gateway and a broken link (XEP-0045 §7.14, XEP-0410)."""

from __future__ import annotations

import pytest

from gateway import namespaces as ns
from gateway.component import LinkState
from gateway.xml import element
from switchboard.rooms import Seated
from tests.edge.gateway.jabber_user import C, JabberUser, codes, item
from tests.edge.gateway.lobby import LOBBY, Lobby
from tests.edge.gateway.shop import Shop

PING = f'<ping xmlns="{ns.PING}"/>'


async def test_everybody_is_still_in(rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
    """A new process has them under their names and standing: a self-ping says so."""
    await eve.presence("/Evelyn")
    await rooms.dies()
    await rooms.comes_back()
    assert (await eve.asks("get", PING, "/Evelyn")).get("type") == "result"
    await ann.presence("/Ann", "<show>away</show>")
    found = item(eve.presences("Ann")[-1])
    assert (found["affiliation"], found["role"]) == ("admin", "moderator")


async def test_who_left_is_out(rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
    """A self-ping of who has left before is not acceptable."""
    await eve.leaves("Eve")
    await rooms.dies()
    await rooms.comes_back()
    await eve.asks("get", PING, "/Eve")
    assert eve.error()[0] == "not-acceptable"


async def test_nothing_is_missed(rooms: Shop, lobby: Lobby, ann: JabberUser) -> None:
    """What was said while there was no gateway comes once it is back, and in order."""
    await lobby.says("before")
    await rooms.store.flush()
    await rooms.dies()
    await lobby.says("meanwhile")
    await rooms.comes_back()
    await lobby.says("after")
    assert [body for _, body in ann.lines()] == ["before", "meanwhile", "after"]


async def test_a_broken_link(rooms: Shop, lobby: Lobby, ann: JabberUser) -> None:
    """What is said while the link is down comes once it is up."""
    await lobby.says("before")
    rooms.gateway.link.state = LinkState.LOST
    await lobby.says("meanwhile")
    await rooms.relinks()
    assert [body for _, body in ann.lines()] == ["before", "meanwhile"]


async def test_who_is_gone_is_found_out(rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
    """§7.14: each client is sent something to come back from where nobody is."""
    eve.forget()
    await rooms.relinks()
    [probe] = [one for one in eve.got if one.get("type") == "groupchat"]
    assert (probe.find(C + "body"), probe.find(C + "subject")) == (None, None)
    gone = f'<error type="cancel"><service-unavailable xmlns="{ns.STANZAS}"/></error>'
    await eve.message("", "error", gone)
    assert codes(ann.presences("Eve")[-1]) == [333]


async def test_a_proper_end(rooms: Shop, ann: JabberUser, eve: JabberUser) -> None:
    """§7.14: each client is told that it is out, with 110 and 332, and nobody is taken over."""
    assert rooms.gateway._rooms is not None
    rooms.gateway._rooms.say_goodbye()
    await rooms.settled()
    for user, nick in ((ann, "Ann"), (eve, "Eve")):
        last = user.presences(nick)[-1]
        assert (last.get("type"), codes(last)) == ("unavailable", [110, 332])
    assert await rooms.store.occupants() == []


async def test_guests_come_by_the_census(rooms: Shop, visitor: str, ann: JabberUser) -> None:
    """A new process learns from the web nodes which visitors are in rooms."""
    rooms.sits(visitor, Seated(LOBBY, "Gus"))
    await rooms.settled()
    await rooms.dies()
    ann.forget()
    rooms.clock.seconds += 2  # web nodes answer once a second
    await rooms.comes_back()
    assert ann.presences("Gus")[-1].get("type") is None


def role(nick: str, name: str) -> str:
    """Gives somebody a role (§8.3, §8.4, §9.6)."""
    return element("item", {"nick": nick, "role": name})


async def comes_back(rooms: Shop) -> None:
    """A new process, which web nodes answer once a second."""
    rooms.clock.seconds += 2
    await rooms.comes_back()


async def test_roles_that_were_given(
    rooms: Shop, visitor: str, ann: JabberUser, eve: JabberUser
) -> None:
    """§8.3, §9.6: who was made moderator, or lost their voice, is so still, until they go."""
    rooms.sits(visitor, Seated(LOBBY, "Gus"))
    await rooms.settled()
    await ann.sets(role("Eve", "moderator"), role("Gus", "visitor"))
    await rooms.dies()
    ann.forget()
    eve.forget()
    await comes_back(rooms)
    assert item(ann.presences("Gus")[-1])["role"] == "visitor"
    await eve.sets(role("Gus", "participant"))
    assert item(ann.presences("Gus")[-1])["role"] == "participant"
    await eve.leaves("Eve")
    await eve.joins("Eve")
    assert item(eve.presences("Eve")[-1])["role"] == "participant"
    found = await rooms.store.occupants()
    assert {one.nick: one.role for one in found} == {"Ann": "", "Eve": "", "Gus": ""}


@pytest.mark.parametrize("named", [100, 0])
async def test_no_voice_over_a_proper_end(
    rooms: Shop, lobby: Lobby, visitor: str, ann: JabberUser, named: int
) -> None:
    """§8.3: a visitor, shown by name or not, stays on the page and gets no voice by it."""
    await lobby.set(named=named)
    rooms.sits(visitor, Seated(LOBBY, "Gus"))
    await rooms.settled()
    await ann.sets(role("Gus", "visitor"))
    assert rooms.gateway._rooms is not None
    rooms.gateway._rooms.say_goodbye()
    await rooms.dies()
    await comes_back(rooms)
    await ann.joins("Ann")
    rooms.gateway._rooms._restoring.tell_who_is_gone()
    await rooms.settled()
    mute = await ann.asks("get", f'<query xmlns="{ns.MUC_ADMIN}"><item role="visitor"/></query>')
    assert [one.get("nick") for one in mute[0]] == ["Gus"]
    assert [one.role for one in await rooms.store.occupants()] == ["", "visitor"]


async def test_a_role_of_who_left_meanwhile(rooms: Shop, visitor: str, ann: JabberUser) -> None:
    """Who comes again later has the role that everybody has who comes."""
    rooms.sits(visitor, Seated(LOBBY, "Gus"))
    await rooms.settled()
    await ann.sets(role("Gus", "visitor"))
    await rooms.dies()
    rooms.sits(visitor)
    await comes_back(rooms)
    assert rooms.gateway._rooms is not None
    rooms.gateway._rooms._restoring.tell_who_is_gone()
    rooms.sits(visitor, Seated(LOBBY, "Gus"))
    await rooms.settled()
    assert item(ann.presences("Gus")[-1])["role"] == "participant"


async def test_guests_who_left_meanwhile(rooms: Shop, ann: JabberUser) -> None:
    """§7.14: a new process tells clients which of the visitors that they were shown are gone."""
    rooms.sits("v-" + "a" * 16, Seated(LOBBY, "Gus"))
    rooms.sits("v-" + "b" * 16, Seated(LOBBY, "Hal"))
    await rooms.settled()
    await rooms.dies()
    rooms.sits("v-" + "a" * 16)
    rooms.clock.seconds += 2
    await rooms.comes_back()
    assert rooms.gateway._rooms is not None
    rooms.gateway._rooms._restoring.tell_who_is_gone()
    await rooms.settled()
    assert ann.presences("Gus")[-1].get("type") == "unavailable"
    assert ann.presences("Hal")[-1].get("type") is None
    assert [one.nick for one in await rooms.store.occupants()] == ["Ann", "Hal"]


async def test_nobody_to_remember_for(rooms: Shop, ann: JabberUser) -> None:
    """Without a Jabber client in the room nothing is written of who else is in it."""
    rooms.sits("v-" + "a" * 16, Seated(LOBBY, "Gus"))
    await rooms.settled()
    await ann.leaves("Ann")
    rooms.sits("v-" + "b" * 16, Seated(LOBBY, "Hal"))
    await rooms.settled()
    assert await rooms.store.occupants() == []


async def test_who_came_and_went_meanwhile(rooms: Shop, ann: JabberUser) -> None:
    """§7.2.2, §7.14: once the link is back clients hear who came and who went."""
    rooms.sits("v-" + "a" * 16, Seated(LOBBY, "Gus"))
    await rooms.settled()
    rooms.gateway.link.state = LinkState.LOST
    rooms.sits("v-" + "a" * 16)
    rooms.sits("v-" + "b" * 16, Seated(LOBBY, "Hal"))
    await rooms.settled()
    assert ann.presences("Gus")[-1].get("type") is None
    await rooms.relinks()
    assert ann.presences("Gus")[-1].get("type") == "unavailable"
    assert ann.presences("Hal")[-1].get("type") is None
