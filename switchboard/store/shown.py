"""What contact lists were told, on its way to the disk: gathered, so that it costs few statements.

All but `write` happens on the event loop. An entry has to be known before a list is told of it, or
nobody would ever take it out again. That one is gone may be known later, or be lost: then the next
process takes it out once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, delete
from sqlalchemy.engine import Dialect

from ..errors import RetryLater
from ..model import Shown
from .bulk import Bulk
from .flavour import Flavour
from .schema import shown

DROP_SECONDS = 60.0
"""So long notes of entries that are gone are gathered."""
ROWS_AT_ONCE = 250

Place = tuple[str, str, str]
"""Domain, operator, visitor."""


class Notes(Struct, frozen=True):
    """Entries by their place; None: it is gone."""

    entries: dict[Place, Shown | None]


class ShownNotes:
    """The notes that wait; `put` has them written, and tells what became of them."""

    def __init__(self, put: Callable[[Notes, Callable[[object], None]], None]) -> None:
        self._put = put
        self._added: dict[Place, Shown | None] = {}
        self._gone: dict[Place, Shown | None] = {}
        self._awaited: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    async def note(self, add: Sequence[Shown], remove: Sequence[Shown]) -> None:
        """Drops, then adds; returns once what is added is stored. Raises RetryLater."""
        for entry in remove:
            self._added.pop(_place(entry), None)
            self._gone[_place(entry)] = None
        for entry in add:
            self._gone.pop(_place(entry), None)
            self._added[_place(entry)] = entry
        loop = asyncio.get_running_loop()
        if self._gone and self._timer is None:
            self._timer = loop.call_later(DROP_SECONDS, self.send)
        if not add:
            return
        if not self._awaited:
            # With what others note in this turn of the loop.
            loop.call_soon(self._send_added)
        stored: asyncio.Future[None] = loop.create_future()
        self._awaited.append(stored)
        await stored

    async def settle(self) -> None:
        """Returns once all that waits is stored. Raises RetryLater."""
        if self._added or self._gone:
            stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._awaited.append(stored)
            self.send()
            await stored

    def send(self) -> None:
        """Has all that waits written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._added |= self._gone
        self._gone = {}
        self._send_added()

    def _send_added(self) -> None:
        if not (self._added or self._awaited):
            return
        notes, self._added = Notes(self._added), {}
        awaited, self._awaited = self._awaited, []

        def done(outcome: object) -> None:
            for stored in awaited:
                if stored.done():
                    continue
                if isinstance(outcome, Exception):
                    stored.set_exception(outcome)
                else:
                    stored.set_result(None)

        try:
            self._put(notes, done)
        except RetryLater as closing:
            done(closing)


class ShownWrites:
    """Writes notes within a transaction."""

    def __init__(self, dialect: Dialect, flavour: Flavour) -> None:
        of = shown.c
        there = and_(of.domain == "", of.operator == "", of.visitor == "")
        self._drop = Bulk(delete(shown).where(there), dialect, either=there)
        save = flavour.upsert(shown, ("name", "group"))
        self._save = Bulk(save, dialect, columns=len(of))

    def write(self, connection: Connection, entries: dict[Place, Shown | None]) -> None:
        gone = [at for at, entry in sorted(entries.items()) if entry is None]
        kept = [
            (*at, entry.name, entry.group)
            for at, entry in sorted(entries.items())
            if entry is not None
        ]
        for bulk, rows in ((self._drop, gone), (self._save, kept)):
            for start in range(0, len(rows), ROWS_AT_ONCE):
                part = rows[start : start + ROWS_AT_ONCE]
                parameters = tuple(value for row in part for value in row)
                connection.exec_driver_sql(bulk.text(len(part)), parameters)


def _place(entry: Shown) -> Place:
    """An entry's key."""
    return (entry.domain, entry.operator, entry.visitor)
