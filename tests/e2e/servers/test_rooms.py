"""Rooms over Prosody and ejabberd, with scripted clients (XEP-0045)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway import namespaces as ns
from gateway.muc.ids import archive_id
from switchboard.model import new_visitor_id
from switchboard.nicks import clean_nick
from switchboard.rooms import RoomSettings, Seated
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import DOMAIN, WRITING, House
from tests.e2e.support.occupant import DELAY, Occupant, codes, condition, item
from tests.e2e.support.operator import Received
from tests.e2e.support.wait import eventually

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
async def ann(house: House, desk: Bridge) -> Occupant:
    """An operator in the lobby."""
    return await come(house, "ann", "Ann")


@pytest.fixture
async def bob(house: House, desk: Bridge, ann: Occupant) -> Occupant:
    """Somebody else in it."""
    return await come(house, "bob", "Bob")


async def come(house: House, name: str, nick: str, **login: str) -> Occupant:
    client = await house.login(name, knows_the_desk=False, **login)  # type: ignore[arg-type]
    one = Occupant(client, ROOM, nick)
    await one.join()
    return one


async def is_error(occupant: Occupant, expected: str, after: int) -> None:
    found = await occupant.client.wait_for(lambda one: one.type == "error", after=after)
    assert condition(found) == expected


class TestEntering:
    async def test_order(self, ann: Occupant, bob: Occupant) -> None:
        """§7.2.2, §7.2.15: others' presence, one's own with 110, history, then the subject."""
        ann.say("hello")
        await bob.hears("hello")
        ann.client.received.clear()
        await ann.join()
        told = [one for one in ann.client.received if one.sender.startswith(ROOM)]
        assert [_kind(one) for one in told[:4]] == ["Bob", "Ann 110", "hello", "subject Welcome"]

    async def test_conflict_and_two_clients(
        self, house: House, ann: Occupant, bob: Occupant
    ) -> None:
        """§7.2.8: a taken name is a conflict, unless it is one's own."""
        after = len(bob.client.received)
        bob.send_presence(nick="Ann")
        await is_error(bob, "conflict", after)
        phone = await come(house, "bob", "Bob", resource="phone")
        ann.say("to both")
        await bob.hears("to both")
        await phone.hears("to both")
        assert item(await phone.sees("Ann"))["affiliation"] == "admin"

    async def test_leaving(self, ann: Occupant, bob: Occupant) -> None:
        """§7.14: the others see it, and so they do of who only disconnects."""
        bob.send_presence(type="unavailable")
        await ann.sees("Bob", "unavailable")
        await bob.join()
        ann.client.received.clear()
        await bob.client.logout()
        await ann.sees("Bob", "unavailable")

    async def test_another_nick(self, ann: Occupant, bob: Occupant) -> None:
        """§7.6: 303 with the new name, then its presence."""
        bob.send_presence(nick="Robert Ö")
        assert item(await ann.sees("Bob", "unavailable", 303))["nick"] == "Robert Ö"
        assert 110 in codes(await bob.sees("Robert Ö"))

    async def test_self_ping(self, bob: Occupant) -> None:
        """XEP-0410 §3.3: a result inside, not-acceptable outside."""
        ping = f'<ping xmlns="{ns.PING}"/>'
        assert (await bob.ask("get", ping, "Bob")).type == "result"
        assert condition(await bob.ask("get", ping, "Nobody")) == "not-acceptable"


