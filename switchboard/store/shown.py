"""What contact lists were told, on its way to the disk: gathered, so that it costs few statements.

All but `write` happens on the event loop. An entry has to be known before a list is told of it, or
nobody would ever take it out again; unless something else tells of it, as an open talk does. That
one is gone may be known later, or be lost: then the next process takes it out once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

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
KEPT_AT_ONCE = 1000
DROPPED_AT_ONCE = 900
"""Rows of one statement: SQLite takes no conditions that are 1,000 deep."""

Place = tuple[str, str, str]
"""Domain, operator, visitor."""


class Notes(Struct, frozen=True):
    """Entries by their place; None: it is gone."""

    entries: dict[Place, Shown | None]


class ShownNotes:
    """The notes that wait; `put` has them written, and tells what became of them."""

    def __init__(
        self, put: Callable[[Notes, Callable[[object], None]], None], seconds: float
    ) -> None:
        self._put = put
        self._seconds = seconds
        self._added: dict[Place, Shown | None] = {}
        self._gone: dict[Place, Shown | None] = {}
        self._awaited: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._later: dict[Place, Shown] = {}
        """Added, and to be stored within the seconds."""
        self._later_timer: asyncio.TimerHandle | None = None

    async def note(
        self, add: Sequence[Shown], remove: Sequence[Shown], talking: Collection[str] = ()
    ) -> None:
        """Drops, then adds; returns once what is added is stored. Raises RetryLater.

        What is added of visitors in `talking` is stored within the seconds, all of one visitor's
        in one transaction; unless older notes of them are still on their way.
        """
        for entry in remove:
            self._added.pop(_place(entry), None)
            self._later.pop(_place(entry), None)
            self._gone[_place(entry)] = None
        waiting = {visitor for _, _, visitor in self._later}
        waiting.update(set(talking) - {visitor for _, _, visitor in self._gone})
        at_once = [entry for entry in add if entry.visitor not in waiting]
        self._put_off([entry for entry in add if entry.visitor in waiting])
        for entry in at_once:
            self._gone.pop(_place(entry), None)
            self._added[_place(entry)] = entry
        loop = asyncio.get_running_loop()
        if self._gone and self._timer is None:
            self._timer = loop.call_later(DROP_SECONDS, self.send)
        if not at_once:
            return
        if not self._awaited:
            # With what others note in this turn of the loop.
            loop.call_soon(self.send_added)
        stored: asyncio.Future[None] = loop.create_future()
        self._awaited.append(stored)
        await stored

    async def settle(self) -> None:
        """Returns once all that waits is stored. Raises RetryLater."""
        if self._added or self._later or self._gone:
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
        self.send_added()

    def send_added(self) -> None:
        """Has what was added written."""
        if self._later_timer is not None:
            self._later_timer.cancel()
            self._later_timer = None
        if not (self._added or self._later or self._awaited):
            return
        added, self._added = self._added, {}
        later, self._later = self._later, {}
        awaited, self._awaited = self._awaited, []

        def done(outcome: object) -> None:
            if isinstance(outcome, RetryLater):
                newer = self._added.keys() | self._gone.keys() | self._later.keys()
                self._put_off([entry for at, entry in later.items() if at not in newer])
            _settle(awaited, outcome)

        try:
            self._put(Notes({**later, **added}), done)
        except RetryLater as closing:
            _settle(awaited, closing)

    def _put_off(self, add: Sequence[Shown]) -> None:
        for entry in add:
            self._gone.pop(_place(entry), None)
            self._later[_place(entry)] = entry
        if self._later and self._later_timer is None:
            loop = asyncio.get_running_loop()
            self._later_timer = loop.call_later(self._seconds, self.send_added)


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
        _write(connection, self._drop, gone, DROPPED_AT_ONCE)
        _write(connection, self._save, kept, KEPT_AT_ONCE)


def _write(
    connection: Connection, bulk: Bulk, rows: Sequence[tuple[str, ...]], at_once: int
) -> None:
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        parameters = tuple(value for row in part for value in row)
        connection.exec_driver_sql(bulk.text(len(part)), parameters)


def _settle(awaited: Sequence[asyncio.Future[None]], outcome: object) -> None:
    for stored in awaited:
        if stored.done():
            continue
        if isinstance(outcome, Exception):
            stored.set_exception(outcome)
        else:
            stored.set_result(None)


def _place(entry: Shown) -> Place:
    """An entry's key."""
    return (entry.domain, entry.operator, entry.visitor)
