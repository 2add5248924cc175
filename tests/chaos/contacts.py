"""A contact list that its owner keeps by hand: where no server lets Parley write it.

The desk is added at the first login, a visitor by the operator whose visitor it is, at the first
sight. Whatever breaks on the way (RFC 6121 §3.1), the owner asks again, as a person would who finds
a contact missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from tests.e2e.support.operator import Operator, Received, bare

ASK_AGAIN = 3.0
"""Seconds after which a contact that is not there yet is asked for again."""


class Contacts:
    """Whom one operator wants as a contact, whatever the login."""

    def __init__(self, desk: str) -> None:
        self._wanted = [desk]
        self._looked_at = 0.0

    def __contains__(self, jid: str) -> bool:
        return jid in self._wanted

    def add(self, jid: str) -> None:
        """Wants this bare JID from now on."""
        if jid not in self._wanted:
            self._wanted.append(jid)
            self._looked_at = 0.0

    def missing(self, client: Operator) -> list[str]:
        """Who is not subscribed both ways, as the server has told the client."""
        roster = client.roster()
        return [
            jid
            for jid in self._wanted
            if (contact := roster.get(jid)) is None or contact.subscription != "both"
        ]

    def tend(self, client: Operator, fresh: Iterable[Received]) -> None:
        """Lets those see the operator who are wanted, and asks for who is missing."""
        for one in fresh:
            if one.type == "subscribe" and bare(one.sender) in self._wanted:
                client.send_presence_to(bare(one.sender), "subscribed")
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= ASK_AGAIN:
            self._looked_at = now
            for jid in self.missing(client):
                client.send_presence_to(jid, "subscribe")
