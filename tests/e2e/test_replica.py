"""Transcripts are read from a replica where there is one, so that they cost the store nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley.private_prosody import PrivateProsody
from switchboard.clock import SystemClock
from switchboard.store import open_store
from tests.contract.drafts import from_visitor
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually
from tests.mariadb import PrivateMariadb, mariadb


@pytest.fixture
def primary() -> Iterator[PrivateMariadb]:
    """A server that writes down its changes for others, and an account for these."""
    port = free_port()
    with mariadb(
        ["--server-id=1", "--log-bin", "--bind-address=127.0.0.1", "--skip-name-resolve"], port
    ) as running:
        running.query("CREATE USER copy@'127.0.0.1' IDENTIFIED BY 'copy'")
        running.query("GRANT REPLICATION SLAVE ON *.* TO copy@'127.0.0.1'")
        running.query("CREATE DATABASE parley")
        yield running


@pytest.fixture
def replica(primary: PrivateMariadb) -> Iterator[PrivateMariadb]:
    """A server that follows it, and takes no writes of its own."""
    with mariadb(["--server-id=2", "--read-only"]) as running:
        running.query(
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, "
            "MASTER_USER='copy', MASTER_PASSWORD='copy', MASTER_USE_GTID=slave_pos"
        )
        running.query("START SLAVE")
        yield running


async def test_a_transcript_of_the_replica(
    tmp_path: Path, prosody: PrivateProsody, primary: PrivateMariadb, replica: PrivateMariadb
) -> None:
    """What is in the store is printed although the store does not answer, and `check` tells."""
    parley = Parley(tmp_path / "parley", prosody)
    plain, url = parley.config.read_text("utf-8"), primary.url("parley")
    there = f'{url}"\nreplica = "{replica.url("parley")}'
    parley.config.write_text(plain.replace("sqlite:///parley.db", there), "utf-8")
    await parley.set_up({})
    store = await open_store(url, clock=SystemClock())
    await store.append(from_visitor("one", "in both", site=SITE))
    await store.close()

    async def printed() -> bool:
        ran = await asyncio.to_thread(parley.command, "transcript", SITE)
        return "in both" in ran.stdout

    await eventually(printed, 20.0, "the line has come to the replica")
    checked = await asyncio.to_thread(parley.command, "check")
    assert "ok replica: mysql+mysqldb://root@localhost/parley" in checked.stdout
    primary.send(signal.SIGSTOP)
    try:
        assert await printed()
    finally:
        primary.send(signal.SIGCONT)


async def test_a_replica_that_has_nothing(
    tmp_path: Path, prosody: PrivateProsody, replica: PrivateMariadb
) -> None:
    """It is said in one line that the schema is not there."""
    parley = Parley(tmp_path / "parley", prosody)
    plain = parley.config.read_text("utf-8")
    there = f'sqlite:///parley.db"\nreplica = "{replica.url("test")}'
    parley.config.write_text(plain.replace("sqlite:///parley.db", there), "utf-8")
    replica.query("SET GLOBAL read_only = 0")
    replica.query("CREATE DATABASE IF NOT EXISTS test")
    ran = await asyncio.to_thread(parley.command, "transcript", SITE)
    assert ran.returncode == 1
    assert "has not the store's schema" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
