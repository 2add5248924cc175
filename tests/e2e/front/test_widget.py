"""The real widget behind a front, while the nodes are restarted one after another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from itertools import count

import httpx2
import pytest
import pytest_asyncio

from tests.e2e.front.conftest import SHOP, Node
from tests.e2e.support.browser import Widget, chromium
from tests.e2e.support.fronts import Front, Haproxy
from tests.e2e.support.site import Website, website
from tests.e2e.support.wait import eventually
from tests.edge.rpc.client import frame

_WATCH = """() => {
    const root = document.querySelector('parley-chat').shadowRoot
    window.alarms = []
    setInterval(() => {
        const notice = root.querySelector('p.notice')
        const shown = !notice.hidden && Number(getComputedStyle(notice).opacity) > 0
        const statuses = [...root.querySelectorAll('.status')].map(one => one.textContent)
        const text = [notice.textContent, ...statuses].join()
        if ((shown && /No connection/.test(text)) || /Not sent|Failed/.test(text))
            window.alarms.push(text)
    }, 20)
}"""


_NO_SOCKETS = "window.WebSocket = class { constructor() { throw new Error('blocked') } }"


@pytest_asyncio.fixture(loop_scope="session")
async def shop(nodes: Sequence[Node], before: Front) -> AsyncIterator[Website]:
    """A site whose visitors come through the front."""
    with website() as running:
        nodes[0].order("site", "set", SHOP, f"origins={running.url}")
        running.snippet = nodes[0].order("snippet", SHOP).replace(nodes[0].url, before.url)
        hello = json.dumps(frame("hello", site=SHOP))
        for node in nodes:
            async with httpx2.AsyncClient(headers={"Origin": running.url}) as client:

                async def known(client: httpx2.AsyncClient = client, node: Node = node) -> bool:
                    return (await client.post(f"{node.url}/rpc", content=hello)).status_code == 200

                await eventually(known)
        yield running


@pytest.mark.chromium
@pytest.mark.parametrize("way", ["sockets", "streams"])
async def test_nothing_is_noticed(
    nodes: Sequence[Node], before: Front, shop: Website, way: str
) -> None:
    """By who looks on and writes: no word of the connection, and every line is sent."""
    async with chromium() as browser:
        page = await browser.new_page()
        if way == "streams":
            await page.add_init_script(_NO_SOCKETS)
        await page.goto(f"{shop.url}/prices")
        visitor = Widget(page)
        await visitor.open()
        await page.evaluate(_WATCH)
        numbers = count(1)
        said = []
        over = asyncio.Event()

        async def write() -> None:
            while not over.is_set():
                said.append(f"line {next(numbers)}")
                await visitor.say(said[-1])
                await asyncio.sleep(0.7)

        writing = asyncio.create_task(write())
        for node in nodes:
            assert await node.stop() == 0
            await node.start()
            if isinstance(before, Haproxy):  # nginx asks no node how it is
                await eventually(lambda: before.up() == [True] * len(nodes))
        over.set()
        await writing
        await visitor.wait_for_status("Sent")
        assert await page.evaluate("window.alarms") == []
        assert await visitor.texts() == said
        # Else it would be noticed.
        before.kill()
        await eventually(lambda: page.evaluate("window.alarms.length"))
