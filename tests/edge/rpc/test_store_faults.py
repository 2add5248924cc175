"""The store's file is locked, full, read-only or frozen: not stored is not acknowledged."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from switchboard.model import Details
from switchboard.store import SqlStore, open_store
from tests.edge.rpc.client import Http, WebSocket, frame
from tests.edge.rpc.conftest import ManualClock, World, eventually
from tests.edge.rpc.faults import Fault, frozen, full, locked, read_only

BUSY_SECONDS = 0.3
LONGEST_SECONDS = 8.0
"""So long a browser waits for a refusal."""
LONG = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 4000
FAULTS = [locked, full, read_only, frozen]


@pytest.fixture(autouse=True)
def _no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """None but the store's own word on its state, which may come after the test."""
    yield
    for phase in ("setup", "call", "teardown"):
        errors = [r for r in caplog.get_records(phase) if r.levelno >= logging.ERROR]
        assert {error.name for error in errors} <= {"switchboard.store.commits"}


@pytest.fixture
async def store(
    stocked_file: Path, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqlStore]:
    """As everywhere, but it gives up sooner."""
    monkeypatch.setattr("switchboard.store.store.ANSWER_SECONDS", BUSY_SECONDS)
    path = tmp_path / "parley.db"
    shutil.copy(stocked_file, path)
    url = f"sqlite:///{path}?timeout={BUSY_SECONDS}"
    store = await open_store(url, clock=clock, gather=0.0, flush=0.05)
    yield store
    await store.close()


class Sayer:
    """A visitor who says one long line after the other, and remembers what was acknowledged."""

    def __init__(self, way: WebSocket | Http, **params: str) -> None:
        self.acknowledged: dict[str, int] = {}
        self.refused = ""
        self._way = way
        self._params = params

    async def say(self, id: str) -> dict[str, Any]:
        """One line; the answer, which comes in time."""
        call = self._way.answer("say", id=id, body=LONG, **self._params)
        answer = await asyncio.wait_for(call, LONGEST_SECONDS)
        if "result" in answer:
            assert answer["result"]["id"] == id
            seq = answer["result"]["seq"]
            assert self.acknowledged.setdefault(id, seq) == seq
        return answer

    async def say_again(self) -> None:
        """The line that was refused, until it is taken: a slow disk takes a while to wake."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + 30
        while "error" in await self.say(self.refused):
            assert loop.time() < deadline, "it is refused for ever"

    async def say_until_refused(self) -> None:
        """Lines until one is not stored; the refusal says when to come again."""
        for number in range(len(self.acknowledged) + 1, 100):
            answer = await self.say(f"m{number}")
            if "error" in answer:
                self.refused = f"m{number}"
                assert answer["error"]["data"]["reason"] == "unavailable"
                assert answer["error"]["data"]["retry_after"] >= 1
                return
        raise AssertionError("everything was taken")


async def _ping_until(done: asyncio.Event, socket: WebSocket) -> None:
    while not done.is_set():
        assert await socket.call("ping") == {}
        await asyncio.sleep(0.01)


def _threads_of(store: SqlStore) -> set[threading.Thread]:
    """Those in which anything waits for the database, from now on."""
    threads: set[threading.Thread] = set()

    def note(*_: object) -> None:
        threads.add(threading.current_thread())

    for what in ("begin", "before_cursor_execute", "commit"):
        event.listen(store.engine, what, note)
    return threads


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_is_not_stored_is_refused_in_time_and_stored_once_later(
    world: World, store: SqlStore, tmp_path: Path, fault: Fault
) -> None:
    """`say` says `unavailable`, the loop is never held up; the same id is stored once; nothing else
    is lost.
    """
    threads = _threads_of(store)
    socket, hello = await world.visitor()
    pinger, _ = await world.visitor()
    posting = await world.http().call("hello", site="acme")
    sayers = {
        hello["visitor"]["id"]: Sayer(socket),
        posting["visitor"]["id"]: Sayer(world.http(), token=posting["token"]),
    }
    for sayer in sayers.values():
        await sayer.say("m1")
    over = asyncio.Event()
    pings = asyncio.create_task(_ping_until(over, pinger))
    with fault(store, tmp_path / "parley.db"):
        for _ in range(2):
            await asyncio.gather(*(sayer.say_until_refused() for sayer in sayers.values()))
    over.set()
    await pings
    for visitor, sayer in sayers.items():
        for _ in range(2):
            await sayer.say_again()
        lines = await world.talks.history(visitor, None, 100)
        assert {line.client_id: line.seq for line in lines} == sayer.acknowledged
        assert world.heard_lines(visitor) == list(sayer.acknowledged)
    seen = [(await socket.message())["id"] for _ in sayers[hello["visitor"]["id"]].acknowledged]
    assert seen == list(sayers[hello["visitor"]["id"]].acknowledged)
    assert await socket.quiet() == []
    assert threads
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("fault", FAULTS)
async def test_details_told_before_are_stored_with_the_first_line(
    world: World, store: SqlStore, tmp_path: Path, fault: Fault
) -> None:
    """However often the first line had to be said."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    await socket.call("profile", name="Zoe", email="zoe@shop.test")
    sayer = Sayer(socket)
    with fault(store, tmp_path / "parley.db"):
        await sayer.say_until_refused()
    await sayer.say_again()
    assert await world.talks.details(visitor) == Details(name="Zoe", email="zoe@shop.test")


async def test_a_line_that_was_stored_late_is_told(
    world: World, store: SqlStore, tmp_path: Path
) -> None:
    """Though its sender was told that it is not stored, and does not come again."""
    socket, hello = await world.visitor()
    with frozen(store, tmp_path / "parley.db"):
        await Sayer(socket).say_until_refused()
        assert world.heard_lines(hello["visitor"]["id"]) == []
    assert (await socket.message())["id"] == "m1"
    await eventually(lambda: world.heard_lines(hello["visitor"]["id"]) == ["m1"])


async def test_the_server_pings_on(world: World, store: SqlStore, tmp_path: Path) -> None:
    """Sockets whose call waits for the store are not taken for dead, nor are the others."""
    socket, _ = await world.visitor()
    watcher, _ = await world.visitor()
    with locked(store, tmp_path / "parley.db"):
        call = frame("say", id="m1", body="Hello?")
        socket.send(call)
        for _ in range(45):
            world.tick(1)
        assert await watcher.call("ping") == {}
        assert watcher.pings >= 1
        answer = await socket.next_answer()
        assert socket.pings >= 1
    assert answer["id"] == call["id"]
    assert answer["error"]["data"]["reason"] == "unavailable"
