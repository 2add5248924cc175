"""Core statements as SQL text: what the hot path runs.

Executing a Core statement costs 60 to 80 µs more than its text, and the driver's `executemany`
gives up and takes back the interpreter's lock once per row, for which a busy event loop lets it
wait. So each statement is compiled once, for one row, and its text is repeated for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

T = TypeVar("T")

CHUNK = 500
"""Ids that one statement asks for."""

_PLACEHOLDERS = {"qmark": "?", "format": "%s"}


def chunks(ids: Sequence[T]) -> list[Sequence[T]]:
    """In parts for a statement each."""
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


class Bulk:
    """A statement for any number of rows, whose parameters follow each other row by row.

    A row is `columns` values, or what fulfils the condition `either`. Row values would be
    shorter (`(a, b) IN ((1, 2), …)`), but SQLite then reads the whole table.
    """

    def __init__(
        self,
        statement: ClauseElement,
        dialect: Dialect,
        *,
        columns: int = 0,
        either: ColumnElement[bool] | None = None,
    ) -> None:
        compiled = str(
            statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        )
        if either is not None:
            self._row, self._joint = str(either.compile(dialect=dialect)), " OR "
        else:
            placeholders = ", ".join([_PLACEHOLDERS[dialect.paramstyle]] * columns)
            self._row = placeholders if columns == 1 else f"({placeholders})"
            self._joint = ", "
        self._head, row, self._tail = compiled.partition(self._row)
        if not row or self._row in self._tail:
            raise ValueError(f"{self._row} is not once in {compiled}")

    def text(self, rows: int) -> str:
        """The SQL for so many rows."""
        return self._head + self._joint.join([self._row] * rows) + self._tail
