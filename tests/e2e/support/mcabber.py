"""A real mcabber, driven by its command FIFO and its keys, in a tmux of its own.

Its screen: the contact list on the left, the chat beside it, a bar about the chat's contact, and
the log. Enter on an empty line goes to the chat of the contact that is selected.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.support.terminal import ROWS, Terminal, from_column, matches, to_column
from tests.e2e.support.wait import eventually

ROSTER_COLUMNS = 40
LOG_ROWS = 8
BAR = ROWS - LOG_ROWS - 3

_AVAILABILITY = {
    "o": "online",
    "f": "chat",
    "a": "away",
    "n": "xa",
    "d": "dnd",
    "_": "offline",
    "?": "unknown",
}
_HISTORY_LINE = re.compile(r"M([RS]) (?:\S+) (\d{3}) (.*)")

_CONFIGURATION = """\
set jid = {jid}
set password = "{password}"
set server = 127.0.0.1
set port = {port}
set resource = mcabber
set disable_random_resource = 1
set tls = 1
set ssl_ignore_checks = 1
set ignore_self_presence = 1
set logging = 1
set logging_dir = {folder}/history
set autoaway = 0
set roster_width = {roster_columns}
set log_win_height = {log_rows}
set time_prefix = 1
set escdelay = 50
set fifo_name = {folder}/fifo
set fifo_hide_commands = 1
module load fifo
"""


@dataclass(frozen=True)
class Noted:
    """A line of the history; `received` False is one that was written here."""

    received: bool
    body: str


class Mcabber:
    """One mcabber with its settings and history in `folder`; it has carbons off."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._terminal = Terminal("mcabber", folder, {})

    async def connect(self, jid: str, password: str, port: int, timeout: float = 20.0) -> None:
        """Starts it and signs in at 127.0.0.1; returns when it has signed in."""
        # It takes no folder or file that others may read.
        for folder in (self.folder, self.folder / "history"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = self.folder / "mcabberrc"
        settings.touch(mode=0o600)
        settings.write_text(
            _CONFIGURATION.format(
                jid=jid,
                password=password,
                port=port,
                folder=self.folder,
                roster_columns=ROSTER_COLUMNS,
                log_rows=LOG_ROWS,
            ),
            "utf-8",
        )
        self._terminal.start(f"mcabber -f {settings}")
        await self._terminal.wait_for("Your status has been set: [_>o]", timeout)

    # What it shows

    def screen(self) -> str:
        """Gives the screen as text, a line per row."""
        return self._terminal.screen()

    def screen_ansi(self) -> str:
        """Gives the screen with its colours as ANSI sequences."""
        return self._terminal.screen_ansi()

    def roster_text(self) -> str:
        """Gives the contact list, such as ` [o] Visitor 7vjs` below ` --- The shop`."""
        rows = self.screen().splitlines()[:BAR]
        return "\n".join(to_column(row, ROSTER_COLUMNS - 1).rstrip() for row in rows).rstrip()

    def chat_text(self) -> str:
        """Gives the chat that is shown; `<==` was received and `-->` was sent."""
        rows = self.screen().splitlines()[:BAR]
        return "\n".join(from_column(row, ROSTER_COLUMNS).rstrip() for row in rows).rstrip()

    def bar(self) -> str:
        """Gives the bar below the chat: availability, name and status of its contact."""
        return self.screen().splitlines()[BAR]

    def availability(self, contact: str) -> str:
        """Gives a contact's availability: `online`, `away`, …; `` for one that is not listed."""
        found = re.search(rf"\[(.)\] {re.escape(contact)}$", self.roster_text(), re.MULTILINE)
        return "" if found is None else _AVAILABILITY[found[1]]

    def status(self, contact: str) -> str:
        """Gives a contact's status as far as it is shown; goes to its chat."""
        self.command(f"/roster search {contact}")
        found = re.search(rf" Buddy: {re.escape(contact)} -- (.*?) *(\[\w\])?$", self.bar())
        return "" if found is None else found[1]

    def is_typing(self) -> bool:
        """Whether the contact of the chat that is shown is typing (XEP-0085)."""
        return self.bar().rstrip().endswith("[C]")

    def awaits_receipt(self, body: str) -> bool:
        """Whether the line `body`, written here, is not confirmed yet (XEP-0184).

        mcabber marks such a line with `r->`, and with `-->` from then on.
        """
        found = re.search(rf"(r->|-->) {re.escape(body)}$", self.chat_text(), re.MULTILINE)
        assert found is not None, f"{body!r} is not in mcabber's chat:\n{self.screen()}"
        return found[1] == "r->"

    async def wait_for(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the chat that is shown as soon as it has `text`, or matches it."""

        def shown() -> str | None:
            chat = self.chat_text()
            return chat if matches(text, chat) else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} in mcabber's chat:\n{self.screen()}"
        )

    async def wait_for_roster(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the contact list as soon as it shows `text`, or matches it."""

        def shown() -> str | None:
            roster = self.roster_text()
            return roster if matches(text, roster) else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} in mcabber's roster:\n{self.screen()}"
        )

    def history(self, jid: str) -> list[Noted]:
        """Gives what it has written down of the messages with a bare JID, oldest first."""
        file = self.folder / "history" / jid
        lines = iter(file.read_text("utf-8").splitlines() if file.exists() else [])
        found = []
        for line in lines:
            if (head := _HISTORY_LINE.fullmatch(line)) is not None:
                more = [next(lines) for _ in range(int(head[2]))]
                found.append(Noted(head[1] == "R", "\n".join([head[3], *more])))
        return found

    # What a person, or a program, does

    def command(self, line: str) -> None:
        """Gives it a command by its FIFO, such as `/authorization allow JID`."""
        # Without a reader this fails instead of waiting for one.
        fifo = os.open(self.folder / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, f"{line}\n".encode())
        finally:
            os.close(fifo)

    def say_to(self, jid: str, text: str) -> None:
        """Sends a line to a bare or full JID and goes to that chat."""
        self.command(f"/say_to {jid} {text}")

    async def open_chat(self, contact: str) -> None:
        """Goes to the chat of a JID or of a name in the contact list."""

        def shown() -> bool:
            return f" Buddy: {contact}" in self.bar()

        async def went() -> bool:
            self.command(f"/roster search {contact}")
            self.press("Enter")
            with contextlib.suppress(AssertionError):
                await eventually(shown, 3.0)
            return shown()

        await eventually(went, 5.0, lambda: f"a chat with {contact}:\n{self.screen()}")

    def type(self, line: str) -> None:
        """Types a line and presses Enter."""
        self.type_text(line)
        self.press("Enter")

    def type_text(self, text: str) -> None:
        """Types text without Enter; in a chat the contact sees that as typing."""
        self._terminal.type_text(text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names, such as `Enter`, `C-l`, `BSpace`."""
        self._terminal.press(*keys)

    async def quit(self) -> None:
        """Signs out and ends it."""
        self.command("/quit")
        await self._terminal.ended()

    def kill(self) -> None:
        """Ends it and its tmux at once, whatever state they are in."""
        self._terminal.kill()
