"""The commands as XEP-0050 has them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway.jids import visitor_full
from gateway.xml import element, text
from switchboard.model import Phase
from tests.edge.gateway.shop import DOMAIN, Shop

COMMAND = f"{{{ns.COMMANDS}}}command"
FORM = f"{{{ns.FORMS}}}x"
FIELD = f"{{{ns.FORMS}}}field"
OPTION = f"{{{ns.FORMS}}}option"
VALUE = f"{{{ns.FORMS}}}value"
NOTE = f"{{{ns.COMMANDS}}}note"


async def execute(
    shop: Shop, to: str, node: str, fields: dict[str, str] | None = None, **attributes: str
) -> ET.Element:
    """Ann's request to a command, with a form if there are fields; the answer's iq."""
    filled = [
        element("field", {"var": var}, text("value", value))
        for var, value in (fields or {}).items()
    ]
    form = [element("x", {"xmlns": ns.FORMS, "type": "submit"}, *filled)] if filled else []
    command = element("command", {"xmlns": ns.COMMANDS, "node": node, **attributes}, *form)
    return await shop.asks("ann", to, "set", command)


def command_of(answer: ET.Element) -> ET.Element:
    """The answer's command element."""
    assert answer.get("type") == "result", ET.tostring(answer)
    found = answer.find(COMMAND)
    assert found is not None
    return found


def condition_of(answer: ET.Element) -> list[str]:
    """The local names of an error's conditions."""
    assert answer.get("type") == "error"
    (error,) = [child for child in answer if child.tag.endswith("}error")]
    return [child.tag.rpartition("}")[2] for child in error]


@pytest.fixture
async def talk(shop: Shop, visitor: str) -> str:
    """Ann and Bob are signed in, and a visitor waits; the visitor's JID."""
    await shop.signs_in("ann")
    await shop.signs_in("bob")
    await shop.says(visitor, "hello")
    return visitor_full(visitor, DOMAIN)


async def listed(shop: Shop, name: str, to: str) -> ET.Element:
    """The answer to a request for the commands (XEP-0050 §2.2)."""
    query = element("query", {"xmlns": ns.DISCO_ITEMS, "node": ns.COMMANDS})
    return await shop.asks(name, to, "get", query)


async def test_commands_are_listed(shop: Shop, talk: str) -> None:
    """A visitor offers those of a visitor's window, a desk those of its own."""
    query = (await listed(shop, "ann", talk))[0]
    nodes = {item.get("node") for item in query}
    assert {"transfer", "ban", "who", "note"} <= nodes
    query = (await listed(shop, "ann", f"shop@{DOMAIN}"))[0]
    nodes = {item.get("node") for item in query}
    assert {"who", "away", "take"} <= nodes
    assert "transfer" not in nodes


async def test_a_node_says_what_it_is(shop: Shop, talk: str) -> None:
    """§2.4: automation/command-node, with a name for people."""
    query = element("query", {"xmlns": ns.DISCO_INFO, "node": "transfer"})
    found = (await shop.asks("ann", talk, "get", query))[0]
    identity = found[0]
    assert (identity.get("category"), identity.get("type")) == ("automation", "command-node")
    assert "transfer" in (identity.get("name") or "").lower()


@pytest.mark.parametrize("stranger", ["eve@example.org/x", "eve@elsewhere.example/x"])
async def test_strangers_get_nothing(shop: Shop, talk: str, stranger: str) -> None:
    """Who is no operator of the site may neither list nor execute."""
    assert condition_of(await listed(shop, stranger, talk)) == ["forbidden"]
    command = element("command", {"xmlns": ns.COMMANDS, "node": "ban"})
    assert condition_of(await shop.asks(stranger, talk, "set", command)) == ["forbidden"]
    assert "v-" in talk
    assert shop.directory.ban("shop", talk.partition("@")[0]) is None


async def test_without_fields_it_is_done_at_once(shop: Shop, talk: str, visitor: str) -> None:
    """§3.1: completed, with a note."""
    command = command_of(await execute(shop, talk, "take"))
    assert command.get("status") == "completed"
    note = command.find(NOTE)
    assert note is not None
    assert note.text == "You have this talk now."
    found = await shop.store.conversation(visitor)
    assert found is not None
    assert (found.state.phase, found.state.operator) == (Phase.TAKEN, "o-ann")


