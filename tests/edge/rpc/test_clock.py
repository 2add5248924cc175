"""Somebody sets the wall clock: nothing ends by that, and nothing lasts longer."""

from __future__ import annotations

import asyncio

import pytest

from switchboard.events import VisitorLeft
from switchboard.model import DeskState
from tests.edge.rpc.client import RpcError
from tests.edge.rpc.conftest import World, eventually

HOUR = 3600

pytestmark = pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["ahead", "back"])


async def test_tokens_and_streams(world: World, step: int) -> None:
    """Tokens hold, streams and sockets stay and go on, a new stream resumes where one was."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    token = (await socket.answer("say", id="m1", body="one"))["token"]
    source = await world.stream(token, hello["cursor"])
    assert (await source.message())["seq"] == (await socket.message())["seq"] == 1
    http = world.http()
    polled = await http.call("poll", token=token, cursor=source.cursor)
    poll = asyncio.create_task(http.call("poll", token=token, cursor=polled["cursor"], wait=5))
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)

    world.clock.step(step)
    world.tick(2)
    assert not poll.done()
    assert world.edge.sockets == 2
    assert "token" not in await http.answer("typing", token=token, state="paused")
    await world.operator_says(visitor, "two")
    assert (await source.message())["seq"] == (await socket.message())["seq"] == 2
    assert [e["data"]["message"]["seq"] for e in (await poll)["events"]] == [2]
    again = await http.call("hello", site="acme", token=token)
    assert again["visitor"]["id"] == visitor
    assert [message["seq"] for message in again["messages"]] == [1, 2]
    fresh = (await http.answer("hello", site="acme"))["result"]["token"]
    world.clock.step(-step)
    assert await http.call("typing", token=fresh, state="paused") == {}
    later = await world.stream(token, hello["cursor"])
    assert [(await later.message())["seq"] for _ in range(2)] == [1, 2]


async def test_grace(world: World, step: int) -> None:
    """The grace period is as long as it is."""
    left: list[object] = []
    world.bus.subscribe("census", left.append)
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    socket.close()
    await eventually(lambda: not world.edge.sockets)
    world.clock.step(step)
    world.tick(14)
    assert world.attendance.visit(visitor) is not None
    world.tick(2)
    await asyncio.sleep(0)
    assert world.attendance.visit(visitor) is None
    assert any(isinstance(event, VisitorLeft) for event in left)


async def test_rates(idle_world: World, step: int) -> None:
    """Who has written too much waits as long as told, no less and no more."""
    world = idle_world
    await world.start(messages_per_minute=2)
    socket, _ = await world.visitor()
    for number in range(2):
        await socket.call("say", id=f"m{number}", body="x")
    world.clock.step(step)
    with pytest.raises(RpcError) as raised:
        await socket.call("say", id="m2", body="x")
    assert raised.value.data == {"reason": "rate_limited", "retry_after": 30}
    world.clock.advance(30)
    await socket.call("say", id="m2", body="x")


async def test_desk(world: World, step: int) -> None:
    """A desk stays online, and a silent one goes offline in its time."""
    socket, _ = await world.visitor()
    world.desk(DeskState.ONLINE)
    assert (await socket.event())["data"]["state"] == "online"
    world.clock.step(step)
    world.tick(5)
    assert await socket.quiet() == []
    world.tick(6)
    assert (await socket.event())["data"]["state"] == "offline"


async def test_deadlines(world: World, step: int) -> None:
    """A silent socket has its five seconds, and pings come as before."""
    silent = await world.socket()
    settled, _ = await world.visitor()
    world.clock.step(step)
    world.tick(3)
    assert world.edge.sockets == 2
    world.tick(3)
    assert await silent.closed() == 4408
    before = settled.pings
    world.tick(40)
    await settled.call("ping")
    assert settled.pings in (before + 1, before + 2)
