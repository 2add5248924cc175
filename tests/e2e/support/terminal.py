"""A program in a tmux of its own: typed into, and read from its screen."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import unicodedata
from pathlib import Path

from tests.e2e.support.wait import eventually

COLUMNS = 120
ROWS = 40


class Terminal:
    """One terminal of COLUMNS x ROWS characters; `home` is the program's home folder.

    `name` is what the program is called where a wait ends in vain.
    """

    def __init__(self, name: str, home: Path, environment: dict[str, str]) -> None:
        self._name = name
        self._environment = {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            **environment,
        }
        self._socket = f"parley-{secrets.token_hex(6)}"
        self._pids: list[int] = []

    def start(self, command: str) -> None:
        """Runs a shell command."""
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS)),
            f"exec {command}",
        )
        self._tmux("set-option", "-g", "escape-time", "0")
        self._pids = [
            int(pid) for pid in self._tmux("display-message", "-p", "#{pane_pid} #{pid}").split()
        ]

    def screen(self) -> str:
        """Gives the screen as text, a line per row."""
        return self._tmux("capture-pane", "-p")

    def screen_ansi(self) -> str:
        """Gives the screen with its colours as ANSI sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    async def wait_for(self, text: str | re.Pattern[str], timeout: float = 15.0) -> str:
        """Gives the screen as soon as it shows `text`, or matches it."""

        def shown() -> str | None:
            screen = self.screen()
            return screen if matches(text, screen) else None

        return await eventually(
            shown, timeout, lambda: f"{text!r} on {self._name}'s screen:\n{self.screen()}"
        )

    def type_text(self, text: str) -> None:
        """Types text without Enter."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names, such as `Enter`, `M-2`, `BSpace`."""
        self._tmux("send-keys", *keys)

    def resize(self, rows: int) -> None:
        """Makes the screen so many rows high."""
        self._tmux("resize-window", "-x", str(COLUMNS), "-y", str(rows))

    async def ended(self, timeout: float = 5.0) -> None:
        """Waits until the program has ended by itself, and tmux with it."""
        await eventually(lambda: not any(map(_runs, self._pids)), timeout, f"{self._name} ends")

    def kill(self) -> None:
        """Ends the program and tmux at once, whatever state they are in."""
        for pid in self._pids:
            if _runs(pid):
                os.kill(pid, signal.SIGKILL)
        self._pids = []
        folder = Path(os.environ.get("TMUX_TMPDIR", "/tmp")) / f"tmux-{os.geteuid()}"
        (folder / self._socket).unlink(missing_ok=True)

    def _tmux(self, *arguments: str) -> str:
        ran = subprocess.run(
            ["tmux", "-L", self._socket, "-u", *arguments],
            env=self._environment,
            capture_output=True,
            timeout=10,
            check=False,
        )
        if ran.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {ran.stderr.decode(errors='replace')}")
        return ran.stdout.decode(errors="replace")


def matches(wanted: str | re.Pattern[str], text: str) -> bool:
    """Whether `text` has `wanted` in it."""
    return wanted in text if isinstance(wanted, str) else wanted.search(text) is not None


def from_column(row: str, first: int) -> str:
    """Gives what stands in `row` from the display column `first` on; wide characters take two."""
    return row[_index(row, first) :]


def to_column(row: str, end: int) -> str:
    """Gives what stands in `row` before the display column `end`."""
    return row[: _index(row, end)]


def _index(row: str, wanted: int) -> int:
    column = 0
    for index, character in enumerate(row):
        if column >= wanted:
            return index
        column += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return len(row)


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie (a tmux server is nobody's child)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
