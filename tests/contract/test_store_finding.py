"""What every store keeps to: rows by number, and by time."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete

from switchboard.store import SqlStore
from switchboard.store.schema import messages

from .drafts import NOW, from_visitor
from .statements import statements

pytestmark = pytest.mark.asyncio


async def filled(store: SqlStore, times: list[int]) -> None:
    """A log with a row at each of the times, in milliseconds after NOW."""
    drafts = [from_visitor(f"c{place}", at=NOW + at) for place, at in enumerate(times)]
    await asyncio.gather(*(store.append(draft) for draft in drafts))


async def test_rows_come_by_number(store: SqlStore) -> None:
    """In their order, those that there are, of that conversation."""
    await filled(store, [0, 0, 0, 0])
    await store.append(from_visitor("x", conversation="v-eve"))
    rows = await store.rows("v-ann", [4, 2, 9, 2])
    assert [(row.conversation, row.seq) for row in rows] == [("v-ann", 2), ("v-ann", 4)]
    assert await store.rows("v-ann", []) == []


async def test_a_row_is_found_by_time(store: SqlStore) -> None:
    """The first of those written at that time or later; behind the last, the one to come."""
    await filled(store, [10, 20, 20, 30])
    found = {at: await store.since("v-ann", NOW + at) for at in (0, 10, 11, 20, 21, 30, 31)}
    assert found == {0: 1, 10: 1, 11: 2, 20: 2, 21: 4, 30: 4, 31: 5}
    assert await store.since("v-eve", NOW) == 1


async def test_clocks_may_differ(store: SqlStore) -> None:
    """A row of a clock that is late hides no other one."""
    times = [10_000, 20_000, 21_000, 17_000, 22_000, 18_000, 30_000]
    await filled(store, times)
    for at in (19_000, 20_000):
        assert await store.since("v-ann", NOW + at) == 2
    assert await store.since("v-ann", NOW + 22_000) == 5


async def test_a_log_that_has_lost_its_beginning(store: SqlStore) -> None:
    """What is no longer kept is not found."""
    await filled(store, [10, 20, 30, 40])
    with store.engine.begin() as connection:
        connection.execute(delete(messages).where(messages.c.seq < 3))
    assert [await store.since("v-ann", NOW + at) for at in (0, 15, 35, 45)] == [3, 3, 4, 5]


async def test_a_time_is_found_in_few_steps(store: SqlStore) -> None:
    """A long log is not read for it."""
    await filled(store, [60_000 * number for number in range(1000)])
    with statements(store) as seen:
        assert await store.since("v-ann", NOW + 60_000 * 700) == 701
    assert len(seen) <= 14
