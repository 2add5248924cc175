"""The bus loses, clients go, the server stops: delivery gets slower, never wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from rpc.methods import METHODS
from switchboard.bus.memory import MemoryBus
from switchboard.model import Conversation
from switchboard.reception import Talks
from tests.edge.rpc.client import RpcError, frame
from tests.edge.rpc.conftest import ANN, DOMAIN, World, eventually


def deaf(world: World) -> Talks:
    """Another node's way into the same log, whose words do not reach ours."""
    return Talks(world.store, MemoryBus(), world.clock, message_chars=4000)


async def test_lost_hints(world: World) -> None:
    """What the bus lost comes with the next line, or when somebody reminds: once, in order."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="1"))["token"]
    assert (await socket.message())["seq"] == 1
    other = deaf(world)
    await other.answer(ANN, visitor, DOMAIN, "2", None, None)
    await other.answer(ANN, visitor, DOMAIN, "3", None, None)
    assert await socket.quiet() == []
    polled = asyncio.create_task(
        world.http().call("poll", token=token, cursor=socket.cursor, wait=5)
    )
    await world.operator_says(visitor, "4")
    assert [(await socket.message())["body"] for _ in range(3)] == ["2", "3", "4"]
    bodies = [
        event["data"]["message"]["body"]
        for event in (await polled)["events"]
        if event["type"] == "message"
    ]
    assert bodies in (["2", "3", "4"], [])  # or only the desk, if that came first

    await other.answer(ANN, visitor, DOMAIN, "5", None, None)
    world.talks.look(visitor, 5)
    assert (await socket.message())["body"] == "5"
    world.talks.look(visitor, 99)
    world.talks.look(visitor, 4)
    assert await socket.quiet() == []
    await world.operator_says(visitor, "6")
    assert (await socket.message())["body"] == "6"


async def test_a_line_that_comes_while_a_wrong_hint_is_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is heard of in the shadow of the hint, and is not forgotten when that turns out wrong."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    await socket.call("say", id="m1", body="1")
    await socket.message()
    look_up = world.talks.conversation

    async def meanwhile(conversation: str) -> Conversation | None:
        monkeypatch.undo()
        found = await look_up(conversation)
        await world.operator_says(visitor, "2")
        await eventually(lambda: world.heard[-1].message.body == "2")
        return found

    monkeypatch.setattr(world.talks, "conversation", meanwhile)
    world.talks.look(visitor, 99)
    assert (await socket.message())["body"] == "2"


async def test_a_cursor_from_a_node_that_knew_more(world: World) -> None:
    """A position beyond what this node has heard is looked up before it is a `reset`."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="1"))["token"]
    await socket.message()
    before = socket.cursor
    await world.operator_says(visitor, "2")
    await socket.message()
    ahead = socket.cursor
    socket.close()
    await world.restart()
    http = world.http()
    await http.call("poll", token=token, cursor=before)
    polled = await http.call("poll", token=token, cursor=ahead)
    assert [event["type"] for event in polled["events"]] == ["desk"]
    again = await http.call("poll", token=token, cursor=polled["cursor"])
    assert again == {"cursor": polled["cursor"], "events": []}


async def test_a_fault_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen exception is logged in full and answered without its words."""

    async def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setitem(METHODS, "ping", METHODS["ping"]._replace(run=broken))
    response = await world.http().post(frame("ping"))
    assert response.json["error"] == {
        "code": -32603,
        "message": "Something went wrong here.",
        "data": {"reason": "internal"},
    }
    assert "a secret" in caplog.text
    caplog.clear()


async def test_a_socket_that_goes_in_the_middle(world: World) -> None:
    """What was said is stored; nothing of the socket is left behind."""
    socket, hello = await world.visitor()
    for number in range(20):
        socket.send(frame("say", id=f"m{number}", body="x"))
    await socket.writer.drain()
    socket.writer.transport.abort()
    await eventually(lambda: world.edge.sockets == 0)
    await asyncio.sleep(0.05)
    world.tick(16)
    assert world.attendance.visit(hello["visitor"]["id"]) is None


async def test_unknown_details_are_an_error_not_a_hang(world: World) -> None:
    """Wrong kinds of params of `profile` are refused one by one."""
    socket, _ = await world.visitor()
    wrong: list[dict[str, object]] = [{"name": 5}, {"fields": {"a": 1}}, {"fields": []}]
    for params in wrong:
        with pytest.raises(RpcError) as raised:
            await socket.call("profile", **params)
        assert raised.value.reason == "invalid"
    assert (await socket.call("profile", name="Zoe\u202e"))["visitor"]["name"] == "Zoe"


async def test_a_stop_waits_for_what_is_in_hand(world: World, tmp_path: Path) -> None:
    """A call that the store still works on is stored and answered before the edge stops."""
    hello = await world.http().call("hello", site="acme")
    lock = sqlite3.connect(tmp_path / "parley.db", isolation_level=None, timeout=5)
    lock.execute("BEGIN IMMEDIATE")
    try:
        said = asyncio.create_task(
            world.http().call("say", token=hello["token"], id="m1", body="Wait!")
        )
        await eventually(lambda: len(world.edge._door._tasks) == 1)
        stopping = asyncio.create_task(world.edge.stop())
        await asyncio.sleep(0.3)
        assert not stopping.done()
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert (await said)["seq"] == 1
    await stopping


async def test_a_stop_does_not_wait_for_ever(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not answer, and clients that do not read, hold it up only so long."""
    monkeypatch.setattr("rpc.edge.STOP_SECONDS", 0.2)
    monkeypatch.setattr("rpc.edge.FAREWELL_SECONDS", 0.2)
    socket, hello = await world.visitor()
    socket.reader._transport.pause_reading()  # type: ignore[attr-defined]
    lock = sqlite3.connect(tmp_path / "parley.db", isolation_level=None, timeout=5)
    lock.execute("BEGIN IMMEDIATE")
    try:
        said = asyncio.create_task(
            world.http().call("say", token=hello["token"], id="m1", body="Wait!")
        )
        await eventually(lambda: len(world.edge._door._tasks) == 1)
        await asyncio.wait_for(world.edge.stop(), 30)
        assert not said.done()
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert (await said)["seq"] == 1