class TestSpeaking:
    async def test_one_order(self, desk: Bridge, ann: Occupant, bob: Occupant) -> None:
        """§7.4: lines of clients and of browsers come in the log's order, to everybody."""
        visitor = new_visitor_id()
        for number in range(10):
            ann.say(f"a{number}")
            bob.say(f"b{number}")
            await desk.say_in("lobby", visitor, "Gus", f"g{number}")
        await eventually(lambda: len(ann.lines()) == len(bob.lines()) == 30, 10.0, "all lines")
        stored = [(row.sender.name, row.body) for row in await desk.store.read(LOBBY, 0, 100)]
        assert ann.lines() == bob.lines() == stored

    async def test_ids(self, desk: Bridge, ann: Occupant, bob: Occupant) -> None:
        """§7.4, XEP-0359 §3, XEP-0421 §3: the client's own id, the room's, and the writer's."""
        id = bob.say("hello")
        line = await ann.hears("hello", "Bob")
        assert line.id == id
        stable = line.xml.find(f"{{{ns.STANZA_IDS}}}stanza-id")
        assert stable is not None
        known = archive_id(desk.rooms.room("shop", "lobby"), 1)
        assert (stable.get("by"), stable.get("id")) == (ROOM, known)
        assert line.xml.find(f"{{{ns.OCCUPANT_ID}}}occupant-id") is not None

    async def test_from_outside(self, house: House, ann: Occupant) -> None:
        """§7.4: who has not entered is not acceptable."""
        client = await house.login("bob", knows_the_desk=False)
        outside = Occupant(client, ROOM, "Bob")
        outside.say("hello")
        await is_error(outside, "not-acceptable", 0)
        assert ann.lines() == []

    @pytest.mark.parametrize(
        "nick", ["Zoë 😀", "שלום Bob", "<b>&'\"", "Gus / Web", "ﬁnn", "مرحبا 1"]
    )
    async def test_any_guest(self, desk: Bridge, ann: Occupant, nick: str) -> None:
        """§7.2.2: whatever a visitor is called, clients see them and their lines."""
        visitor, nick = new_visitor_id(), clean_nick(nick)
        desk.sit(visitor, Seated(LOBBY, nick))
        await desk.say_in("lobby", visitor, nick, "from the web")
        line = await ann.hears("from the web")
        shown = line.sender.partition("/")[2]
        await ann.sees(shown)
        ann.say("still linked")
        await ann.hears("still linked")

    async def test_private(self, desk: Bridge, ann: Occupant, bob: Occupant) -> None:
        """§7.5: to an operator; and an operator's to a visitor is the desk's talk."""
        bob.whisper("Ann", "psst")
        found = await ann.client.wait_for_message("psst")
        assert (found.sender, found.type) == (f"{ROOM}/Bob", "chat")
        visitor = new_visitor_id()
        desk.sit(visitor, Seated(LOBBY, "Gus"))
        await ann.sees("Gus")
        ann.whisper("Gus", "can I help?")

        async def answered() -> bool:
            return [row.body for row in await desk.store.read(visitor, 0, 9)] == ["can I help?"]

        await eventually(answered, 10.0, "the talk")

    async def test_subject(self, ann: Occupant, bob: Occupant) -> None:
        """§8.1: a moderator's is told to everybody."""
        ann.client.send_raw(
            f'<message to="{ROOM}" type="groupchat"><subject>Sale</subject></message>'
        )
        await bob.client.wait_for(lambda one: one.child_text("subject") == "Sale")


class TestModerating:
    async def test_kick(self, ann: Occupant, bob: Occupant) -> None:
        """§8.2: out with 307."""
        assert (await ann.administrate(nick="Bob", role="none")).type == "result"
        assert 110 in codes(await bob.sees("Bob", "unavailable", 307))

    async def test_voice(self, ann: Occupant, bob: Occupant) -> None:
        """§8.4: without voice it is forbidden to speak."""
        await ann.administrate(nick="Bob", role="visitor")
        after = len(bob.client.received)
        bob.say("hello")
        await is_error(bob, "forbidden", after)

    async def test_ban(self, house: House, ann: Occupant, bob: Occupant) -> None:
        """§9.1, §7.2.7: out with 301, and not let in again."""
        await ann.administrate(jid=house.address("bob"), affiliation="outcast")
        await bob.sees("Bob", "unavailable", 301)
        after = len(bob.client.received)
        bob.send_join()
        await is_error(bob, "forbidden", after)


async def test_disco(ann: Occupant) -> None:
    """§6.2 to §6.4: the domain lists the room, which says what it is."""
    client = ann.client
    domain = Occupant(client, DOMAIN, "")
    items = await domain.ask("get", f'<query xmlns="{ns.DISCO_ITEMS}"/>')
    assert ROOM in [one.get("jid") for one in items.xml[0]]
    info = await ann.ask("get", f'<query xmlns="{ns.DISCO_INFO}"/>')
    assert ns.MUC in [one.get("var") for one in info.xml[0]]


async def test_a_new_gateway_has_them(house: House, desk: Bridge, ann: Occupant) -> None:
    """A killed gateway's successor knows who is there, and who is not any more."""
    bob = await come(house, "bob", "Bob")
    ann.say("before")
    await bob.hears("before")
    await desk.store.flush()
    await asyncio.sleep(0)
    desk.crash()
    await bob.client.drop()
    async with house.bridge("ann") as after:
        ann.say("after")
        await ann.hears("after")
        await ann.sees("Bob", "unavailable", 333)
        assert [row.body for row in await after.store.read(LOBBY, 0, 9)] == ["before", "after"]


async def test_the_end_is_told(house: House) -> None:
    """A gateway that stops in order says so, with 110 and 332."""
    async with house.bridge("ann", rooms={"lobby": RoomSettings()}):
        ann = await come(house, "ann", "Ann")
    assert 110 in codes(await ann.sees("Ann", "unavailable", 332))


def _kind(one: Received) -> str:
    if one.kind == "presence":
        return " ".join([one.sender.partition("/")[2], *map(str, codes(one))])
    if one.has(DELAY):
        return one.body or ""
    return f"subject {one.child_text('subject')}"