async def test_two_forms_forth_and_back(shop: Shop, talk: str, visitor: str) -> None:
    """A transfer asks to whom, then for a note; one may go back between them."""
    await execute(shop, talk, "take")
    first = command_of(await execute(shop, talk, "transfer"))
    id = first.get("sessionid") or ""
    assert first.get("status") == "executing"
    options = {one.get("label"): one.findtext(VALUE) for one in first.iter(OPTION)}
    assert options == {"whoever takes chats": "", "Bob (available)": "o-bob"} or options == {
        "whoever takes chats": None,
        "Bob (available)": "o-bob",
    }
    second = command_of(
        await execute(shop, talk, "transfer", {"operator": "o-bob"}, sessionid=id, action="next")
    )
    assert [field.get("var") for field in second.iter(FIELD)] == ["note"]
    back = command_of(await execute(shop, talk, "transfer", sessionid=id, action="prev"))
    (field,) = back.iter(FIELD)
    assert (field.get("var"), field.findtext(VALUE)) == ("operator", "o-bob")
    await execute(shop, talk, "transfer", {"operator": "o-bob"}, sessionid=id, action="next")
    done = command_of(
        await execute(
            shop, talk, "transfer", {"note": "a regular"}, sessionid=id, action="complete"
        )
    )
    assert done.get("status") == "completed"
    found = await shop.store.conversation(visitor)
    assert found is not None
    assert found.state.operator == "o-bob"
    assert any("Note: a regular" in words for words in shop.told("bob"))


async def test_what_is_missing_is_asked_again(shop: Shop, talk: str) -> None:
    """A required field that is empty brings the same form with a word about it."""
    id = command_of(await execute(shop, talk, "name")).get("sessionid") or ""
    again = command_of(await execute(shop, talk, "name", {"text": " "}, sessionid=id))
    assert again.get("status") == "executing"
    note = again.find(NOTE)
    assert note is not None
    assert (note.get("type"), note.text) == ("error", "Name is missing.")
    done = command_of(await execute(shop, talk, "name", {"text": "Eve"}, sessionid=id))
    assert done.get("status") == "completed"


async def test_an_answer_of_many_lines_is_a_form(shop: Shop, talk: str) -> None:
    """Of type result, a value a line, and hostile text is only text."""
    await shop.writes("ann", talk.partition("@")[0], "!name <b>&'\"")
    command = command_of(await execute(shop, talk, "info"))
    form = command.find(FORM)
    assert form is not None
    assert form.get("type") == "result"
    assert "Name: <b>&'\"" in [value.text for value in form.iter(VALUE)]


async def test_a_session_is_its_owners(shop: Shop, talk: str) -> None:
    """Another client or command, an unknown session, action or node are refused as §4 names it."""
    id = command_of(await execute(shop, talk, "name")).get("sessionid") or ""
    stolen = element("command", {"xmlns": ns.COMMANDS, "node": "name", "sessionid": id})
    assert "bad-sessionid" in condition_of(await shop.asks("bob", talk, "set", stolen))
    assert "bad-payload" in condition_of(await execute(shop, talk, "note", sessionid=id))
    assert "bad-sessionid" in condition_of(await execute(shop, talk, "name", sessionid="x"))
    assert "malformed-action" in condition_of(await execute(shop, talk, "name", action="x"))
    assert "bad-action" in condition_of(await execute(shop, talk, "name", action="prev"))
    assert condition_of(await execute(shop, talk, "nothing")) == ["item-not-found"]
    assert condition_of(await execute(shop, f"shop@{DOMAIN}", "transfer")) == ["item-not-found"]


async def test_cancelled(shop: Shop, talk: str) -> None:
    """§3.5: nothing is done, and the session is over."""
    id = command_of(await execute(shop, talk, "name")).get("sessionid") or ""
    gone = command_of(await execute(shop, talk, "name", sessionid=id, action="cancel"))
    assert gone.get("status") == "canceled"
    assert "bad-sessionid" in condition_of(await execute(shop, talk, "name", sessionid=id))


async def test_sessions_do_not_pile_up(shop: Shop, talk: str) -> None:
    """One that is left alone ends by itself."""
    id = command_of(await execute(shop, talk, "name")).get("sessionid") or ""
    shop.clock.seconds += 601
    await execute(shop, talk, "note")
    assert "bad-sessionid" in condition_of(await execute(shop, talk, "name", sessionid=id))
