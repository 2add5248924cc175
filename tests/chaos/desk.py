"""The operators: they come back by themselves, note what they see, and answer it.

Visitors' lines name their writer, `v<visitor> m<number>`; each operator answers the lines of the
visitors that are theirs, once, at the first sight. What could not be sent is not sent later.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sqlite3
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from tests.chaos.contacts import Contacts
from tests.e2e.support.operator import Contact, Operator, Ping, Received, bare
from tests.e2e.support.profanity import Profanity
from tests.e2e.support.wait import eventually

LOOK_SECONDS = 0.1
COME_BACK_FIRST = 0.5
COME_BACK_MOST = 4.0
TALL = 400
"""Rows of profanity's screen, so that its contact list shows everybody."""

_NAME = re.compile(r"Vera \d{3}|Visitor \w{4}")
_BODY = re.compile(r"v(\d+) m(\d+)\b")


@dataclass(frozen=True)
class Sighting:
    """A visitor's line on an operator's screen; `visitor` is a bare JID."""

    visitor: str
    body: str


@dataclass
class Notes:
    """What an operator has seen and done."""

    name: str
    sightings: list[Sighting] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    """`(visitor's bare JID, text)` in order."""
    sent_at: dict[str, float] = field(default_factory=dict)
    """By text: when it was sent, by the loop's clock; only of a scripted client."""
    receipts: set[str] = field(default_factory=set)
    """Texts that the visitor's browser is said to have (XEP-0184)."""
    logins: int = 0
    """0: the client keeps that to itself."""
    reminders: int = 0
    """How often the desk told the last line that was stored."""


class Colleague(Protocol):
    """An operator, whatever the client."""

    notes: Notes

    async def run(self) -> None:
        """Works until cancelled."""

    async def close(self) -> None:
        """Logs out."""

    def shows(self, jid: str, name: str) -> bool:
        """Whether that visitor is shown as online now."""

    @property
    def here(self) -> bool:
        """Whether it is logged in."""


class _Client(Operator):
    @property
    def connected(self) -> bool:
        return bool(self._started and self._client.is_connected())

    async def abandon(self) -> None:
        """Gives up whatever state the connection is in."""
        self._client.cancel_connection_attempt()
        if self._client.transport is not None:
            self._client.transport.abort()


class Scripted:
    """A scripted operator who logs in again under the same resource.

    `kept`: the contact list that the operator keeps by hand, if nobody else does.
    """

    def __init__(
        self,
        jid: str,
        password: str,
        port: int,
        mine: tuple[int, int],
        chance: random.Random,
        *,
        receipts: bool = True,
        ping: Ping = "answer",
        kept: Contacts | None = None,
    ) -> None:
        self.notes = Notes(jid.partition("@")[0])
        self._kept = kept
        self._make = partial(_Client, jid, password, receipts=receipts, ping=ping)
        self._port = port
        self._rest, self._of = mine
        self._chance = chance
        self._client: _Client | None = None
        self._spent: list[_Client] = []
        """Kept, for slixmpp's tasks do not hold their client."""
        self._answered: set[str] = set()
        self._ids: dict[str, str] = {}
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def here(self) -> bool:
        return self._client is not None and self._client.connected

    async def run(self) -> None:
        wait = COME_BACK_FIRST
        while True:
            client = self._make()
            try:
                await client.login(self._port, timeout=20.0)
                self._client, wait = client, COME_BACK_FIRST
                self.notes.logins += 1
                await self._work(client)
            except AssertionError:
                pass  # refused, or lost on the way
            finally:
                await client.abandon()
                self._spent.append(client)
            await asyncio.sleep(wait)
            wait = min(2 * wait, COME_BACK_MOST)

    async def close(self) -> None:
        for task in self._answers:
            task.cancel()
        if self._client is not None:
            await self._client.logout()

    def shows(self, jid: str, name: str) -> bool:
        return jid in self.online()

    def online(self) -> set[str]:
        """The contacts that are shown as online, by bare JID; one look at all that has come."""
        assert self._client is not None
        last = self._client.presences()
        return {jid for jid in self.contacts() if jid in last and last[jid].type == ""}

    def presence(self, jid: str) -> Received | None:
        """The last presence of a bare JID since the login, if there was any."""
        assert self._client is not None
        return self._client.presence_of(jid)

    def contacts(self) -> dict[str, Contact]:
        """The contact list, by bare JID."""
        assert self._client is not None
        return self._client.roster()

    def is_mine(self, visitor: int) -> bool:
        """Whether the visitor of that number is this operator's to answer."""
        return visitor % self._of == self._rest

    @property
    def complete(self) -> bool:
        """Whether a contact list that is kept by hand has everybody that it should."""
        client = self._client
        return self._kept is None or (client is not None and not self._kept.missing(client))

    async def _work(self, client: _Client) -> None:
        read = 0
        while True:
            connected = client.connected
            fresh = client.received[read:]
            read += len(fresh)
            for one in fresh:
                if one.receipt_for in self._ids:
                    self.notes.receipts.add(self._ids[one.receipt_for])
                if one.kind != "message" or one.body is None or one.type == "error":
                    continue
                self.notes.reminders += "connection was interrupted" in one.body
                if (found := _BODY.match(one.body)) is not None:
                    self._saw(bare(one.sender), one.sender, one.body, found)
            if not connected:
                return
            if self._kept is not None:
                self._kept.tend(client, fresh)
            await asyncio.sleep(LOOK_SECONDS)

    def _saw(self, visitor: str, full: str, body: str, found: re.Match[str]) -> None:
        self.notes.sightings.append(Sighting(visitor, body))
        if not self.is_mine(int(found[1])):
            return
        if self._kept is not None:
            self._kept.add(visitor)
        if body not in self._answered:
            self._answered.add(body)
            task = asyncio.ensure_future(self._answer(visitor, full, found[0]))
            self._answers.add(task)
            task.add_done_callback(self._answers.discard)

    async def _answer(self, visitor: str, full: str, what: str) -> None:
        await asyncio.sleep(self._chance.uniform(0.1, 1.0))
        if self._client is None or not self._client.connected:
            return
        text, id = f"{self.notes.name} to {what}", f"{self.notes.name}-{what}"
        self._ids[id] = text
        self.notes.sent.append((visitor, text))
        self.notes.sent_at[text] = asyncio.get_running_loop().time()
        self._client.send_message_to(full, text, id=id, request_receipt=True)


