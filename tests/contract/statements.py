"""What a store asks of its database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from switchboard.store import SqlStore


@contextmanager
def statements(store: SqlStore) -> Iterator[list[str]]:
    """The SQL that a store runs meanwhile."""
    ran: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        ran.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield ran
    event.remove(store.engine, "before_cursor_execute", note)
