"""What is done within one transaction: in bulk what comes often, everything else in its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from ..errors import SwitchboardError
from ..model import Shown
from ..ports import Draft
from .appends import Appends
from .cursors import CursorWrites, Moves, merge
from .shown import Notes, Place, ShownWrites

Step = Callable[[Connection], object]
"""Reads, decides, writes; raises a SwitchboardError only before it has written anything."""

Work = Draft | Moves | Notes | Step


class Batches:
    """Carries out works in one transaction, which somebody else begins and commits."""

    def __init__(
        self, appends: Appends, cursor_writes: CursorWrites, shown_writes: ShownWrites
    ) -> None:
        self._appends = appends
        self._cursor_writes = cursor_writes
        self._shown_writes = shown_writes

    def run(self, connection: Connection, works: Sequence[Work]) -> list[object]:
        """The outcome of each work, in their order: its result or the SwitchboardError.

        A refused work changes nothing. Any other error is raised and spoils the transaction.
        """
        outcomes: list[object] = [None] * len(works)
        drafts: dict[int, Draft] = {}
        moves: Moves = {}
        notes: dict[Place, Shown | None] = {}
        for index, work in enumerate(works):
            if isinstance(work, Draft):
                drafts[index] = work
            elif isinstance(work, dict):
                merge(moves, work)
            elif isinstance(work, Notes):
                notes.update(work.entries)
            else:
                # It may be about the same conversations as what was put before it.
                self._append(connection, drafts, outcomes)
                self._move(connection, moves)
                try:
                    outcomes[index] = work(connection)
                except SwitchboardError as refusal:
                    outcomes[index] = refusal
        self._append(connection, drafts, outcomes)
        self._move(connection, moves)
        self._shown_writes.write(connection, notes)
        return outcomes

    def _move(self, connection: Connection, moves: Moves) -> None:
        if moves:
            self._cursor_writes.write(connection, moves)
            moves.clear()

    def _append(
        self, connection: Connection, drafts: dict[int, Draft], outcomes: list[object]
    ) -> None:
        if drafts:
            appended = self._appends.append(connection, list(drafts.values()))
            for index, outcome in zip(drafts, appended, strict=True):
                outcomes[index] = outcome
            drafts.clear()
