"""Cursors from everywhere: the missed events in order, or `reset`; never another's lines."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from rpc import wire
from rpc.tokens import Cursors, Place, StreamCursor
from switchboard.store import open_store
from tests.edge.rpc.client import Closed
from tests.edge.rpc.conftest import ManualClock, World, eventually

# One store for all rows, each with visitors of its own: to open it takes longer than a row.
pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = ("key", "older")
WAYS = ["poll", "resume", "events"]
Make = Callable[[str, str], str]


class Case(NamedTuple):
    """A cursor after a talk of five lines, and what it brings: seqs, or None for reset.

    `cursor` makes it from the visitor's id and another's; `happens` is done to the store's file
    between the talk and the cursor's use.
    """

    name: str
    cursor: Make
    expected: list[int] | None
    happens: str = ""


def at(seq: int, keys: tuple[str, ...] = ("key",), where: str = wire.DESK) -> Make:
    return lambda visitor, other: Cursors(keys).text(
        visitor, StreamCursor(1, {where: Place(seq)} if where else {})
    )


EXPIRED = "DELETE FROM messages WHERE seq <= 2"
ALL_EXPIRED = "UPDATE conversations SET seq = 5; DELETE FROM messages"
"""Who removes all of an open talk's log says how far it was: see switchboard/store/logs.py."""
RESTORED = "DELETE FROM messages WHERE seq > 3; UPDATE conversations SET seq = 3 WHERE seq = 5"
RESTORED_EMPTY = "DELETE FROM messages; DELETE FROM conversations"

CASES = [
    Case("from the start", at(0), [1, 2, 3, 4, 5]),
    Case("from a position", at(2), [3, 4, 5]),
    Case("from one before the head", at(4), [5]),
    Case("at the head", at(5), []),
    Case("from the next line", at(6), None),
    Case("from the far future", at(2**40), None),
    Case("from before the start", at(-1), None),
    Case("signed by an older key", at(1, ("older",)), [2, 3, 4, 5]),
    Case("signed by another's key", at(1, ("strange",)), None),
    Case("another visitor's", lambda visitor, other: at(1)(other, ""), None),
    Case("another visitor's, at their head", lambda visitor, other: at(2)(other, ""), None),
    Case("another conversation's", at(1, where="lounge"), None),
    Case("no conversation's", at(0, where=""), None),
    Case("empty", lambda visitor, other: "", None),
    Case("garbage", lambda visitor, other: "\u00fc%00" * 9, None),
    Case("long garbage", lambda visitor, other: "A" * 9000, None),
    Case("cut short", lambda visitor, other: at(2)(visitor, "")[:-2], None),
    Case("the start is older than retention", at(0), None, EXPIRED),
    Case("one older than retention", at(1), None, EXPIRED),
    Case("right before what retention keeps", at(2), [3, 4, 5], EXPIRED),
    Case("within what retention keeps", at(3), [4, 5], EXPIRED),
    Case("at the head after retention", at(5), [], EXPIRED),
    Case("older than retention, nothing kept", at(2), None, ALL_EXPIRED),
    Case("at the head, nothing kept", at(5), [], ALL_EXPIRED),
    Case("before the backup was made", at(2), [3], RESTORED),
    Case("as the backup was made", at(3), [], RESTORED),
    Case("beyond what was restored", at(4), None, RESTORED),
    Case("beyond, nothing restored", at(1), None, RESTORED_EMPTY),
    Case("the start, nothing restored", at(0), [], RESTORED_EMPTY),
]

ROWS = [
    pytest.param(case, fresh, id=f"{case.name}, {'restarted' if fresh else 'warm'}")
    for case in CASES
    for fresh in (False, True)
    if fresh or case.happens not in (RESTORED, RESTORED_EMPTY)  # not under a running node
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    stocked_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A node that does not serve yet."""
    path = tmp_path_factory.mktemp("cursors") / "parley.db"
    shutil.copy(stocked_file, path)
    clock = ManualClock()
    store = await open_store(f"sqlite:///{path}", clock=clock, gather=0.0, flush=0.05)
    node = World(store, clock)
    yield node
    await node.stop()
    await store.close()


@pytest_asyncio.fixture(loop_scope="module")
async def world(node: World) -> World:
    """A node that serves, and knows nobody yet."""
    await node.restart(token_keys=KEYS)
    return node


async def brought(world: World, way: str, token: str, cursor: str) -> list[dict[str, Any]]:
    """The events that a cursor brings, but the desk's."""
    if way == "poll":
        polled = await world.http().call("poll", token=token, cursor=cursor, wait=0)
        return [event for event in polled["events"] if event["type"] != "desk"]
    if way == "resume":
        socket = await world.socket()
        await socket.call("resume", token=token, cursor=cursor)
        await _caught_up(world)
        return await socket.quiet()
    source = await world.stream(token, cursor)
    await _caught_up(world)
    world.hang_up(but=source)  # a stop waits for them
    await world.edge.stop()
    events = []
    with contextlib.suppress(Closed):
        while True:
            events.append(await source.event())
    return events


async def _caught_up(world: World) -> None:
    """All streams have had what there is."""
    streams = list(world.edge._streams)
    await eventually(lambda: all(s.following or s._lost for s in streams if s._seat))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("case", "fresh_node"), ROWS)
async def test_cursor(world: World, case: Case, fresh_node: bool, way: str) -> None:
    """A row of the table, on a node that knows the visitor and on one that does not."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    _, stranger = await world.visitor()
    for body in ("not", "yours"):
        await world.operator_says(stranger["visitor"]["id"], body)
    token = (await socket.answer("say", id="m1", body="line 1"))["token"]
    for number in range(2, 6):
        await world.operator_says(visitor, f"line {number}")
    if fresh_node:
        await world.restart(token_keys=KEYS)
    if case.happens:
        path = world.store.engine.url.database
        assert path is not None
        with contextlib.closing(sqlite3.connect(path, timeout=5)) as store:
            store.executescript(case.happens)
    cursor = case.cursor(visitor, stranger["visitor"]["id"])

    events = await brought(world, way, token, cursor)

    if case.expected is None:
        assert [(event["type"], event["data"]) for event in events] == [("reset", {})]
    else:
        messages = [event["data"]["message"] for event in events]
        assert [message["seq"] for message in messages] == case.expected
        assert [message["body"] for message in messages] == [f"line {n}" for n in case.expected]


@pytest.mark.parametrize("way", WAYS)
async def test_a_token_is_no_cursor(world: World, way: str) -> None:
    """What is signed for one purpose is garbage for the other."""
    _, hello = await world.visitor()
    token = hello["token"]
    [reset] = await brought(world, way, token, token)
    assert (reset["type"], reset["data"]) == ("reset", {})


async def test_a_reset_socket_says_hello_again(world: World) -> None:
    """After `reset` the same socket can say hello, and hears everything from then on."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="one"))["token"]
    again = await world.socket()
    await again.call("resume", token=token, cursor="nonsense")
    assert (await again.event())["type"] == "reset"
    await world.operator_says(visitor, "two")
    assert await again.quiet() == []
    hello = await again.call("hello", site="acme", token=token)
    assert [message["seq"] for message in hello["messages"]] == [1, 2]
    await world.operator_says(visitor, "three")
    assert (await again.message())["seq"] == 3
