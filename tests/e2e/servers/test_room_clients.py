"""Real clients in a room, over Prosody and ejabberd: they join, talk, and see who comes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from switchboard.model import new_visitor_id
from switchboard.rooms import RoomSettings, Seated
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import DOMAIN, PASSWORD, WRITING, House
from tests.e2e.support.mcabber import Mcabber
from tests.e2e.support.occupant import Occupant
from tests.e2e.support.profanity import Profanity

# Rooms want no rights on the server.
pytestmark = pytest.mark.parametrize("server", WRITING, indirect=True)

LOBBY = "lobby%shop"
ROOM = f"{LOBBY}@{DOMAIN}"


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Bridge]:
    """A linked gateway with a lobby; ann is an operator, bob is none."""
    rooms = {"lobby": RoomSettings(title="Lobby", subject="Welcome")}
    async with house.bridge("ann", rooms=rooms) as running:
        yield running


@pytest.fixture
async def bob(house: House, desk: Bridge) -> Occupant:
    """Somebody in the lobby who has said something."""
    one = Occupant(await house.login("bob", knows_the_desk=False), ROOM, "Bob")
    await one.join()
    one.say("said before")
    await one.hears("said before")
    return one


async def test_profanity(house: House, desk: Bridge, bob: Occupant, profanity: Profanity) -> None:
    """§7.2, §7.4, §7.6, §8.2: history, subject, lines both ways, another nick, and a kick."""
    await profanity.connect(house.address("ann"), PASSWORD, house.server.c2s_port)
    profanity.type(f"/join {ROOM} nick Ann")
    await profanity.wait_for("said before")
    await profanity.wait_for("Welcome")
    profanity.type("hello from profanity")
    await bob.hears("hello from profanity", "Ann")
    visitor = new_visitor_id()
    desk.sit(visitor, Seated(LOBBY, "Gus"))
    await profanity.wait_for(re.compile("Gus"))
    await desk.say_in("lobby", visitor, "Gus", "hello from the web")
    await profanity.wait_for("hello from the web")
    profanity.type("/nick Anna")
    await bob.sees("Anna")
    profanity.type("/kick Bob enough")
    await bob.sees("Bob", "unavailable", 307)
    profanity.type("/leave")


async def test_mcabber(house: House, desk: Bridge, bob: Occupant, mcabber: Mcabber) -> None:
    """§7.2, §7.4, §7.6, §9.1: history, lines both ways, another nick, and a ban."""
    await mcabber.connect(house.address("ann"), PASSWORD, house.server.c2s_port)
    mcabber.command(f"/room join {ROOM} Ann")
    await bob.sees("Ann")
    mcabber.command(f"/roster search {LOBBY}")
    mcabber.press("Enter")
    await mcabber.wait_for("said before")
    mcabber.command(f"/say_to {ROOM} hello from mcabber")
    await bob.hears("hello from mcabber", "Ann")
    visitor = new_visitor_id()
    desk.sit(visitor, Seated(LOBBY, "Gus"))
    await desk.say_in("lobby", visitor, "Gus", "hello from the web")
    await mcabber.wait_for("<Gus> hello from the web")
    mcabber.command("/room nick Anna")
    await bob.sees("Anna")
    mcabber.command(f"/room ban {house.address('bob')} enough")
    await bob.sees("Bob", "unavailable", 301)
