"""A real profanity, driven by its keys and read from its screen, in a tmux of its own."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import time
import unicodedata
from pathlib import Path

from tests.e2e.support.wait import eventually

COLUMNS = 120
ROWS = 40
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
        self._socket = f"parley-{secrets.token_hex(6)}"
        self._pids: list[int] = []
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
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS)),
            f"exec profanity -a {jid}",
        )
        self._tmux("set-option", "-g", "escape-time", "0")
        self._pids = [
            int(pid) for pid in self._tmux("display-message", "-p", "#{pane_pid} #{pid}").split()
        ]
        await self.wait_for("logged in successfully", timeout)

    # What it shows

    def screen(self) -> str:
        """Gives the screen as text, a line per row."""
        return self._tmux("capture-pane", "-p")

    def screen_ansi(self) -> str:
        """Gives the screen with its colours as ANSI sequences."""
        return self._tmux("capture-pane", "-p", "-e")

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

        def shown() -> str | None:
            screen = self.screen()
            found = text in screen if isinstance(text, str) else text.search(screen)
            return screen if found else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} on profanity's screen:\n{self.screen()}"
        )

    async def wait_for_roster(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the contact list as soon as it shows `text`, or matches it."""

        def shown() -> str | None:
            roster = self.roster_text()
            found = text in roster if isinstance(text, str) else text.search(roster)
            return roster if found else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} in profanity's roster:\n{self.screen()}"
        )

    def roster_text(self) -> str:
        """Gives the contact list's panel; goes to the first window, where it is."""
        self.show_window(1)
        first = COLUMNS - COLUMNS * ROSTER_PERCENT // 100
        rows = self.screen().splitlines()[1:-2]
        return "\n".join(_from_column(row, first).rstrip() for row in rows).strip("\n")

    # What a person does

    def type(self, line: str) -> None:
        """Types a line and presses Enter."""
        self.type_text(line)
        self.press("Enter")

    def type_text(self, text: str) -> None:
        """Types text without Enter; in a chat the contact sees that as typing."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names, such as `Enter`, `M-2`, `BSpace`."""
        self._tmux("send-keys", *keys)

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

    def close_chat(self) -> None:
        """Closes the chat window that is shown."""
        self.type("/close")

    async def quit(self) -> None:
        """Signs out and ends it."""
        self.type("/quit")
        await eventually(lambda: not self._alive(), 5.0, "profanity ends")

    def kill(self) -> None:
        """Ends it and its tmux at once, whatever state they are in."""
        for pid in self._pids:
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)
        self._pids = []
        folder = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.geteuid()}"
        (folder / self._socket).unlink(missing_ok=True)

    def _alive(self) -> bool:
        return any(_runs(pid) for pid in self._pids)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def _tmux(self, *arguments: str) -> str:
        ran = subprocess.run(
            ["tmux", "-L", self._socket, "-u", *arguments],
            env={
                "HOME": str(self.folder),
                "PATH": os.environ["PATH"],
                "XDG_CONFIG_HOME": str(self.folder / "config"),
                "XDG_DATA_HOME": str(self.folder / "data"),
                "TERM": "xterm-256color",
                "LANG": "C.UTF-8",
            },
            capture_output=True,
            timeout=10,
            check=False,
        )
        if ran.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {ran.stderr.decode(errors='replace')}")
        return ran.stdout.decode(errors="replace")


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie (a tmux server is nobody's child)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _from_column(row: str, first: int) -> str:
    """Gives what stands in `row` from the display column `first` on; wide characters take two."""
    column = 0
    for index, character in enumerate(row):
        if column >= first:
            return row[index:]
        column += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return ""
