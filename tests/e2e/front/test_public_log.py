"""A public room's log, kept by the front: nodes are asked seldom, and what is new shows soon."""

from __future__ import annotations

import contextlib
import os
import signal
import tomllib
from collections.abc import AsyncIterator, Iterator, Sequence

import httpx2
import pytest_asyncio

from rpc.public_log import MAX_AGE
from switchboard.bus.redis import RedisBus
from switchboard.clock import SystemClock
from switchboard.model import Act, Occupant, SenderKind
from switchboard.reception import Directory, Rooms
from switchboard.reception.rooms import Origin, sender_of
from switchboard.rooms import Room
from switchboard.store import open_store
from tests.e2e.front.conftest import Node
from tests.e2e.front.visitors import browser
from tests.e2e.support.fronts import Front, Haproxy
from tests.e2e.support.parley import SITE
from tests.e2e.support.wait import eventually

ROOM = "watched"
LOG = f"/rooms/{SITE}/{ROOM}/log"
ADA = sender_of(Occupant("g-ada", SenderKind.VISITOR, "Ada"))
BOSS = sender_of(Occupant("g-boss", SenderKind.OPERATOR, "Ann"))
ANSWERS_IN = 1.0
"""Seconds: so soon a cache answers, and a frozen node never."""
TRIES = 10


class Writer:
    """Somebody in the room, through a process of their own."""

    def __init__(self, rooms: Rooms, room: Room) -> None:
        self._rooms = rooms
        self._room = room

    async def say(self, body: str) -> int:
        """A line; its seq."""
        client_id = f"m{await self._rooms.end(self._room) + 1}"
        return (await self._rooms.say(self._room, ADA, client_id, body, Origin())).seq

    async def moderate(self, seq: int) -> None:
        """The line is taken away."""
        await self._rooms.amend(self._room, BOSS, Act.MODERATE, seq, Origin())


@pytest_asyncio.fixture(loop_scope="session")
async def writer(nodes: Sequence[Node]) -> AsyncIterator[Writer]:
    """Over the nodes' store and bus; the room is there, and public."""
    nodes[0].order("site", "set", SITE, f"rooms.{ROOM}.public=true")
    config = tomllib.loads(nodes[0].config.read_text("utf-8"))
    clock = SystemClock()
    bus = RedisBus(config["bus"]["url"])
    store = await open_store(config["store"]["url"], clock=clock)
    try:
        await bus.start()
        await eventually(lambda: bus.up, 10.0, "the bus is there")
        directory = Directory(store)
        await directory.refresh()
        rooms = Rooms(store, bus, clock, directory, "chat.localhost", 4000)
        yield Writer(rooms, rooms.room(SITE, ROOM))
    finally:
        await bus.close()
        await store.close()


@contextlib.contextmanager
def frozen(nodes: Sequence[Node]) -> Iterator[None]:
    """They answer nothing within the block."""
    for node in nodes:
        os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            os.kill(node.pid, signal.SIGCONT)


async def read(client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    """The last lines."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.get(LOG, headers=fields)


async def shown(client: httpx2.AsyncClient, seq: int) -> bool:
    """Whether a line, and its text, is there."""
    lines = (await read(client)).json()["messages"]
    return any(line["seq"] == seq and line["body"] for line in lines)


async def readable(client: httpx2.AsyncClient) -> None:
    """Until the nodes know the room."""

    async def there() -> bool:
        return (await read(client)).status_code == 200

    await eventually(there, 20.0, lambda: "the room is there")


async def test_a_second_reader_is_served_by_the_cache(
    nodes: Sequence[Node], before: Front, writer: Writer
) -> None:
    """No node is asked: all are frozen, and answers of both kinds come, and that nothing is new."""
    async with browser(before) as first, browser(before) as second:
        await writer.say("Hello, everybody")
        await readable(first)
        # What was read may have grown too old meanwhile: then it is tried anew.
        for _ in range(TRIES):
            plain = await read(first, Accept_Encoding="identity")
            zipped = await read(first, Accept_Encoding="gzip, deflate, br")
            second.timeout = ANSWERS_IN
            with frozen(nodes), contextlib.suppress(httpx2.TimeoutException):
                again = await read(second, Accept_Encoding="identity")
                known = {"If_None_Match": plain.headers["etag"], "Accept_Encoding": "identity"}
                unchanged = await read(second, **known)
                small = await read(second, Accept_Encoding="gzip")
                break
        else:
            raise AssertionError(f"it asked a node each time: {before.log()}")
    assert again.json() == plain.json() == small.json() == zipped.json()
    assert again.headers["etag"] == plain.headers["etag"]
    assert unchanged.status_code == 304
    assert small.headers["content-encoding"] == "gzip"
    # Without it a browser keeps an old answer as long as a new one; nginx has none.
    assert ("age" in again.headers) == isinstance(before, Haproxy)
    for answer in (again, small):
        assert answer.headers["cache-control"] == f"public, max-age={MAX_AGE}, must-revalidate"
        assert answer.headers["access-control-allow-origin"] == "*"


async def test_what_is_new_shows(before: Front, writer: Writer) -> None:
    """Lines, and that one was taken away, within the time that caches may answer by themselves."""
    async with browser(before) as client:
        seq = await writer.say("Something rude")
        await readable(client)
        await eventually(lambda: shown(client, seq), MAX_AGE + 5, "the line shows")
        etag = (await read(client)).headers["etag"]
        await writer.moderate(seq)

        async def gone() -> bool:
            return not await shown(client, seq)

        await eventually(gone, MAX_AGE + 5, "the line is gone")
        assert (await read(client)).headers["etag"] != etag


async def test_a_redirect_and_a_room_that_is_not_there(before: Front, writer: Writer) -> None:
    """They come through, and are followed."""
    async with browser(before) as client:
        await readable(client)
        moved = await client.get(f"{LOG}?after=7")
        assert (moved.status_code, moved.headers["location"]) == (308, "log?after=0")
        assert (await client.get(f"{LOG}?after=7", follow_redirects=True)).json()["after"] == 0
        assert (await client.get(f"/rooms/{SITE}/none/log")).status_code == 404
        assert (await client.get(f"{LOG}?after=x")).status_code == 400
