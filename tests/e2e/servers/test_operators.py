"""Several operators and their commands on real servers: the same tests over all three."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from switchboard.model import Phase
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import DESK, House, Login, jid
from tests.e2e.support.operator import Operator, Received
from tests.e2e.support.wait import eventually

COMMANDS = "{http://jabber.org/protocol/commands}"
FORMS = "{jabber:x:data}"
DELAY = "{urn:xmpp:delay}delay"


async def phase(desk: Bridge, visitor: str) -> tuple[Phase, str | None]:
    """Where the talk stands, and the name of who has it."""
    found = await desk.store.conversation(visitor)
    assert found is not None
    by_id = {one.id: one.name for one in await desk.store.operators()}
    return found.state.phase, by_id.get(found.state.operator or "")


async def command(operator: Operator, to: str, words: str) -> str:
    """What the desk answers first."""
    before = len(operator.received)
    operator.send_message_to(to, words)
    answer = await operator.wait_for(
        lambda one: one.kind == "message" and (one.body or "").startswith("[desk]"), after=before
    )
    return (answer.body or "").removeprefix("[desk] ")


async def answer_to(operator: Operator, id: str) -> Received:
    """The answer to an iq."""
    return await operator.wait_for(lambda one: one.kind == "iq" and one.id == id)


async def execute(
    operator: Operator, to: str, node: str, fields: dict[str, str] | None = None, **more: str
) -> ET.Element:
    """The command element that answers (XEP-0050 §2)."""
    element = ET.Element(COMMANDS + "command", {"node": node, **more})
    if fields is not None:
        form = ET.SubElement(element, FORMS + "x", {"type": "submit"})
        for name, text in fields.items():
            field = ET.SubElement(form, FORMS + "field", {"var": name})
            ET.SubElement(field, FORMS + "value").text = text
    answer = await answer_to(operator, operator.send_iq(to, "set", element))
    found = answer.xml.find(COMMANDS + "command")
    assert found is not None, answer.text
    return found


def line(operator: Operator, visitor: str, body: str) -> Received:
    """The one message of that body from a visitor."""
    (found,) = [one for one in operator.messages(jid(visitor)) if one.body == body]
    return found


async def test_transfer_with_note_and_history(desk: Bridge, house: House, operator: Login) -> None:
    """The receiver's window has what was said, with its time, once; and the talk goes on there."""
    ann = await operator("ann")
    visit = desk.arrive("Eve")
    await house.appears(ann, visit)
    await desk.talks.say(visit, "c1", "hello")
    await ann.wait_for_message("hello")
    ann.send_message_to(jid(visit.visitor), "good day")
    await eventually(lambda: desk.log(visit))
    bob = await operator("bob")
    await house.appears(bob, visit)
    assert "Bob has this talk" in await command(ann, jid(visit.visitor), "!transfer @bob a regular")
    for body in ("hello", "[Ann] good day"):
        await bob.wait_for_message(body, jid(visit.visitor))
        assert line(bob, visit.visitor, body).has(DELAY)
    await bob.wait_for_message("[note by Ann] a regular", jid(visit.visitor))
    assert await phase(desk, visit.visitor) == (Phase.TAKEN, "Bob")
    await desk.talks.say(visit, "c2", "still there?")
    await bob.wait_for_message("still there?", jid(visit.visitor))
    assert not [one for one in ann.messages() if one.body == "still there?"]


async def test_two_operators_in_a_talk(desk: Bridge, house: House, operator: Login) -> None:
    """Each sees the visitor's and the other's lines in the visitor's window, by name."""
    ann, bob = await operator("ann"), await operator("bob")
    visit = desk.arrive("Eve")
    await house.appears(ann, visit)
    await house.appears(bob, visit)
    await desk.talks.say(visit, "c1", "hello")
    await ann.wait_for_message("hello")
    ann.send_message_to(jid(visit.visitor), "good day")
    await bob.wait_for(lambda one: "Ann answers Eve" in (one.body or ""))
    await command(ann, jid(visit.visitor), "!invite @bob")
    bob.send_message_to(jid(visit.visitor), "hello from Bob")
    await ann.wait_for_message("[Bob] hello from Bob", jid(visit.visitor))
    await desk.talks.say(visit, "c2", "hi both")
    await ann.wait_for_message("hi both", jid(visit.visitor))
    await bob.wait_for_message("hi both", jid(visit.visitor))
    senders = [one.sender.name for one in await desk.log(visit)]
    assert senders == ["Eve", "Ann", "Bob", "Eve"]
    await command(ann, jid(visit.visitor), "!leave")
    assert await phase(desk, visit.visitor) == (Phase.TAKEN, "Bob")


