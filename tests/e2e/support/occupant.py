"""A scripted client in a room (XEP-0045), which does what a test says and nothing by itself."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

from gateway import namespaces as ns
from gateway.xml import Xml, element, escape, text
from tests.e2e.support.operator import CLIENT, Operator, Received

USER = f"{{{ns.MUC_USER}}}"
DELAY = f"{{{ns.DELAY}}}delay"


class Occupant:
    """One client's place in one room; `room` is the room's bare JID."""

    def __init__(self, client: Operator, room: str, nick: str) -> None:
        self.client = client
        self.room = room
        self.nick = nick
        self._ids = itertools.count(1)

    async def join(self, inside: str = "") -> None:
        """Enters, and waits for the subject, with which entering ends."""
        seen = len(self.client.received)
        self.send_join(inside)
        await self.client.wait_for(lambda one: one.child_text("subject") is not None, after=seen)

    def send_join(self, inside: str = "") -> None:
        """Asks to be let in."""
        join = f'<x xmlns="{ns.MUC}">{inside}</x>'
        self.send_presence(join)

    def send_presence(self, inside: str = "", *, nick: str = "", type: str | None = None) -> None:
        """Presence to the room, under its nick or another."""
        to = f"{self.room}/{nick or self.nick}"
        head = {"to": to, "id": f"p{next(self._ids)}", "type": type}
        self.client.send_raw(element("presence", head) if not inside else _with(head, inside))

    def say(self, body: str, *more: Xml) -> str:
        """Says something to everybody, with further elements; the stanza's id."""
        id = f"{self.nick}-{next(self._ids)}"
        head = {"to": self.room, "type": "groupchat", "id": id}
        self.client.send_raw(element("message", dict(head), text("body", body), *more))
        return id

    def whisper(self, nick: str, body: str) -> None:
        """Says something to one."""
        head = {"to": f"{self.room}/{nick}", "type": "chat", "id": f"w{next(self._ids)}"}
        self.client.send_raw(element("message", dict(head), text("body", body)))

    async def ask(self, type: str, payload: str, nick: str = "") -> Received:
        """The answer to an iq."""
        to = f"{self.room}/{nick}" if nick else self.room
        id = self.client.send_iq(to, type, ET.fromstring(payload))
        return await self.client.wait_for(lambda one: one.kind == "iq" and one.id == id)

    async def administrate(self, **item: str) -> Received:
        """Changes somebody's role or affiliation."""
        inside = element("item", dict(item))
        return await self.ask("set", f'<query xmlns="{ns.MUC_ADMIN}">{inside}</query>')

    async def hears(self, body: str, nick: str = "") -> Received:
        """The line, once it has come, live or as history."""
        sender = f"{self.room}/{nick}" if nick else ""
        return await self.client.wait_for(
            lambda one: (
                one.type == "groupchat"
                and one.body == body
                and (not sender or one.sender == sender)
            )
        )

    async def sees(self, nick: str, type: str = "", code: int | None = None) -> Received:
        """An occupant's presence of that type, with that status code, once it has come."""
        return await self.client.wait_for(
            lambda one: (
                one.kind == "presence"
                and one.sender == f"{self.room}/{nick}"
                and one.type == type
                and (code is None or code in codes(one))
            )
        )

    def lines(self) -> list[tuple[str, str]]:
        """The live lines, each with its nick, in the order in which they came."""
        return [
            (one.sender.partition("/")[2], one.body)
            for one in self.client.received
            if one.type == "groupchat" and one.body is not None and not one.has(DELAY)
        ]


def codes(presence: Received) -> list[int]:
    """Its status codes."""
    found = presence.xml.iterfind(f"{USER}x/{USER}status")
    return [int(one.get("code") or 0) for one in found]


def item(presence: Received) -> dict[str, str]:
    """Its item's attributes."""
    found = presence.xml.find(f"{USER}x/{USER}item")
    return {} if found is None else dict(found.attrib)


def condition(error: Received) -> str:
    """A stanza error's defined condition."""
    found = error.xml.find(f"{CLIENT}error")
    return "" if found is None else found[0].tag.partition("}")[2]


def _with(head: dict[str, str | None], inside: str) -> str:
    attributes = "".join(f' {k}="{escape(v)}"' for k, v in head.items() if v is not None)
    return f"<presence{attributes}>{inside}</presence>"
