"""What a command is: a row of the table, its fields, and what it is told."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from switchboard.errors import Reject
from switchboard.model import Operator

from ..jids import Jid
from ..talk import Talk

if TYPE_CHECKING:
    from .context import Context


class Refused(Reject):
    """The command cannot be carried out; the text says why and what to do instead."""

    def __init__(self, words: str) -> None:
        super().__init__("invalid", words)


class Kind(enum.Enum):
    """How a field's value is found in a line of text, and shown in a form."""

    OPERATOR = enum.auto()
    """`@name`: another operator; the value is the id. A list to choose from."""
    WORD = enum.auto()
    """One word."""
    TEXT = enum.auto()
    """All the rest of the line."""


class Field(Struct, frozen=True):
    """One thing that a command wants to know."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    required: bool = False
    multiline: bool = False
    """Of a TEXT: whether a form gives it several lines."""
    options: Callable[[Context, Request], Mapping[str, str]] | None = None
    """What there is to choose from: value -> label."""


class Request(Struct, frozen=True):
    """A command as an operator gave it; `visitor` is the window's, "" in the desk's."""

    jid: Jid
    operator: Operator
    visitor: str
    talk: Talk | None
    """None in the desk's window, and if there was never a word between the visitor and a desk."""
    values: Mapping[str, str] = {}

    def value(self, field: str) -> str:
        """What was given for a field, or ""."""
        return self.values.get(field, "")


Run = Callable[["Context", Request], Awaitable[str]]


class Command(Struct, frozen=True):
    """A row of the table. `run` gives the answer for the operator, or raises Refused."""

    name: str
    usage: str
    summary: str
    run: Run
    steps: tuple[tuple[Field, ...], ...] = ()
    """The fields, form by form."""
    at_desk: bool = False
    """Whether it makes sense in the desk's window."""
    at_visitor: bool = True
    """Whether it makes sense in a visitor's window."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in the order in which a line of text has them."""
        return tuple(field for step in self.steps for field in step)
