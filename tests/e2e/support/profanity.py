"""A real profanity, driven by its keys and read from its screen, in a tmux of its own."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.e2e.support.terminal import COLUMNS, Terminal, from_column, matches
from tests.e2e.support.wait import eventually

ROSTER_PERCENT = 35
RED = "31"

_PREFERENCES = """\
[ui]
splash=false
vercheck=false
beep=false
flash=false
wrap=true
history=false
intype=true
roster=true
roster.size={roster_percent}
roster.by=group
roster.offline=true
roster.presence=true
roster.status=true
roster.unsubscribed=true
roster.count=off

[connection]
receipts.request={receipts}
receipts.send={receipts}
mam=false
reconnect={reconnect_seconds}

[chatstates]
enabled=true
outtype=true
gone=0
inactive=0

[notifications]
message=false
typing=false
sub=false
invite=false

[presence]
autoaway.mode=off

[logging]
chlog=true

[omemo]
policy=manual
log=off
"""

_ACCOUNT = """\
[{jid}]
enabled=true
jid={jid}
resource=profanity
server=127.0.0.1
port={port}
tls.policy=trust
password={password}
presence.last=online
presence.login=online
priority.online=0
"""


class Profanity:
    """One profanity with its settings, account and logs in `folder`.

    It signs in by itself again `reconnect_seconds` after it has lost the server.
    """

    def __init__(self, folder: Path, *, receipts: bool = True, reconnect_seconds: int = 2) -> None:
        self.folder = folder
        self._terminal = Terminal(
            "profanity",
            folder,
            {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")},
        )
        self._write(
            "config/profanity/profrc",
            _PREFERENCES.format(
                roster_percent=ROSTER_PERCENT,
                receipts=str(receipts).lower(),
                reconnect_seconds=reconnect_seconds,
            ),
        )

    async def connect(self, jid: str, password: str, port: int, timeout: float = 20.0) -> None:
        """Starts it and signs in at 127.0.0.1; returns when it has signed in."""
        self._write(
            "data/profanity/accounts", _ACCOUNT.format(jid=jid, password=password, port=port)
        )
        self._terminal.start(f"profanity -a {jid}")
        await self.wait_for("logged in successfully", timeout)

    # What it shows

    def screen(self) -> str:
        """Gives the screen as text, a line per row."""
        return self._terminal.screen()

    def screen_ansi(self) -> str:
        """Gives the screen with its colours as ANSI sequences."""
        return self._terminal.screen_ansi()

    def has_receipt(self, body: str) -> bool:
        """Whether the line that ends with `body`, written here, was confirmed (XEP-0184).

        With receipts on, profanity shows a line in red until then.
        """
        before, found, _ = self.screen_ansi().rpartition(body)
        assert found, f"{body!r} is not on profanity's screen:\n{self.screen()}"
        colours = re.findall(r"\x1b\[(?:[0-9]+;)*(3[0-9]|0?)m", before)
        return not colours or colours[-1] != RED

    async def wait_for(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the screen as soon as it shows `text`, or matches it."""
        return await self._terminal.wait_for(text, timeout)

    async def wait_for_roster(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the contact list as soon as it shows `text`, or matches it."""

        def shown() -> str | None:
            roster = self.roster_text()
            return roster if matches(text, roster) else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} in profanity's roster:\n{self.screen()}"
        )

    def roster_text(self) -> str:
        """Gives the contact list's panel; goes to the first window, where it is."""
        self.show_window(1)
        first = COLUMNS - COLUMNS * ROSTER_PERCENT // 100
        rows = self.screen().splitlines()[1:-2]
        return "\n".join(from_column(row, first).rstrip() for row in rows).strip("\n")

    def availability(self, contact: str) -> str:
        """Gives a contact's availability: `online`, `away`, …; `` for one that is not listed.

        Of a contact that is offline it shows the name alone. Goes to the first window.
        """
        found = self._presence(contact)
        return "" if found is None else found[1] or "offline"

    def status(self, contact: str) -> str:
        """Gives a contact's status as far as it is shown; goes to the first window."""
        found = self._presence(contact)
        return "" if found is None else found[2] or ""

    def _presence(self, contact: str) -> re.Match[str] | None:
        return re.search(
            rf"^ +{re.escape(contact)}$(?:\n {{5}}(\w+)(?: \"(.*))?$)?",
            self.roster_text(),
            re.MULTILINE,
        )

    def is_typing(self) -> bool:
        """Whether the contact of the chat that is shown is typing (XEP-0085)."""
        return "(typing...)" in self.screen().split("\n", 1)[0]

    # What a person does

    def type(self, line: str) -> None:
        """Types a line and presses Enter."""
        self.type_text(line)
        self.press("Enter")

    def type_text(self, text: str) -> None:
        """Types text without Enter; in a chat the contact sees that as typing."""
        self._terminal.type_text(text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names, such as `Enter`, `M-2`, `BSpace`."""
        self._terminal.press(*keys)

    def show_window(self, number: int) -> None:
        """Goes to window 1 (the console) to 10."""
        self.press(f"M-{number % 10}")
        time.sleep(0.05)

    async def open_chat(self, contact: str) -> None:
        """Opens, or goes to, the chat window of a JID or of a name in the roster."""
        self.type(f'/msg "{contact}"')
        await eventually(
            lambda: contact in self.screen().split("\n", 1)[0],
            5.0,
            lambda: f"a chat window titled {contact}:\n{self.screen()}",
        )

    def resize(self, rows: int) -> None:
        """Makes the screen so many rows high."""
        self._terminal.resize(rows)

    def close_chat(self) -> None:
        """Closes the chat window that is shown."""
        self.type("/close")

    async def quit(self) -> None:
        """Signs out and ends it."""
        self.type("/quit")
        await self._terminal.ended()

    def kill(self) -> None:
        """Ends it and its tmux at once, whatever state they are in."""
        self._terminal.kill()

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
