"""Whose sockets haproxy cuts: those of a node that does not answer, and of no other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cluster.front import Ports
from tests.e2e.front.conftest import Node
from tests.e2e.front.gate import UNWELL, Gate, gate
from tests.e2e.front.visitors import GOING_AWAY, ORIGIN, address
from tests.e2e.support.fronts import Haproxy, front
from tests.e2e.support.parley import SITE
from tests.e2e.support.wait import eventually
from tests.edge.rpc.client import Closed, WebSocket

SIZE = 24
THERE = 0
BUSY_SECONDS, MOST_BUSY_SECONDS = 1.0, 1.3

Sitting = tuple[WebSocket, dict[str, Any]]


async def sit(haproxy: Haproxy) -> list[Sitting]:
    """Visitors with sockets, on all nodes, and what `hello` said to each."""
    await eventually(lambda: haproxy.up() == [True] * 3)
    sockets = [await WebSocket.open(haproxy.port, ORIGIN, address(n)) for n in range(SIZE)]
    return [(socket, await socket.call("hello", site=SITE)) for socket in sockets]


async def ending(socket: WebSocket) -> int | None:
    """The close code, None where it was cut without a word; THERE if it is answered on."""
    try:
        await socket.call("ping")
    except Closed as closed:
        return closed.code
    return THERE


async def endings(sitting: Sequence[Sitting]) -> list[int | None]:
    """Of each socket, at once: one that is neither answered on nor cut in time is a failure."""
    return await asyncio.gather(*(ending(socket) for socket, _ in sitting))


async def some_are_cut(sitting: Sequence[Sitting]) -> bool:
    """And all others are there."""
    found = await endings(sitting)
    assert set(found) <= {THERE, None}
    return None in found and THERE in found


async def test_a_frozen_node(nodes: Sequence[Node], haproxy: Haproxy) -> None:
    """Its sockets are cut within some seconds, and who had one goes on elsewhere; no others."""
    sitting = await sit(haproxy)
    os.kill(nodes[1].pid, signal.SIGSTOP)
    try:
        found = await endings(sitting)
        assert set(found) == {THERE, None}
        for (_, hello), ended in zip(sitting, found, strict=True):
            if ended is None:
                again = await WebSocket.open(haproxy.port, ORIGIN)
                await again.call("resume", token=hello["token"], cursor=hello["cursor"])
                again.close()
    finally:
        os.kill(nodes[1].pid, signal.SIGCONT)
        for socket, _ in sitting:
            socket.close()


async def test_a_busy_node(nodes: Sequence[Node], haproxy: Haproxy) -> None:
    """One that answers nothing for a second keeps its sockets."""
    sitting = await sit(haproxy)
    began = time.monotonic()
    os.kill(nodes[1].pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(BUSY_SECONDS)
    finally:
        os.kill(nodes[1].pid, signal.SIGCONT)
    if time.monotonic() - began > MOST_BUSY_SECONDS:
        pytest.skip("this machine is too slow to be busy for one second only")
    assert set(await endings(sitting)) == {THERE}
    for socket, _ in sitting:
        socket.close()


async def test_a_draining_node(nodes: Sequence[Node], haproxy: Haproxy) -> None:
    """Its sockets hear of it from the node itself; visitors who come meanwhile cut nobody off."""
    sitting = await sit(haproxy)
    stopping = asyncio.create_task(nodes[1].stop())
    while not stopping.done():
        come = await WebSocket.open(haproxy.port, ORIGIN, address(SIZE))
        come.close()
    assert set(await endings(sitting)) == {THERE, GOING_AWAY}
    for socket, _ in sitting:
        socket.close()


@pytest_asyncio.fixture(loop_scope="session")
async def gates() -> AsyncIterator[Sequence[Gate]]:
    """In place of the nodes' own admin listeners; all say that all is well."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(gate()) for _ in range(3)]


@pytest_asyncio.fixture(loop_scope="session")
async def gated(
    nodes: Sequence[Node], gates: Sequence[Gate], tmp_path: Path
) -> AsyncIterator[Haproxy]:
    """haproxy before the nodes, of whom it is told by the gates."""
    ports = [Ports(node.http_port, one.port) for node, one in zip(nodes, gates, strict=True)]
    with front("haproxy", tmp_path / "front", ports) as running:
        assert isinstance(running, Haproxy)
        await running.start()
        yield running


async def test_a_node_that_is_not_well(gates: Sequence[Gate], gated: Haproxy) -> None:
    """It keeps its sockets, as long as it says so."""
    sitting = await sit(gated)
    gates[1].parts = UNWELL
    await eventually(lambda: gated.up() == [True, False, True])
    assert set(await endings(sitting)) == {THERE}
    gates[1].parts = None
    await eventually(lambda: some_are_cut(sitting))
    for socket, _ in sitting:
        socket.close()


async def test_none_that_is_well(gates: Sequence[Gate], gated: Haproxy) -> None:
    """All are given visitors then; one that falls silent is still cut off."""
    for one in gates:
        one.parts = UNWELL
    await eventually(lambda: gated.up() == [False] * 3)
    sockets = [await WebSocket.open(gated.port, ORIGIN, address(n)) for n in range(SIZE)]
    sitting = [(socket, await socket.call("hello", site=SITE)) for socket in sockets]
    gates[1].parts = None
    await eventually(lambda: some_are_cut(sitting))
    for socket in sockets:
        socket.close()
