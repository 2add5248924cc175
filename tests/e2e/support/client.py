"""What the real Jabber clients have in common, so that one test runs over each."""

from __future__ import annotations

import re
from typing import Protocol


class JabberClient(Protocol):
    """A client that a person uses, on a terminal; a contact is a name in its list, or a JID."""

    async def connect(self, jid: str, password: str, port: int, timeout: float = 20.0) -> None:
        """Starts it and signs in at 127.0.0.1; returns when it has signed in."""

    def screen(self) -> str:
        """Gives the screen as text, a line per row."""

    def availability(self, contact: str) -> str:
        """Gives a contact's availability: `online`, `away`, …; `` for one that is not listed."""

    def status(self, contact: str) -> str:
        """Gives a contact's status as far as it is shown."""

    def is_typing(self) -> bool:
        """Whether the contact of the chat that is shown is typing (XEP-0085)."""

    async def wait_for(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the chat that is shown as soon as it has `text`, or matches it."""

    async def wait_for_roster(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the contact list as soon as it shows `text`, or matches it."""

    async def open_chat(self, contact: str) -> None:
        """Goes to the chat of a contact."""

    def type(self, line: str) -> None:
        """Types a line and presses Enter."""

    def type_text(self, text: str) -> None:
        """Types text without Enter."""

    def kill(self) -> None:
        """Ends it at once, whatever state it is in."""
