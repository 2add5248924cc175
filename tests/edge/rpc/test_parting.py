"""A web node that stops: its visitors are handed on, and what they have asked for is answered."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from rpc.edge import TOLD_A_SECOND
from switchboard.site import Site, UploadSettings
from tests.edge.rpc.client import Response, frame, read_response
from tests.edge.rpc.conftest import ACME, World

CROWD = 300


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two visitors a second are handed on, so that a few take a while."""
    monkeypatch.setattr("rpc.edge.TOLD_A_SECOND", 2)


async def test_nobody_goes_in_step(idle_world: World) -> None:
    """Sockets are closed one after another, not as they came, and not too many at once."""
    world = idle_world
    await world.start(new_visitors_per_minute=0)
    sockets = [await world.socket() for _ in range(CROWD)]
    for socket in sockets:
        await socket.call("hello", site="acme")
    loop = asyncio.get_running_loop()
    began = loop.time()
    order: list[int] = []

    async def follow(number: int) -> float:
        assert await sockets[number].closed() == 1001
        order.append(number)
        return loop.time() - began

    following = asyncio.gather(*map(follow, range(CROWD)))
    await world.edge.stop()
    times = sorted(await following)
    assert order != sorted(order)
    assert all(time * TOLD_A_SECOND > number for number, time in enumerate(times))
    assert times[CROWD // 2] < 0.9 * times[-1]


async def test_what_has_come_is_answered(world: World) -> None:
    """The calls that are on a socket when its turn comes, then the close code."""
    socket, _ = await world.visitor()
    for number in range(20):
        socket.send(frame("say", id=f"m{number}", body="Hello?"))
    await socket.writer.drain()
    stopping = asyncio.create_task(world.edge.stop())
    answers = [await socket.next_answer() for _ in range(20)]
    assert all("result" in answer for answer in answers)
    assert await socket.closed() == 1001
    await stopping


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, **params: object
) -> Response:
    """A call by POST on a connection that is kept."""
    body = json.dumps(frame(method, **params)).encode()
    head = b"POST /rpc HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head + body)
    return await asyncio.wait_for(read_response(reader), 15)  # a poll may wait for 30


@pytest.mark.usefixtures("slow")
async def test_a_kept_connection(world: World) -> None:
    """A call that comes on it while the node stops is answered, as the last one."""
    await world.visitor()
    reader, writer = await world.http().connect()
    hello = await ask(reader, writer, "hello", site="acme")
    assert "connection" not in hello.headers
    token = hello.json["result"]["token"]
    stopping = asyncio.create_task(world.edge.stop())
    await asyncio.sleep(0)
    said = await ask(reader, writer, "say", token=token, id="m1", body="Still here?")
    assert not stopping.done()
    assert said.json["result"]["seq"] == 1
    assert said.headers["connection"] == "close"
    assert await asyncio.wait_for(reader.read(), 30) == b""
    await stopping
    writer.close()


@pytest.mark.usefixtures("slow")
async def test_who_still_comes(world: World) -> None:
    """A socket that is opened on such a connection works until the others are gone."""
    sitting, _ = await world.visitor()
    late = await world.socket()
    stopping = asyncio.create_task(world.edge.stop())
    await asyncio.sleep(0)
    assert (await late.call("hello", site="acme"))["token"]
    assert await late.closed() == 1001
    assert await sitting.closed() == 1001
    await stopping


@pytest.mark.parametrize("path", ["/rpc", "/rpc/events"])
async def test_what_comes_too_late(world: World, path: str) -> None:
    """It is not answered, so that a front asks another node: the store is about to be closed."""
    reader, writer = await world.http().connect()
    hello = (await ask(reader, writer, "hello", site="acme")).json["result"]
    await world.edge.stop()
    body = json.dumps(frame("say", token=hello["token"], id="m1", body="Late")).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert world.heard_lines(hello["visitor"]["id"]) == []


async def test_a_file_on_its_way(idle_world: World, tmp_path: Path) -> None:
    """It is taken to its end, and meanwhile a poll that still comes does not wait."""
    await idle_world.start(uploads_folder=str(tmp_path / "uploads"))
    settings = replace(ACME.settings, upload=UploadSettings(on=True))
    await idle_world.store.save_site(Site("acme", settings))
    await idle_world.directory.refresh()
    http = idle_world.http()
    polling = await http.connect()
    hello = (await ask(*polling, "hello", site="acme")).json["result"]
    place = {"token": hello["token"], "cursor": hello["cursor"]}
    first = await ask(*polling, "poll", **place)
    place["cursor"] = first.json["result"]["cursor"]
    promised = await http.call(
        "upload", token=hello["token"], name="a.txt", type="text/plain", size=8
    )
    reader, writer = await http.connect()
    path = urlsplit(promised["url"]).path
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf".encode())
    await asyncio.sleep(0.1)
    stopping = asyncio.create_task(idle_world.edge.stop())
    await asyncio.sleep(0.3)
    assert not stopping.done()
    assert "result" in (await ask(*polling, "poll", wait=30, **place)).json
    writer.write(b"half")
    assert (await asyncio.wait_for(read_response(reader), 30)).status == 204
    await stopping
    writer.close()
    polling[1].close()
