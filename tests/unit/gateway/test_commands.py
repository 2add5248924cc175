"""The table of commands, and the page that shows it."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.commands.command import Kind
from gateway.commands.reply import NUMBERS
from gateway.commands.table import TABLE

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"


def test_the_page_has_every_row() -> None:
    """docs/commands.md says of each command what `!help` says, in the same order."""
    rows = re.findall(r"^\| `(![^`]+)` \| ([^|]+?) \|", PAGE.read_text(), re.MULTILINE)
    assert rows == [(one.usage, one.summary) for one in (*TABLE.values(), NUMBERS)]


def test_a_line_of_text_can_fill_every_command() -> None:
    """A field that takes the rest of the line is the last one, and field names are unique."""
    for command in TABLE.values():
        kinds = [field.kind for field in command.fields]
        assert Kind.TEXT not in kinds[:-1], command.name
        names = [field.name for field in command.fields]
        assert len(names) == len(set(names)), command.name


def test_every_command_has_a_window() -> None:
    """And its usage begins with its name."""
    for name, command in TABLE.items():
        assert command.at_visitor or command.at_desk
        assert command.usage.split()[0] == f"!{name}"
