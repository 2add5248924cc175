"""Nodes that stop, die and come back behind a front, while visitors talk."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

from tests.e2e.front.conftest import Node
from tests.e2e.front.visitors import (
    ORIGIN,
    Caller,
    Crowd,
    Hearer,
    Poller,
    Sitter,
    address,
    ask,
    browser,
)
from tests.e2e.support.fronts import Front, Haproxy, connections
from tests.e2e.support.parley import SITE
from tests.e2e.support.wait import eventually
from tests.edge.rpc.client import WebSocket

CROWD = 30
SLOWEST_SECONDS = 4.0


async def some_lines(crowd: Crowd) -> None:
    """Until everybody had time for a few more."""
    until = crowd.said + 5 * CROWD
    await eventually(lambda: crowd.said >= until, 30.0, lambda: f"{crowd.said} lines")


async def polls_answered(crowd: Crowd) -> None:
    """Until none is under way that was before; what it met is forgotten."""
    due = {one: one.polls + 1 for one in crowd.visitors if isinstance(one, Poller)}
    await eventually(lambda: all(one.polls >= polls for one, polls in due.items()), 30.0)


def check_logs(crowd: Crowd) -> None:
    """What was acknowledged was stored, once, in order, with at most one more line at its end."""
    for one in crowd.visitors:
        assert one.log[: len(one.said)] == one.said
        assert len(one.log) <= len(one.said) + 1


async def test_rolling_restart(nodes: Sequence[Node], before: Front) -> None:
    """One node after another is stopped and started, and no visitor sees an error of any kind."""
    async with Crowd(before, CROWD) as crowd:
        await some_lines(crowd)
        for node in nodes:
            assert await node.stop() == 0
            await some_lines(crowd)
            await node.start()
            if isinstance(before, Haproxy):  # nginx asks no node how it is
                await eventually(lambda: before.up() == [True] * len(nodes))
            await some_lines(crowd)
    assert crowd.wrong == []
    assert crowd.broken == {}
    assert crowd.slowest < SLOWEST_SECONDS
    assert crowd.moved >= 3
    check_logs(crowd)


async def test_killed(nodes: Sequence[Node], before: Front) -> None:
    """A node that is killed breaks what streams on it; calls are answered by another.

    But for few: haproxy cuts off whoever is at the node in the moment in which it takes it out.
    """
    async with Crowd(before, CROWD) as crowd:
        for node in nodes:
            await some_lines(crowd)
            node.kill()
            await some_lines(crowd)
            await node.start()
            # A call that meets one killed node after another is given up in the end.
            await polls_answered(crowd)
    assert crowd.wrong == []
    cut = crowd.broken.get(Caller, [])
    assert len(cut) <= (len(nodes) if isinstance(before, Haproxy) else 0)
    assert crowd.broken.keys() <= {Sitter, Hearer, Caller}
    assert crowd.slowest < SLOWEST_SECONDS
    check_logs(crowd)


async def test_drained(nodes: Sequence[Node], haproxy: Haproxy) -> None:
    """A node that stops is known to drain before it is gone, although nobody keeps it."""
    await eventually(lambda: haproxy.up() == [True] * 3)
    stopping = asyncio.create_task(nodes[0].stop())
    await eventually(lambda: nodes[0].ready()[1].get("draining"))
    assert nodes[0].ready()[0] == 503
    await stopping
    await eventually(lambda: "Server nodes/rpc1 is DOWN" in haproxy.log())
    assert "Server nodes/rpc1 is stopping" in haproxy.log()


async def test_out_and_in_again(nodes: Sequence[Node], haproxy: Haproxy) -> None:
    """A node that is frozen or gone is left out within some seconds, and in again."""
    node = nodes[1]
    await eventually(lambda: haproxy.up() == [True] * 3)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        await eventually(lambda: haproxy.up() == [True, False, True])
        async with browser(haproxy) as client:
            for _ in range(6):
                assert await ask(client, "hello", site=SITE)
    finally:
        os.kill(node.pid, signal.SIGCONT)
    await eventually(lambda: haproxy.up() == [True] * 3)
    node.kill()
    await eventually(lambda: haproxy.up() == [True, False, True])
    await node.start()
    await eventually(lambda: haproxy.up() == [True] * 3)


async def test_it_has_visitors_again(nodes: Sequence[Node], before: Front) -> None:
    """A node that comes back gets its share, from either front, within some seconds."""
    node = nodes[2]
    node.kill()
    assert await visitors_on(before, node.http_port, 12) == 0
    await node.start()

    async def has_some() -> bool:
        return await visitors_on(before, node.http_port, 12) > 0

    await eventually(has_some, 30.0)


async def visitors_on(before: Front, port: int, size: int) -> int:
    """How many of so many new sockets are on the node with this port."""
    sockets = [await WebSocket.open(before.port, ORIGIN, address(n)) for n in range(size)]
    for socket in sockets:
        await socket.call("hello", site=SITE)
    found = connections(port)
    for socket in sockets:
        socket.close()
    return found
