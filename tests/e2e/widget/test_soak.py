"""A weak network for a while: every connection of every browser is cut after some seconds."""

from __future__ import annotations

import asyncio
import contextlib
import random
from contextlib import AsyncExitStack

import pytest

from tests.e2e.support.browser import Widget
from tests.e2e.support.faults import proxy
from tests.e2e.support.operator import Operator
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

LIFE = (1.0, 5.0)
"""Seconds that a connection lives."""


async def echo(operator: Operator, ours: set[str]) -> None:
    """The operator answers each of our lines at its first sight, until cancelled."""
    answered: set[str] = set()
    while True:
        for one in list(operator.received):
            if one.kind == "message" and one.body in ours - answered:
                answered.add(one.body)
                operator.send_message_to(one.sender, f"echo of {one.body}")
        await asyncio.sleep(0.1)


async def chat(visitor: Widget, name: str, until: float, ours: set[str]) -> None:
    """One visitor, who writes whenever they feel like it."""
    chance, number = random.Random(name), 0
    while asyncio.get_running_loop().time() < until:
        line = f"{name} {number}"
        ours.add(line)
        await visitor.say(line)
        number += 1
        await asyncio.sleep(chance.uniform(1.0, 5.0))


async def soak(stage: Stage, seconds: float, visitors: int) -> None:
    """Nothing is lost, nothing doubled, and each widget ends with the log as it is stored."""
    key = await stage.site()
    before = len(stage.ann.received)
    ours: set[str] = set()
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(proxy(stage.parley.http_port, seed=11))
        plain, stage.shop.snippet = (
            stage.shop.snippet,
            stage.snippet(key).replace(stage.parley.url, f"http://127.0.0.1:{line.port}"),
        )
        widgets = []
        for _ in range(visitors):
            context = await stack.enter_async_context(stage.context())
            widgets.append(await stage.visit(context))
            await widgets[-1].open()
        stage.shop.snippet = plain
        echoing = asyncio.ensure_future(echo(stage.ann, ours))
        line.cut_at_random(*LIFE)
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(
            *(chat(one, f"{key} visitor {n}", until, ours) for n, one in enumerate(widgets))
        )
        line.cut_no_more()
        for number, widget in enumerate(widgets):
            said = [one for one in ours if one.startswith(f"{key} visitor {number} ")]

            async def whole(widget: Widget = widget, said: list[str] = said) -> bool:
                texts = await widget.texts()
                return {*said, *(f"echo of {one}" for one in said)} <= set(texts)

            await eventually(whole, 40.0, f"all of visitor {number}")
        echoing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await echoing
        stored: dict[str, list[str]] = {}
        for row in await asyncio.to_thread(stage.parley.transcript, key):
            stored.setdefault(row["conversation"], []).append(row["body"])
        shown = [await widget.texts() for widget in widgets]
        assert sorted(shown) == sorted(stored.values())
    print(f"{len(ours)} lines and as many echoes, {line.cuts} connections cut")
    assert line.cuts > seconds / LIFE[1]
    for texts in shown:
        assert len(set(texts)) == len(texts)
    heard = [one.body for one in stage.ann.received[before:] if one.body in ours]
    assert sorted(heard) == sorted(ours)


async def test_a_short_one(stage: Stage) -> None:
    """Three visitors for a quarter of a minute."""
    await soak(stage, 15.0, 3)


@pytest.mark.long
async def test_two_minutes_with_ten_visitors(stage: Stage) -> None:
    """As long as a coffee."""
    await soak(stage, 120.0, 10)
