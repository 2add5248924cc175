"""What many are told of: made once, whoever hears it and on whichever way.

Only those who are named in it are told otherwise, since to them it says `self`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from switchboard.model import CHANGES, Message, Sender
from switchboard.ports import Clock

from . import wire
from .rows import event_of

Tail = Callable[[wire.EventData], bytes]
"""wire.socket_tail or wire.sse_tail."""


class Shared:
    """An event; `make` gives it as the occupant of an id sees it."""

    __slots__ = ("_data", "_make", "_named", "_tails")

    def __init__(
        self, make: Callable[[str], wire.EventData | None], named: Collection[str]
    ) -> None:
        self._make = make
        self._named = named
        self._data: dict[str, wire.EventData | None] = {}
        self._tails: dict[tuple[Tail, str], bytes] = {}

    def data(self, own: str) -> wire.EventData | None:
        """The event to that occupant; None: there is nothing to tell."""
        known = own if own in self._named else ""
        if known not in self._data:
            self._data[known] = self._make(known)
        return self._data[known]

    def tail(self, own: str, form: Tail) -> bytes:
        """All that follows the cursor; empty: there is nothing to tell."""
        key = (form, own if own in self._named else "")
        tail = self._tails.get(key)
        if tail is None:
            data = self.data(own)
            tail = self._tails[key] = b"" if data is None else form(data)
        return tail


class Row(Shared):
    """A row of a room's log; `part` is what a cursor says of the room after it."""

    __slots__ = ("changes", "mark", "part", "seq")

    def __init__(self, message: Message, room: str, mark: int, part: bytes, clock: Clock) -> None:
        def make(own: str) -> wire.EventData | None:
            return event_of(message, own, clock, room)

        super().__init__(make, named_in(message))
        self.changes = message.act in CHANGES
        self.seq = message.seq
        self.mark = mark
        self.part = part


def named_in(message: Message) -> frozenset[str]:
    """The occupants that a row is, or tells, something of."""
    by: list[Sender] = [who for reaction in message.reactions for who in reaction.by]
    return frozenset((message.sender.id, *(who.id for who in by)))
