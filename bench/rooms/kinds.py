"""How one comes into a room and speaks there: by our protocol, or by XMPP (RFC 7395, XEP-0045)."""

from __future__ import annotations

import asyncio
import json
from typing import Protocol
from uuid import uuid4

from ..socket import PAGE, SITE, upgraded
from .member import Member, body

ROOM = "lobby"
GUESTS = "guests.localhost"
"""Prosody's host of anonymous users."""
MUC = "rooms.localhost"
_FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
_OPEN = f'<open xmlns="{_FRAMING}" to="{GUESTS}" version="1.0"/>'


class Kind(Protocol):
    """One server's way."""

    async def join(self, port: int, number: int, refusals: list[str]) -> Member:
        """Somebody who is in the room. Raises OSError, TimeoutError."""

    def line(self, number: int) -> str:
        """What is sent to say a line."""


class Ours:
    """JSON-RPC over WebSocket."""

    async def join(self, port: int, number: int, refusals: list[str]) -> Member:
        """See Kind."""
        member = Member(number, refusals, b'"error"')
        connection = await upgraded(port)
        await asyncio.get_running_loop().create_connection(lambda: member, sock=connection)
        await member.ask(
            call("hello", site=SITE, page=PAGE, room=ROOM, name=f"Guest {number}"), b'"id":"hello"'
        )
        return member

    def line(self, number: int) -> str:
        """See Kind."""
        return call("say", to=ROOM, id=uuid4().hex, body=body(number))


class Muc:
    """XMPP over WebSocket: one stanza a message, at an anonymous login."""

    async def join(self, port: int, number: int, refusals: list[str]) -> Member:
        """See Kind; of the room's history nothing is asked for."""
        member = Member(number, refusals, b"type='error'")
        connection = await upgraded(port, "/xmpp-websocket", host=GUESTS, protocol="xmpp")
        await asyncio.get_running_loop().create_connection(lambda: member, sock=connection)
        await member.ask(_OPEN, b"features>")
        await member.ask(
            '<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>', b"<success"
        )
        await member.ask(_OPEN, b"features>")
        await member.ask(
            '<iq xmlns="jabber:client" type="set" id="bind">'
            '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>',
            b"id='bind'",
        )
        # The subject is the last of what one gets who joins (XEP-0045 §7.1).
        await member.ask(
            f'<presence xmlns="jabber:client" to="{ROOM}@{MUC}/Guest {number}">'
            '<x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="0"/></x></presence>',
            b"<subject",
        )
        return member

    def line(self, number: int) -> str:
        """See Kind."""
        return (
            f'<message xmlns="jabber:client" type="groupchat" to="{ROOM}@{MUC}" '
            f'id="{uuid4().hex}"><body>{body(number)}</body></message>'
        )


KINDS: dict[str, Kind] = {"ours": Ours(), "muc": Muc()}


def call(method: str, **params: object) -> str:
    """A JSON-RPC call whose id is its method."""
    return json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params})
