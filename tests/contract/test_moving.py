"""A store that is moved to another database arrives whole, or it is said what is wrong."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from switchboard.clock import SystemClock
from switchboard.errors import Reject
from switchboard.model import Ban, Cursor, Details, Operator, Shown
from switchboard.site import Site, SiteSettings
from switchboard.store import SqlStore, migrate, open_store
from switchboard.store.engine import make_engine
from switchboard.store.moving import Progress, move

from .conftest import needs_mariadb, shared_mariadb
from .drafts import NOW, from_operator, from_visitor

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = pytest.mark.asyncio

LINES = 1_200


@pytest.fixture
async def source(tmp_path: Path) -> str:
    """A store with something of everything, and two logs that are longer than a commit."""
    url = f"sqlite:///{tmp_path / 'source.db'}"
    store = await open_store(url, clock=SystemClock())
    await asyncio.to_thread(migrate.upgrade, store.engine)
    await store.save_site(site("acme"))
    await store.save_operator(Operator("o-1", "acme", "ann@example.org", "Ann"))
    drafts = [from_visitor(f"c{n}", f"line {n} ☃", conversation=f"v-{n % 2}") for n in range(LINES)]
    await asyncio.gather(*map(store.append, drafts))
    await store.append(from_operator("a", "x" * 600_000, conversation="v-1"))
    await store.save_details("v-1", "acme", Details(name="Zoë"), NOW)
    await store.save_rating("v-1", 5, "fine", NOW)
    await store.save_ban(Ban("acme", "v-0", NOW, "Ann", NOW, "Zoë"))
    await store.change_shown([Shown("chat.example", "ann@example.org", "v-1", "Zoë", "Acme")], [])
    store.move_cursor("v-1", "o-1", Cursor(7, 3))
    await store.close()
    return url


def silent(_: int) -> Progress:
    """Tells nobody."""
    return lambda _: None


def interrupted(after: int, _: int) -> Progress:
    """Ends the move once that many rows are copied or compared."""
    told = 0

    def tell(rows: int) -> None:
        nonlocal told
        told += rows
        if told > after:
            raise InterruptedError

    return tell


def site(key: str) -> Site:
    """A site as it is added."""
    return Site(key, SiteSettings("The shop", ("https://shop.example",), "s3cret"))


async def moved(source: str, target: str) -> dict[str, int]:
    """Moves in a thread, as a command would."""
    return await asyncio.to_thread(move, source, target, silent)


async def everything(store: SqlStore) -> object:
    """All that the port gives."""
    return (
        await store.sites(),
        await store.operators(),
        await store.conversations("acme", 0),
        [await store.read(log, 0, 10_000) for log in ("v-0", "v-1")],
        await store.details("v-1"),
        await store.ratings("v-1"),
        await store.bans(),
        await store.shown("chat.example"),
        await store.version(),
    )


async def same(source: str, opener: Opener) -> bool:
    """Whether both stores give the same."""
    target = await opener()
    before = await open_store(source, clock=SystemClock())
    equal: bool = await everything(before) == await everything(target)
    await before.close()
    return equal


async def test_all_of_it_arrives(source: str, store_url: str, opener: Opener) -> None:
    """Also when it is moved twice."""
    counts = await moved(source, store_url)
    assert (counts["messages"], counts["conversations"], counts["ratings"]) == (LINES + 1, 2, 1)
    assert await same(source, opener)
    assert await moved(source, store_url) == counts
    assert await same(source, opener)


async def test_what_was_interrupted_goes_on(source: str, store_url: str, opener: Opener) -> None:
    """At each place in turn; what is copied already is not copied again."""
    for stop in (1, 3, 500, 1_200, 1_300):
        with pytest.raises(InterruptedError):
            await asyncio.to_thread(move, source, store_url, partial(interrupted, stop))
    await moved(source, store_url)
    assert await same(source, opener)


async def test_a_target_with_rows_of_its_own_is_left_alone(
    source: str, store_url: str, opener: Opener
) -> None:
    """Another installation's, whatever it has."""
    store = await opener()
    await store.save_site(site("other"))
    before = await everything(store)
    with pytest.raises(Reject, match="sites of its own"):
        await moved(source, store_url)
    assert await everything(store) == before