class InProfanity:
    """A real profanity; what it has seen stands in its own chatlog.db."""

    def __init__(self, folder: Path, jid: str, password: str, port: int, mine: tuple[int, int]):
        self.notes = Notes(jid.partition("@")[0])
        self._profanity = Profanity(folder)
        self._account = (jid, password, port)
        self._rest, self._of = mine
        self._answered: set[str] = set()
        self._roster = ""

    @property
    def here(self) -> bool:
        """Whether its title bar says that it is online."""
        return "[online]" in self._profanity.screen().split("\n", 1)[0]

    async def run(self) -> None:
        await self._profanity.connect(*self._account)
        self._profanity.resize(TALL)
        database = await eventually(
            lambda: next(self._profanity.folder.rglob("chatlog.db"), None), 10.0, "its chat log"
        )
        read = 0
        with contextlib.closing(sqlite3.connect(database, timeout=5.0)) as log:
            while True:
                rows = log.execute(
                    "SELECT id, from_jid, message FROM ChatLogs WHERE id > ? ORDER BY id", (read,)
                ).fetchall()
                for number, sender, body in rows:
                    read = number
                    found = _BODY.match(body or "")
                    if found is not None:
                        await self._saw(sender, body, found)
                    self.notes.reminders += "connection was interrupted" in (body or "")
                await asyncio.sleep(5 * LOOK_SECONDS)

    async def close(self) -> None:
        self._profanity.kill()

    def shows(self, jid: str, name: str) -> bool:
        # A name told before the first line is not stored, and a crash may forget it.
        shown = self.presences()
        return shown.get(name, False) or shown.get(f"Visitor {jid[2:6]}", False)

    def presences(self) -> dict[str, bool]:
        """The contact list as the screen shows it: name -> online; offline has no line below."""
        found: dict[str, bool] = {}
        rows = [row.strip() for row in self._profanity.roster_text().splitlines()]
        for row, below in zip(rows, [*rows[1:], ""], strict=True):
            if (name := _NAME.match(row)) is not None:
                found[name[0]] = found.get(name[0], False) or below.startswith("online")
        return found

    async def _saw(self, visitor: str, body: str, found: re.Match[str]) -> None:
        self.notes.sightings.append(Sighting(visitor, body))
        if int(found[1]) % self._of != self._rest or body in self._answered or not self.here:
            return
        self._answered.add(body)
        text = f"{self.notes.name} to {found[0]}"
        self.notes.sent.append((visitor, text))
        await asyncio.to_thread(self._profanity.type, f"/msg {visitor} {text}")
