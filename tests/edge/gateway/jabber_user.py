"""A Jabber client towards a room, over the Shop's gateway."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gateway import namespaces as ns
from gateway.xml import Xml, element, text
from tests.edge.gateway.lobby import LOBBY
from tests.edge.gateway.shop import DOMAIN, Shop

ROOM = f"{LOBBY}@{DOMAIN}"
C = f"{{{ns.COMPONENT}}}"
USER = f"{{{ns.MUC_USER}}}"
STANZAS = f"{{{ns.STANZAS}}}"


class JabberUser:
    """One client by its full JID; `got` is what it was sent, oldest first."""

    def __init__(self, shop: Shop, jid: str, room: str = ROOM) -> None:
        self.shop = shop
        self.jid = jid
        self.room = room
        self._number = 0

    @property
    def got(self) -> list[ET.Element]:
        return [one for one in self.shop.sent if one.get("to") == self.jid]

    def forget(self) -> None:
        """What came until now is of no interest."""
        self.shop.sent[:] = [one for one in self.shop.sent if one.get("to") != self.jid]

    async def joins(self, nick: str, *inside: Xml, id: str = "join", more: str = "") -> None:
        join = element("x", {"xmlns": ns.MUC}, *inside)
        await self.presence(f"/{nick}" if nick else "", join + more, id=id)

    async def presence(self, to: str, inside: str = "", *, type: str = "", id: str = "p") -> None:
        kind = f' type="{type}"' if type else ""
        head = f'from="{self.jid}" to="{self.room}{to}" id="{id}"{kind}'
        await self.shop.hears(f"<presence {head}>{inside}</presence>")

    async def leaves(self, nick: str) -> None:
        await self.presence(f"/{nick}", type="unavailable")

    async def says(self, body: str, *more: Xml, id: str = "") -> str:
        self._number += 1
        id = id or f"{self.jid}-{self._number}"
        await self.message("", "groupchat", text("body", body), *more, id=id)
        return id

    async def message(self, to: str, type: str, *inside: str, id: str = "m") -> None:
        head = f'from="{self.jid}" to="{self.room}{to}" id="{id}" type="{type}"'
        await self.shop.hears(f"<message {head}>{''.join(inside)}</message>")

    async def asks(self, kind: str, payload: str, to: str = "") -> ET.Element:
        return await self.shop.asks(self.jid, self.room + to, kind, payload)

    async def sets(self, *items: str) -> ET.Element:
        """An admin's request (XEP-0045 §8, §9)."""
        return await self.asks("set", f'<query xmlns="{ns.MUC_ADMIN}">{"".join(items)}</query>')

    def presences(self, nick: str) -> list[ET.Element]:
        """What it was told of an occupant."""
        return [
            one
            for one in self.got
            if one.tag == C + "presence" and one.get("from") == f"{self.room}/{nick}"
        ]

    def lines(self) -> list[tuple[str, str]]:
        """The live lines, each with its nick."""
        return [
            (nick_of(one), body)
            for one in self.got
            if one.get("type") == "groupchat"
            and (body := one.findtext(C + "body")) is not None
            and one.find(f"{{{ns.DELAY}}}delay") is None
        ]

    def error(self) -> tuple[str, str]:
        """The condition and type of the last error that it was sent."""
        last = next(one for one in reversed(self.got) if one.get("type") == "error")
        return error_of(last)


def child(stanza: ET.Element, namespace: str, name: str) -> ET.Element:
    """What has to be in a stanza."""
    found = stanza.find(f"{{{namespace}}}{name}")
    assert found is not None, ET.tostring(stanza)
    return found


def error_of(stanza: ET.Element) -> tuple[str, str]:
    """A stanza error's condition and type."""
    error = child(stanza, ns.COMPONENT, "error")
    return error[0].tag.removeprefix(STANZAS), error.get("type") or ""


def nick_of(stanza: ET.Element) -> str:
    return (stanza.get("from") or "").partition("/")[2]


def codes(presence: ET.Element) -> list[int]:
    """Its status codes."""
    found = presence.iterfind(f"{USER}x/{USER}status")
    return [int(one.get("code") or 0) for one in found]


def item(presence: ET.Element) -> dict[str, str]:
    """Its item's attributes."""
    return dict(child(child(presence, ns.MUC_USER, "x"), ns.MUC_USER, "item").attrib)
