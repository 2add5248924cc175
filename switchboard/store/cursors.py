"""Cursor moves on their way to the disk.

All but `write` happens on the event loop, so nothing is locked. A move that fails to be stored
waits for the next commit; losing one would only repeat a line to an operator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import msgspec
from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

from ..errors import RetryLater
from ..model import Conversation, Cursor
from .bulk import Bulk
from .flavour import Flavour
from .schema import cursors

log = logging.getLogger(__name__)

FLUSH_SECONDS = 4.9
"""So long a move waits for a commit to ride with, before it gets its own; and none rides with what
comes often so soon after the last.
"""

Moves = dict[str, dict[str, Cursor]]
"""Cursors by conversation and participant."""


def further(one: Cursor, other: Cursor) -> Cursor:
    """What both say: as far as either; what is read was delivered."""
    read = max(one.read, other.read)
    return Cursor(max(one.delivered, other.delivered, read), read)


def merge(into: Moves, moves: Moves) -> None:
    """Moves the cursors of `into` forward by `moves`."""
    for conversation, participants in moves.items():
        there = into.setdefault(conversation, {})
        for participant, cursor in participants.items():
            there[participant] = further(there.get(participant, Cursor()), cursor)


class CursorMoves:
    """The moves that wait and those that are being written; `flush` is called if none rides."""

    def __init__(self, flush: Callable[[], None], seconds: float) -> None:
        self._flush = flush
        self._seconds = seconds
        self._waiting: Moves = {}
        self._departed: list[Moves] = []
        self._timer: asyncio.TimerHandle | None = None
        self._departed_at = float("-inf")
        self._stopped = False

    def move(self, conversation: str, participant: str, cursor: Cursor) -> None:
        """Notes a move; one that goes nowhere is nothing."""
        known = Cursor()
        for moves in self.under_way():
            if conversation in moves:
                known = further(known, moves[conversation].get(participant, known))
        moved = further(known, cursor)
        if moved != known:
            self._waiting.setdefault(conversation, {})[participant] = moved
            self._wind()

    def under_way(self) -> list[Moves]:
        """All moves of which it is not known that they are stored.

        To be taken before a read, so that none falls between the read and the overlay.
        """
        return [*self._departed, self._waiting]

    @property
    def due(self) -> bool:
        """Whether the last departure was so long ago that the next may ride with any commit."""
        return asyncio.get_running_loop().time() - self._departed_at >= self._seconds

    def depart(self) -> Moves | None:
        """The waiting moves, if any, to be written; `arrived` must be called afterwards."""
        if not self._waiting:
            return None
        moves, self._waiting = self._waiting, {}
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._departed.append(moves)
        self._departed_at = asyncio.get_running_loop().time()
        return moves

    def arrived(self, moves: Moves, outcome: object) -> None:
        """Told what became of them: an error or anything else."""
        self._departed = [others for others in self._departed if others is not moves]
        if isinstance(outcome, RetryLater):
            merge(self._waiting, moves)
            self._wind()
        elif isinstance(outcome, Exception):
            log.error("cursor moves were lost", exc_info=outcome)

    def stop(self) -> None:
        """No flush comes any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _wind(self) -> None:
        if self._timer is None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting:
            self._flush()


def overlaid(conversation: Conversation, under_way: Iterable[Moves]) -> Conversation:
    """The conversation with its cursors moved as far as they will be."""
    moved: Moves = {conversation.id: conversation.cursors}
    found = False
    for moves in under_way:
        if conversation.id in moves:
            found = True
            merge(moved, {conversation.id: moves[conversation.id]})
    if not found:
        return conversation
    return msgspec.structs.replace(conversation, cursors=moved[conversation.id])


class CursorWrites:
    """Writes moves within a transaction; a stored cursor is never lowered."""

    def __init__(self, dialect: Dialect, flavour: Flavour) -> None:
        statement = flavour.upsert(cursors, replace=(), raised=("delivered", "read"))
        self._save = Bulk(statement, dialect, columns=len(cursors.c))

    def write(self, connection: Connection, moves: Moves) -> None:
        rows = [
            (conversation, participant, cursor.delivered, cursor.read)
            for conversation, participants in sorted(moves.items())
            for participant, cursor in sorted(participants.items())
        ]
        for start in range(0, len(rows), 500):
            part = rows[start : start + 500]
            parameters = tuple(value for row in part for value in row)
            connection.exec_driver_sql(self._save.text(len(part)), parameters)