async def test_a_source_that_has_changed_meanwhile_is_noticed(source: str, store_url: str) -> None:
    """A line that was copied by an earlier try, and was corrected since."""
    await moved(source, store_url)
    with closing(sqlite3.connect(source.removeprefix("sqlite:///"))) as file, file:
        file.execute("UPDATE messages SET body = 'another' WHERE conversation = 'v-0' AND seq = 5")
    with pytest.raises(Reject, match="messages differs"):
        await moved(source, store_url)


async def test_what_cannot_be_moved(tmp_path: Path, store_url: str) -> None:
    """A file that is not there, which is not made, and one of another schema."""
    missing, empty = tmp_path / "missing.db", tmp_path / "empty.db"
    with pytest.raises(Reject, match=r"no .*missing"):
        await moved(f"sqlite:///{missing}", store_url)
    assert not missing.exists()
    sqlite3.connect(empty).close()
    empty.touch()
    with pytest.raises(Reject, match="parley migrate"):
        await moved(f"sqlite:///{empty}", store_url)


def large(path: Path, lines: int) -> None:
    """A store with so many lines in a thousand logs."""
    engine = make_engine(f"sqlite:///{path}")
    migrate.upgrade(engine)
    engine.dispose()
    with closing(sqlite3.connect(path)) as file, file:
        file.executemany(
            "INSERT INTO conversations (id, site, domain, seq, phase, since, updated_at, name)"
            " VALUES (?, 'acme', 'chat.example', ?, 'quiet', 0, ?, 'Ann')",
            ((f"v-{log:04}", lines // 1000, NOW) for log in range(1000)),
        )
        file.executemany(
            "INSERT INTO messages (conversation, seq, client_id, sender_kind, sender, sender_name,"
            " body, at) VALUES (?, ?, ?, 'visitor', ?, 'Ann', ?, ?)",
            (
                (f"v-{n % 1000:04}", n // 1000 + 1, f"c{n}", f"v-{n % 1000:04}", f"line {n}", NOW)
                for n in range(lines)
            ),
        )


def command(source: Path, target: str) -> subprocess.Popen[str]:
    """`parley migrate`, begun."""
    arguments = ["--from", f"sqlite:///{source}", "--to", target]
    return subprocess.Popen(
        [sys.executable, "-m", "parley", "migrate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@needs_mariadb
@pytest.mark.parametrize(
    "lines", [50_000, pytest.param(1_000_000, marks=pytest.mark.long)], ids=["short", "a million"]
)
async def test_a_killed_command_is_begun_again(tmp_path: Path, lines: int) -> None:
    """Killed once half of the lines are there; begun again it goes on, and compares all of it."""
    file, database = tmp_path / "large.db", f"moved{lines}"
    large(file, lines)
    server = shared_mariadb()
    server.query(f"CREATE DATABASE {database}")
    engine = make_engine(server.url(database))
    count = "SELECT COUNT(*) FROM messages"
    migrate.upgrade(engine)
    began = time.monotonic()
    first = command(file, server.url(database))
    there = 0
    while there < lines // 2:
        await asyncio.sleep(0.02)
        with engine.connect() as connection:
            there = connection.exec_driver_sql(count).scalar_one()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    killed = time.monotonic()
    with engine.connect() as connection:
        assert lines // 2 <= connection.exec_driver_sql(count).scalar_one() < lines
    second = command(file, server.url(database))
    output, said = await asyncio.to_thread(second.communicate)
    assert second.returncode == 0, said
    print(f"killed after {killed - began:.0f} s, the rest took {time.monotonic() - killed:.0f} s")
    assert re.search(rf"^messages: {lines:,} rows$", output, re.MULTILINE)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == lines
    engine.dispose()
    server.query(f"DROP DATABASE {database}")
