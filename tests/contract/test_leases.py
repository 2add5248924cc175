"""What every table of leases keeps to: each write is a compare-and-set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from switchboard.errors import RetryLater
from switchboard.ports import LeaseRow, Leases
from switchboard.store import migrate
from switchboard.store.engine import flavour_of, make_engine
from switchboard.store.flavour import WRITES
from switchboard.store.leases import SqlLeases
from switchboard.store.schema import conversations
from switchboard.store.schema import leases as table
from tests.memory_leases import MemoryLeases

from .conftest import DATABASES, mariadb_database, needs_mariadb


@pytest.fixture(params=[*DATABASES, pytest.param(None, id="memory")])
async def leases(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Leases]:
    """A table with nothing in it."""
    if request.param is None:
        yield MemoryLeases()
        return
    with request.param(tmp_path) as url, sql_leases(url) as made:
        yield made


@contextmanager
def sql_leases(url: str) -> Iterator[SqlLeases]:
    """The leases of a database."""
    engine = make_engine(url)
    migrate.upgrade(engine)
    made = SqlLeases(engine)
    yield made
    made.close()
    engine.dispose()


async def test_one_takes_what_nobody_had(leases: Leases) -> None:
    """Of several who saw that there is none, one gets it."""
    assert await leases.look("d") is None
    takers = [f"g{number}" for number in range(4)]
    taken = await asyncio.gather(*(leases.take("d", taker, None) for taker in takers))
    assert taken.count(True) == 1
    owner = takers[taken.index(True)]
    assert await leases.look("d") == LeaseRow(owner, 1, 0, "", 0)
    assert await leases.look("e") is None


async def test_what_was_renewed_is_not_taken(leases: Leases) -> None:
    """Whoever saw an earlier beat takes nothing."""
    await leases.take("d", "one", None)
    seen = await leases.look("d")
    assert await leases.renew("d", "one", 1) == LeaseRow("one", 1, 1, "", 0)
    assert not await leases.take("d", "two", seen)
    assert await leases.take("d", "two", await leases.look("d"))
    assert await leases.look("d") == LeaseRow("two", 2, 0, "", 0)


async def test_one_takes_what_stood_still(leases: Leases) -> None:
    """Of several who saw the same beat, one gets it."""
    await leases.take("d", "gone", None)
    seen = await leases.look("d")
    taken = await asyncio.gather(*(leases.take("d", f"g{n}", seen) for n in range(4)))
    assert taken.count(True) == 1


async def test_who_lost_it_renews_nothing(leases: Leases) -> None:
    """Neither a former owner nor a former epoch of the same owner."""
    await leases.take("d", "one", None)
    await leases.take("d", "two", await leases.look("d"))
    assert await leases.renew("d", "one", 1) is None
    assert await leases.renew("d", "two", 1) is None
    assert await leases.renew("e", "two", 2) is None
    assert await leases.renew("d", "two", 2) == LeaseRow("two", 2, 1, "", 0)


async def test_what_is_released_is_nobodys(leases: Leases) -> None:
    """The epoch goes on from there; what is another's is not released."""
    await leases.take("d", "one", None)
    await leases.release("d", "one", 1)
    seen = await leases.look("d")
    assert seen == LeaseRow("", 1, 0, "", 0)
    assert await leases.renew("d", "one", 1) is None
    assert await leases.take("d", "two", seen)
    await leases.release("d", "one", 1)
    assert await leases.look("d") == LeaseRow("two", 2, 0, "", 0)


async def test_the_owner_learns_who_waits(leases: Leases) -> None:
    """By its next renewal; one who waits no more takes nobody else's word back."""
    await leases.stand_by("d", "two")
    await leases.take("d", "one", None)
    await leases.stand_by("d", "two")
    assert await leases.renew("d", "one", 1) == LeaseRow("one", 1, 1, "two", 1)
    await leases.stand_by("d", "three")
    await leases.stand_down("d", "two")
    assert await leases.look("d") == LeaseRow("one", 1, 1, "three", 2)
    await leases.stand_down("d", "three")
    assert await leases.look("d") == LeaseRow("one", 1, 1, "", 2)


@needs_mariadb
async def test_a_frozen_process_locks_no_lease(tmp_path: Path) -> None:
    """One that stops between its statement and what follows it holds nobody up."""
    with mariadb_database(tmp_path) as url, sql_leases(url) as leases:
        await leases.take("d", "one", None)
        engine = make_engine(url)
        options = flavour_of(url)[1].each_alone
        with engine.connect().execution_options(**options) as frozen, frozen.begin():
            frozen.execute(update(table).values(beat=7))
            async with asyncio.timeout(1.0):
                assert await leases.renew("d", "one", 1) == LeaseRow("one", 1, 8, "", 0)
        engine.dispose()


@pytest.mark.parametrize("database", DATABASES)
async def test_a_busy_store_holds_up_no_look(database: Any, tmp_path: Path) -> None:
    """A transaction that takes long on other tables is not waited for."""
    with database(tmp_path) as url, sql_leases(url) as leases:
        await leases.take("d", "one", None)
        engine = make_engine(url)
        with engine.connect().execution_options(**{WRITES: True}) as busy, busy.begin():
            busy.execute(update(conversations).values(name=""))
            async with asyncio.timeout(1.0):
                assert await leases.look("d") is not None
                if engine.dialect.name != "sqlite":  # which has one writer at a time
                    assert await leases.renew("d", "one", 1) is not None
        engine.dispose()


async def test_a_store_that_is_gone_says_so(tmp_path: Path) -> None:
    """It is to be tried again later."""
    with sql_leases(f"sqlite:///{tmp_path / 'parley.db'}") as leases:
        engine = make_engine(f"sqlite:///{tmp_path}/no/such/folder/parley.db")
        gone = SqlLeases(engine)
        with pytest.raises(RetryLater):
            await gone.look("d")
        gone.close()
        assert await leases.look("d") is None
