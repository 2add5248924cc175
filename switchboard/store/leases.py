"""Leases as rows: few statements, each committed by itself, on a thread and connection of theirs.

They wait for no batch of the writer and for no reader. A transaction that its process leaves open,
because it is frozen, keeps its rows locked for hours; a lone statement ends in the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Update, insert, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError

from ..ports import LeaseRow
from .engine import flavour_of
from .faults import Faults
from .schema import leases

T = TypeVar("T")

_of = leases.c
_columns = (_of.owner, _of.epoch, _of.beat, _of.standby, _of.standby_beat)


class SqlLeases:
    """Implements ports.Leases over a store's engine. To be closed before the store is."""

    def __init__(self, engine: Engine) -> None:
        flavour = flavour_of(engine.url)[1]
        self._engine = engine
        self._each_alone = flavour.each_alone
        self._faults = Faults(flavour)
        self._thread = ThreadPoolExecutor(1, "store-leases")

    async def look(self, name: str) -> LeaseRow | None:
        """See ports.Leases."""
        return await self._run(lambda connection: _look(connection, name), {})

    async def take(self, name: str, owner: str, seen: LeaseRow | None) -> bool:
        """See ports.Leases."""
        if seen is None:
            return await self._write(lambda connection: _begin(connection, name, owner))
        as_seen = _owned(name, seen.owner, seen.epoch).where(_of.beat == seen.beat)
        values = {"owner": owner, "epoch": seen.epoch + 1, "beat": 0, "standby": ""}
        return await self._change(as_seen.values(values))

    async def renew(self, name: str, owner: str, epoch: int) -> LeaseRow | None:
        """See ports.Leases."""
        statement = _owned(name, owner, epoch).values(beat=_of.beat + 1)

        def run(connection: Connection) -> LeaseRow | None:
            return _look(connection, name) if _changed(connection, statement) else None

        return await self._write(run)

    async def release(self, name: str, owner: str, epoch: int) -> None:
        """See ports.Leases."""
        await self._change(_owned(name, owner, epoch).values(owner=""))

    async def stand_by(self, name: str, candidate: str) -> None:
        """See ports.Leases."""
        values = {"standby": candidate, "standby_beat": _of.standby_beat + 1}
        await self._change(update(leases).where(_of.name == name).values(values))

    async def stand_down(self, name: str, candidate: str) -> None:
        """See ports.Leases."""
        mine = (_of.name == name) & (_of.standby == candidate)
        await self._change(update(leases).where(mine).values(standby=""))

    def close(self) -> None:
        """Ends the thread, once it has done what it does."""
        self._thread.shutdown(wait=False)

    async def _change(self, statement: Update) -> bool:
        return await self._write(lambda connection: _changed(connection, statement))

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._run(work, self._each_alone)

    async def _run(self, work: Callable[[Connection], T], options: Mapping[str, Any]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._do, work, options)

    def _do(self, work: Callable[[Connection], T], options: Mapping[str, Any]) -> T:
        with (
            self._faults.translated(),
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            return work(connection)


def _look(connection: Connection, name: str) -> LeaseRow | None:
    found = connection.execute(select(*_columns).where(_of.name == name)).one_or_none()
    return None if found is None else LeaseRow(*found)


def _begin(connection: Connection, name: str, owner: str) -> bool:
    values = {"owner": owner, "epoch": 1, "beat": 0, "standby": "", "standby_beat": 0}
    try:
        connection.execute(insert(leases).values(name=name, **values))
    except IntegrityError:
        return False  # somebody was faster
    return True


def _owned(name: str, owner: str, epoch: int) -> Update:
    return update(leases).where(_of.name == name, _of.owner == owner, _of.epoch == epoch)


def _changed(connection: Connection, statement: Update) -> bool:
    result: CursorResult[object] = connection.execute(statement)
    return result.rowcount == 1
