"""Corrections, retractions, moderation and invitations in a room, over real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound
from gateway.xml import element, text
from switchboard.model import Act, new_visitor_id
from switchboard.reception.rooms import Origin
from switchboard.rooms import RoomSettings
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import DOMAIN, WRITING, House
from tests.e2e.support.occupant import USER, Occupant, condition
from tests.e2e.support.operator import Received

# Rooms want no rights on the server.
pytestmark = pytest.mark.parametrize("server", WRITING, indirect=True)

ROOM = f"lobby%shop@{DOMAIN}"


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Bridge]:
    """A linked gateway with a lobby; ann is an operator, bob is none."""
    async with house.bridge("ann", rooms={"lobby": RoomSettings(title="Lobby")}) as running:
        yield running


@pytest.fixture
async def ann(house: House, desk: Bridge) -> Occupant:
    """An operator in the lobby."""
    return await come(house, "ann", "Ann")


@pytest.fixture
async def bob(house: House, desk: Bridge, ann: Occupant) -> Occupant:
    """Somebody else in it."""
    return await come(house, "bob", "Bob")


async def come(house: House, name: str, nick: str) -> Occupant:
    one = Occupant(await house.login(name, knows_the_desk=False), ROOM, nick)
    await one.join()
    return one


def room_id(line: Received) -> str:
    """The id that the room gave it."""
    found = line.xml.find(f"{{{ns.STANZA_IDS}}}stanza-id")
    assert found is not None
    return found.get("id", "")


async def gets(one: Occupant, namespace: str, name: str) -> ET.Element:
    """The element of the first message that has it."""
    tag = f"{{{namespace}}}{name}"
    message = await one.client.wait_for(lambda got: got.kind == "message" and got.has(tag))
    found = message.xml.find(tag)
    assert found is not None
    return found


async def test_a_correction(desk: Bridge, ann: Occupant, bob: Occupant) -> None:
    """XEP-0308 §3: another client is told which line it is, and the log has it."""
    id = bob.say("helo")
    await ann.hears("helo", "Bob")
    bob.say("hello", outbound.replace(id))
    assert (await ann.hears("hello", "Bob")).replaces == id
    assert [row.body for row in await desk.store.history("lobby%shop", None, 9)] == ["hello"]


async def test_a_retraction_from_the_site(desk: Bridge, ann: Occupant) -> None:
    """XEP-0424 §3: what a guest takes back is taken back in Jabber, by the room's id."""
    visitor = new_visitor_id()
    said = await desk.say_in("lobby", visitor, "Gus", "my PIN is 1234")
    line = await ann.hears("my PIN is 1234", "Gus")
    origin = Origin(visitor=visitor)
    room = desk.rooms.room("shop", "lobby")
    await desk.rooms.amend(room, said.sender, Act.RETRACT, said.seq, origin)
    assert (await gets(ann, ns.RETRACT, "retract")).get("id") == room_id(line)


async def test_a_reaction(ann: Occupant, bob: Occupant) -> None:
    """XEP-0444 §5.2: by the room's id, there and back."""
    bob.say("hello")
    line = await ann.hears("hello", "Bob")
    ann.say("👍", outbound.reactions(room_id(line), ["👍"]))
    reactions = await gets(bob, ns.REACTIONS, "reactions")
    assert (reactions.get("id"), [one.text for one in reactions]) == (room_id(line), ["👍"])


async def test_moderation(ann: Occupant, bob: Occupant) -> None:
    """XEP-0425 §3: a moderator's request is carried out and told by the room; others' is not."""
    bob.say("buy this")
    line = await ann.hears("buy this", "Bob")
    retract, reason = element("retract", {"xmlns": ns.RETRACT}), text("reason", "spam")
    request = element("moderate", {"xmlns": ns.MODERATE, "id": room_id(line)}, retract, reason)
    assert condition(await bob.ask("set", request)) == "forbidden"
    assert (await ann.ask("set", request)).type == "result"
    told = await gets(bob, ns.RETRACT, "retract")
    assert told.get("id") == room_id(line)
    assert told.findtext(f"{{{ns.RETRACT}}}reason") == "spam"
    moderated = told.find(f"{{{ns.MODERATE}}}moderated")
    assert moderated is not None
    assert moderated.get("by") == f"{ROOM}/Ann"


async def test_an_invitation(house: House, ann: Occupant) -> None:
    """XEP-0045 §7.8.2, XEP-0249: it comes from the room, and who declines is heard."""
    bob = Occupant(await house.login("bob", knows_the_desk=False), ROOM, "Bob")
    invite = element("invite", {"to": house.address("bob")}, text("reason", "join us"))
    user = element("x", {"xmlns": ns.MUC_USER}, invite)
    ann.client.send_raw(element("message", {"to": ROOM}, user))
    asked = await gets(bob, ns.MUC_USER, "x")
    assert asked[0].get("from") == f"{ROOM}/Ann"
    assert (await gets(bob, ns.CONFERENCE, "x")).get("jid") == ROOM
    decline = element("decline", {"to": f"{ROOM}/Ann"}, text("reason", "later"))
    user = element("x", {"xmlns": ns.MUC_USER}, decline)
    bob.client.send_raw(element("message", {"to": ROOM}, user))
    answer = await ann.client.wait_for(lambda one: one.has(f"{USER}x/{USER}decline"))
    assert answer.sender == ROOM
