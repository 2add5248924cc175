"""The operators of the day: each answers when the day says so, once the visitor's line is here."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from ..operator import Operator

LOGIN_SECONDS = 30.0
LINE_SECONDS = 20.0


class Desk(Operator):
    """One operator's client."""

    def __init__(self, jid: str, password: str, marks: bool) -> None:
        super().__init__(jid, password, marks)
        self._here = asyncio.Event()
        self._lines: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """By visitor's id: bodies, each with the JID that it came from."""
        self._more: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def log_in(self, port: int) -> None:
        """Raises TimeoutError."""
        self.connect("127.0.0.1", port)
        await asyncio.wait_for(self._here.wait(), LOGIN_SECONDS)

    async def answer(self, visitor: str, after: str, body: str) -> None:
        """Says a line once the visitor's line `after` has come. Raises TimeoutError."""
        async with asyncio.timeout(LINE_SECONDS):
            while after not in self._lines[visitor]:
                self._more[visitor].clear()
                await self._more[visitor].wait()
        self.say(self._lines[visitor][after], body)

    def ready(self) -> None:
        self._here.set()

    def line(self, sender: str, body: str) -> None:
        visitor = sender.partition("@")[0]
        self._lines[visitor][body] = sender
        self._more[visitor].set()
