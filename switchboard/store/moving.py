"""Moves everything from one database to another, for an installation that has outgrown a file.

Rows go in the order of their keys, many to a commit, so that what the target has is always the
beginning of a table: a move that was killed goes on from there. It ends by reading both sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select
from sqlalchemy.engine import Engine, Row

from ..errors import Reject
from . import migrate
from .bulk import Bulk
from .engine import flavour_of, make_engine
from .faults import Faults
from .flavour import WRITES
from .schema import messages, meta, metadata

ROWS = 500
CHARACTERS = 500_000
"""How many a commit has at most, but one row: servers limit the length of a statement."""

Progress = Callable[[int], object]
"""Told how many rows more are copied or compared."""

Key = Sequence[Any]


def move(source: str, target: str, begin: Callable[[int], Progress]) -> dict[str, int]:
    """Copies all rows and compares the two; gives how many rows each table has.

    `begin` is told how many steps there are, and gives what is told of them. A file that is moved
    takes no writes meanwhile. Raises RetryLater, and Reject if the source's schema is not this
    program's, if the target has other rows than the source, or if the two differ in the end.
    """
    here, there = make_engine(source), make_engine(target)
    try:
        with Faults(flavour_of(here.url)[1]).translated():
            _expect_schema(here)
        migrate.upgrade(there)
        writes = {WRITES: True}
        with (
            Faults(flavour_of(there.url)[1]).translated(),
            here.connect().execution_options(**writes) as reading,
            reading.begin(),
            there.connect().execution_options(**writes) as writing,
        ):
            return _move(reading, writing, begin)
    finally:
        here.dispose()
        there.dispose()


def _expect_schema(source: Engine) -> None:
    path = source.url.database or ""
    if source.dialect.name == "sqlite" and not Path(path).exists():
        raise Reject("invalid", f"There is no {path}.")
    if migrate.current(source) != migrate.head():
        raise Reject("invalid", "The source has another schema: run `parley migrate` on it first.")


def _move(
    source: Connection, target: Connection, begin: Callable[[int], Progress]
) -> dict[str, int]:
    counts = {table: _count(source, table) for table in metadata.sorted_tables}
    for table in counts:
        _expect_beginning(source, target, table)
    progress = begin(2 * sum(counts.values()))
    for table in counts:
        _copy(source, target, table, progress)
    for table, count in counts.items():
        if _count(target, table) != count or _sum(target, table) != _sum(source, table, progress):
            raise Reject("invalid", f"{table.name} differs: empty the target and move again.")
    return {table.name: count for table, count in counts.items()}


def _expect_beginning(source: Connection, target: Connection, table: Table) -> None:
    """The target's rows have the first keys of the source's; `meta` is never empty."""
    last = _last(target, table)
    if last is None or table is meta:
        return
    beginning = select(func.count()).select_from(table).where(~_after(table, last))
    same = [column == value for column, value in zip(table.primary_key, last, strict=True)]
    if (
        source.execute(beginning).scalar_one() != _count(target, table)
        or source.execute(select(table).where(*same)).first() is None
    ):
        raise Reject("invalid", f"The target has {table.name} of its own.")


def _copy(source: Connection, target: Connection, table: Table, progress: Progress) -> None:
    # Rows of the other tables change, so that those which were copied before are copied again.
    last = _last(target, table) if table is messages else None
    if last is not None:
        progress(_count(target, table))
    replace = [column.name for column in table.columns if not column.primary_key]
    flavour = flavour_of(target.engine.url)[1]
    save = Bulk(flavour.upsert(table, replace), target.dialect, columns=len(table.columns))
    for rows in _portions(_rows(source, table, last)):
        with _transaction(target):
            target.exec_driver_sql(save.text(len(rows)), tuple(v for row in rows for v in row))
        progress(len(rows))


def _transaction(connection: Connection) -> Any:
    connection.rollback()  # What was only read has begun one by itself.
    return connection.begin()


def _portions(rows: Iterator[Row[Any]]) -> Iterator[list[Row[Any]]]:
    portion: list[Row[Any]] = []
    size = 0
    for row in rows:
        length = sum(len(value) for value in row if isinstance(value, str))
        if portion and (len(portion) == ROWS or size + length > CHARACTERS):
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += length
    if portion:
        yield portion


def _rows(connection: Connection, table: Table, last: Key | None) -> Iterator[Row[Any]]:
    """All of a table behind that key, in the order of the key, without holding many."""
    keys = table.primary_key.columns
    places = [list(table.columns).index(key) for key in keys]
    while True:
        statement = select(table).order_by(*keys).limit(ROWS)
        if last is not None:
            statement = statement.where(_after(table, last))
        found = connection.execute(statement).all()
        yield from found
        if len(found) < ROWS:
            return
        last = [found[-1][place] for place in places]


def _after(table: Table, key: Key) -> ColumnElement[bool]:
    """Whether a row's key is larger, in words for which databases use the key's index."""
    columns = list(table.primary_key.columns)
    larger = [
        and_(*(c == v for c, v in zip(columns[:at], key, strict=False)), columns[at] > key[at])
        for at in range(len(columns))
    ]
    return and_(columns[0] >= key[0], or_(*larger))


def _last(connection: Connection, table: Table) -> Key | None:
    keys = table.primary_key.columns
    statement = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
    found = connection.execute(statement).one_or_none()
    return None if found is None else tuple(found)


def _count(connection: Connection, table: Table) -> int:
    found: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return found


def _sum(connection: Connection, table: Table, progress: Progress = lambda _: None) -> bytes:
    digest = hashlib.blake2b()
    for rows in _portions(_rows(connection, table, None)):
        digest.update(repr([tuple(row) for row in rows]).encode())
        progress(len(rows))
    return digest.digest()
