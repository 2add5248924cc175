"""How far the desk and the visitor are in the log, and who was told so."""

from __future__ import annotations

from collections.abc import Mapping

from switchboard import events
from switchboard.model import Cursor, SenderKind

from . import wire
from .readers import Reader

_NOWHERE = Cursor()


class Receipts:
    """Of one visitor's log. Whatever is heard, in whatever order, both only move on."""

    __slots__ = ("_desk", "_visitor", "own")

    def __init__(self, visitor: str) -> None:
        self._visitor = visitor
        self._desk = _NOWHERE
        """All operators in one."""
        self.own = _NOWHERE
        """The visitor's, on all pages together."""

    def heard(self, event: events.Receipt) -> None:
        """A participant has got further."""
        if event.participant.kind is SenderKind.OPERATOR:
            self._desk = _further(self._desk, event.delivered, event.read)
        elif event.participant.id == self._visitor:
            self.own = _further(self.own, event.delivered, event.read)

    def stored(self, cursors: Mapping[str, Cursor]) -> None:
        """What the store has, by participant."""
        for participant, cursor in cursors.items():
            if participant == self._visitor:
                self.own = _further(self.own, cursor.delivered, cursor.read)
            else:
                self._desk = _further(self._desk, cursor.delivered, cursor.read)

    def acknowledge(self, delivered: int, read: int) -> Cursor | None:
        """One of the visitor's pages has, or the visitor has read, the log up to there.

        How far the visitor is then; None if that is no news.
        """
        moved = _further(self.own, max(delivered, read), read)
        if moved == self.own:
            return None
        self.own = moved
        return moved

    def give(self, reader: Reader) -> None:
        """Tells a reader what of the desk's it does not know."""
        if self._desk.read > reader.read:
            reader.read = self._desk.read
            reader.delivered = max(reader.delivered, reader.read)
            reader.push(wire.ReceiptData(wire.DESK, reader.read, "read"))
        if self._desk.delivered > reader.delivered:
            reader.delivered = self._desk.delivered
            reader.push(wire.ReceiptData(wire.DESK, reader.delivered, "delivered"))


def _further(cursor: Cursor, delivered: int, read: int) -> Cursor:
    return Cursor(max(cursor.delivered, delivered), max(cursor.read, read))