async def test_an_unknown_command_is_not_sent(desk: Bridge, house: House, operator: Login) -> None:
    """The nearest one is named, and the log has nothing of it."""
    ann = await operator("ann")
    visit = desk.arrive("Eve")
    await house.appears(ann, visit)
    assert "!history" in await command(ann, jid(visit.visitor), "!histroy")
    assert await desk.log(visit) == []
    assert "Commands:" in await command(ann, DESK, "!help")


async def test_commands_as_forms(desk: Bridge, house: House, operator: Login) -> None:
    """Listed by the visitor and the desk, and carried out step by step."""
    ann, bob = await operator("ann"), await operator("bob")
    visit = desk.arrive("Eve")
    contact = jid(visit.visitor)
    await house.appears(ann, visit)
    await house.appears(bob, visit)
    await desk.talks.say(visit, "c1", "hello")
    await ann.wait_for_message("hello")
    query = ET.Element("{http://jabber.org/protocol/disco#items}query", {"node": COMMANDS[1:-1]})
    for to, node in ((contact, "transfer"), (DESK, "away")):
        listed = await answer_to(ann, ann.send_iq(to, "get", query))
        assert node in {item.get("node") for item in listed.xml[0]}
    taken = await execute(ann, contact, "take")
    assert taken.get("status") == "completed"
    first = await execute(ann, contact, "transfer")
    session = first.get("sessionid") or ""
    (choice,) = [
        option.findtext(FORMS + "value") or ""
        for option in first.iter(FORMS + "option")
        if (option.get("label") or "").startswith("Bob")
    ]
    await execute(ann, contact, "transfer", {"operator": choice}, sessionid=session, action="next")
    done = await execute(
        ann, contact, "transfer", {"note": "a regular"}, sessionid=session, action="complete"
    )
    assert done.get("status") == "completed"
    await bob.wait_for(lambda one: "Note: a regular" in (one.body or ""))
    assert await phase(desk, visit.visitor) == (Phase.TAKEN, "Bob")


async def test_names_notes_and_bans(desk: Bridge, house: House, operator: Login) -> None:
    """A name reaches the contact list; a ban ends the talk and takes the visitor off the list."""
    ann = await operator("ann")
    visit = desk.arrive("Eve")
    contact = jid(visit.visitor)
    await house.appears(ann, visit)
    await desk.talks.say(visit, "c1", "hello")
    await ann.wait_for_message("hello")
    await command(ann, contact, "!name Eve Adams")
    await command(ann, contact, "!note pays late")
    card = await command(ann, contact, "!info")
    assert "Name: Eve Adams" in card
    assert "Note: pays late (Ann)" in card
    if house.writes:
        await eventually(lambda: ann.roster()[contact].name == "Eve Adams", 10.0, "the name")
    assert "banned until" in await command(ann, contact, "!ban 1h")
    assert (await phase(desk, visit.visitor))[0] is Phase.QUIET
    await house.leaves(ann, visit)
    assert visit.visitor in await command(ann, DESK, "!unban")


async def test_an_encrypted_message_is_answered_in_words(
    desk: Bridge, house: House, operator: Login
) -> None:
    """OMEMO cannot be read: the desk says so once, and the visitor gets nothing of it."""
    ann = await operator("ann")
    visit = desk.arrive("Eve")
    await house.appears(ann, visit)
    ann.send_encrypted_to(jid(visit.visitor), "I sent you an OMEMO encrypted message")
    answer = await ann.wait_for(lambda one: "came encrypted" in (one.body or ""))
    assert answer.type == "chat"
    assert await desk.log(visit) == []
