"""A room's archive, asked for by a Jabber client over real servers (XEP-0313)."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from gateway import namespaces as ns
from gateway.xml import Xml, element, text
from switchboard.model import Act, Sender, SenderKind
from switchboard.reception.rooms import Origin
from switchboard.rooms import Room, RoomSettings
from tests.e2e.support.bridge import Bridge
from tests.e2e.support.house import DOMAIN, WRITING, Login
from tests.e2e.support.operator import Operator, Received

# Rooms want no rights on the server.
pytestmark = pytest.mark.parametrize("server", WRITING, indirect=True)

LOBBY = f"lobby%shop@{DOMAIN}"
GUEST = Sender(SenderKind.VISITOR, "g-guest", "Gus & Co")
HERE = Origin(visitor="v-guest")

RESULT = f"{{{ns.ARCHIVE}}}result"
MESSAGE = f"{RESULT}/{{{ns.FORWARD}}}forwarded/{{{ns.CLIENT}}}message"


@dataclass(frozen=True)
class Page:
    """What came for one query, in the order in which it came."""

    results: list[Received]
    end: Received

    @property
    def bodies(self) -> list[str | None]:
        return [one.xml.findtext(f"{MESSAGE}/{{{ns.CLIENT}}}body") for one in self.results]

    @property
    def complete(self) -> bool:
        fin = self.end.xml.find(f"{{{ns.ARCHIVE}}}fin")
        assert fin is not None, self.end.text
        return fin.get("complete") == "true"

    @property
    def last(self) -> str:
        return self.end.xml.findtext(f".//{{{ns.RESULT_SETS}}}last") or ""


@pytest.fixture
async def lobby(desk: Bridge) -> Room:
    """A public room with twelve lines."""
    [site] = await desk.store.sites()
    settings = replace(site.settings, rooms={"lobby": RoomSettings(public=True)})
    await desk.store.save_site(replace(site, settings=settings))
    await desk.directory.refresh()
    room = desk.rooms.room("shop", "lobby")
    for number in range(12):
        await desk.rooms.say(room, GUEST, f"c{number}", f"line <{number}>", HERE)
    return room


async def asks(client: Operator, *inside: Xml) -> Page:
    """One query and all that comes for it."""
    start = len(client.received)
    query = ET.fromstring(element("query", {"xmlns": ns.ARCHIVE, "queryid": "q"}, *inside))
    id = client.send_iq(LOBBY, "set", query)
    end = await client.wait_for(lambda one: one.kind == "iq" and one.id == id, after=start)
    came = client.received[start : client.received.index(end)]
    return Page([one for one in came if one.has(RESULT)], end)


def part(**parts: str) -> Xml:
    """Of a result set (XEP-0059)."""
    children = [text(name, value) for name, value in parts.items()]
    return element("set", {"xmlns": ns.RESULT_SETS}, *children)


async def test_page_after_page(lobby: Room, operator: Login) -> None:
    """XEP-0313 §4.3: all of it, in order, each page's end behind its results."""
    ann = await operator("ann")
    found: list[str | None] = []
    page = await asks(ann, part(max="5"))
    while not page.complete:
        found += page.bodies
        page = await asks(ann, part(max="5", after=page.last))
    assert [*found, *page.bodies] == [f"line <{number}>" for number in range(12)]


async def test_the_last_page(lobby: Room, operator: Login) -> None:
    """XEP-0313 §4.3.3, from the occupant whose name it was."""
    page = await asks(await operator("ann"), part(max="2", before=""))
    assert page.bodies == ["line <10>", "line <11>"]
    message = page.results[0].xml.find(MESSAGE)
    assert message is not None
    assert message.get("from") == f"{LOBBY}/Gus & Co"


async def test_what_was_taken_back(lobby: Room, desk: Bridge, operator: Login) -> None:
    """XEP-0424 §4: a tombstone is there in its place, and no text."""
    await desk.rooms.amend(lobby, GUEST, Act.RETRACT, 12, HERE)
    page = await asks(await operator("ann"), part(max="2", before=""))
    [tombstone, retraction] = page.results
    assert tombstone.has(f"{MESSAGE}/{{{ns.RETRACT}}}retracted")
    assert retraction.has(f"{MESSAGE}/{{{ns.RETRACT}}}retract")
    assert "line" not in tombstone.text + retraction.text


async def test_what_is_not_there(lobby: Room, operator: Login) -> None:
    """XEP-0313 §4.3.2: the client learns it."""
    page = await asks(await operator("ann"), part(after="nothing"))
    assert (page.end.type, page.results) == ("error", [])
    assert page.end.has(f"{{{ns.CLIENT}}}error/{{{ns.STANZAS}}}item-not-found")
