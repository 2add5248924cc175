"""ejabberd's API from our side: how many calls, when, and what is noted of failures.

The server here answers as ejabberd 23.01 was seen to; the real one is in `tests/e2e/test_ways.py`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.buddies.api import (
    AT_ONCE,
    HOST_RETRY,
    RETRY,
    ApiRosters,
    ApiSettings,
    ApiState,
    EjabberdApi,
)
from switchboard.model import Shown
from tests.e2e.support.wait import eventually
from tests.edge.gateway.shop import HandClock

DOMAIN = "chat.example.org"
DONE = (200, "0")
NOT_OURS = (500, '"internal_error"')
WRONG_PASSWORD = (401, '{"status":"error","code":10}')


class Api:
    """An HTTP server that notes calls; `answer` is for hosts that are not in `hosts`."""

    def __init__(self) -> None:
        self.answer = DONE
        self.hosts: dict[str, tuple[int, str]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.most = self._now = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, any number of calls."""
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().lower().split("\r\n")
            size = next(int(line.split()[1]) for line in lines if line.startswith("content-length"))
            arguments = json.loads(await reader.readexactly(size))
            self.calls.append((head.split()[1].decode().rpartition("/")[2], arguments))
            self._now += 1
            self.most = max(self.most, self._now)
            await self.open.wait()
            self._now -= 1
            status, body = self.hosts.get(arguments["localhost"], self.answer)
            text = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            writer.write(text.encode())


class Stand:
    """The rosters over such a server."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self.clock = HandClock()
        self.ours = True
        calls = EjabberdApi(ApiSettings(url, "p@h", "pw"))
        self.rosters = ApiRosters(DOMAIN, calls, self.clock, lambda: self.ours)

    @property
    def state(self) -> str:
        return self.rosters.state.value

    async def add(self, visitor: str, host: str = "example.org", group: str = "Shop") -> bool:
        return await self.rosters.add(Shown(DOMAIN, f"ann@{host}", visitor, "Eve", group))


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """Served on a free port."""
    api = Api()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def serve() -> None:
            try:
                await api.serve(reader, writer)
            except (asyncio.IncompleteReadError, OSError):
                pass
            finally:
                writer.close()

        task = asyncio.get_running_loop().create_task(serve())
        tasks.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    one = Stand(api, f"http://127.0.0.1:{port}/api/")
    yield one
    await one.rosters.close()
    server.close()
    await asyncio.gather(*tasks)


async def test_a_group_stays_one_group(stand: Stand) -> None:
    """A semicolon would part it; everything else goes as it is."""
    assert await stand.add("v-1", group="Tea; & <biscuits>")
    command, arguments = stand.api.calls[0]
    assert command == "add_rosteritem"
    assert arguments == {
        "localuser": "ann",
        "localhost": "example.org",
        "user": "v-1",
        "host": DOMAIN,
        "nick": "Eve",
        "group": "Tea, & <biscuits>",
        "subs": "both",
    }


async def test_only_so_many_calls_at_once(stand: Stand) -> None:
    """A crowd of visitors is a queue for the API, not a crowd of connections."""
    stand.api.open.clear()
    adding = [asyncio.ensure_future(stand.add(f"v-{number}")) for number in range(20)]
    await eventually(lambda: stand.api.most == AT_ONCE)
    stand.api.open.set()
    assert all(await asyncio.gather(*adding))
    assert stand.api.most == AT_ONCE


async def test_one_that_refuses_us_is_left_alone_for_a_while(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    """One call every RETRY seconds, one warning, and it is healed by itself."""
    stand.api.answer = WRONG_PASSWORD
    for _ in range(3):
        assert not await stand.add("v-1")
    assert stand.state == ApiState.REFUSED
    assert len(stand.api.calls) == 1
    stand.clock.seconds += RETRY
    assert not await stand.add("v-1")
    assert len(stand.api.calls) == 2
    assert [one.levelno for one in caplog.records].count(logging.WARNING) == 1
    stand.api.answer = DONE
    stand.clock.seconds += RETRY
    assert await stand.add("v-1")
    assert stand.state == ApiState.UP


async def test_what_is_anothers_is_left_to_them(stand: Stand) -> None:
    """Whoever does not own the domain any more writes no contact list."""
    stand.api.open.clear()
    adding = [asyncio.ensure_future(stand.add(f"v-{number}")) for number in range(AT_ONCE + 1)]
    await eventually(lambda: stand.api.most == AT_ONCE)
    stand.ours = False
    stand.api.open.set()
    assert await asyncio.gather(*adding) == [True] * AT_ONCE + [False]
    assert not stand.rosters.ready


async def test_a_host_of_another_server_is_not_tried_each_time(stand: Stand) -> None:
    """It has no way for a minute, and the API's own hosts have theirs."""
    stand.api.hosts["elsewhere.org"] = NOT_OURS
    assert await stand.add("v-1")
    assert not await stand.add("v-1", host="elsewhere.org")
    assert not stand.rosters.roster("ann@elsewhere.org")
    assert stand.rosters.refused("ann@elsewhere.org")
    assert not await stand.add("v-2", host="elsewhere.org")
    assert len(stand.api.calls) == 2
    assert stand.rosters.roster("ann@example.org")
    assert stand.state == ApiState.UP
    stand.clock.seconds += HOST_RETRY
    assert stand.rosters.roster("ann@elsewhere.org")


async def test_an_error_after_a_success_will_pass(stand: Stand) -> None:
    """A full disk says nothing of the host."""
    assert await stand.add("v-1")
    stand.api.answer = NOT_OURS
    assert not await stand.add("v-2")
    assert not stand.rosters.refused("ann@example.org")
    stand.api.answer = DONE
    assert await stand.add("v-2")
