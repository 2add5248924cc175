"""A whole `parley run`: how it ends, and how it bears to run out of files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.rpc.client import EventSource, frame
from tests.edge.rpc.process import Process


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path)
    yield process
    process.close()


async def test_sigterm(running: Process) -> None:
    """Everybody is told, what is in hand is done, nobody new is taken, and the process ends."""
    await running.ready()
    http = running.http()
    socket = await running.socket()
    hello = await socket.call("hello", site="acme")
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    source = await EventSource.open(http, token=token, cursor=hello["cursor"])
    assert (await source.message())["body"] == "Hello?"
    cursor = source.cursor
    await http.call("poll", token=token, cursor=cursor)
    poll = asyncio.create_task(http.call("poll", token=token, cursor=cursor, wait=30))
    half, half_writer = await http.connect()
    half_writer.write(b"POST /rpc HTTP/1.1\r\n")
    silent = await unread_socket(running.port, token)
    await asyncio.sleep(0.3)
    says = [frame("say", id=f"late{n}", body="late") for n in range(20)]
    for say in says:
        socket.send(say)
    await socket.writer.drain()
    answers = [await socket.next_answer() for _ in says]
    started = time.monotonic()
    running.terminate()
    assert (await poll)["cursor"]
    assert await socket.closed() == 1001
    await source.closed()
    assert source.comments[-1] == "server stops"
    assert 100 <= source.retry <= 800
    assert await running.ended(20) == 0
    assert time.monotonic() - started < 20
    assert all("result" in answer for answer in answers)
    assert await half.read() == b""
    assert "Traceback" not in running.log
    with pytest.raises(ConnectionError):
        await http.connect()
    for closing in (socket, source, silent, half_writer):
        closing.close()


async def unread_socket(port: int, token: str) -> sockets.socket:
    """A client that asks for a megabyte of answers and reads none."""
    loop = asyncio.get_running_loop()
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, ("127.0.0.1", port))
    body = json.dumps([frame("history", token=token) for _ in range(50)]).encode()
    head = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    raw.settimeout(1)
    for _ in range(100):
        try:
            raw.send(head + body)
        except OSError:
            break
    return raw


async def _has_ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 0.1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def _let_in(process: Process, token: str) -> dict[str, Any]:
    """What `hello` says, once those who have gone are gone for the process too."""
    for _ in range(100):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            said: dict[str, Any] = await process.http().call("hello", site="acme", token=token)
            return said
        await asyncio.sleep(0.1)
    raise AssertionError("nobody is let in")


async def test_files_exhausted(tmp_path: Path) -> None:
    """Who comes too many is turned away, those inside are served, and others come in later."""
    process = Process(tmp_path, files=80)
    try:
        await process.ready()
        inside = await process.socket()
        hello = await inside.call("hello", site="acme")
        crowd = [await process.http().connect() for _ in range(150)]
        await asyncio.sleep(0.5)
        spent = process.cpu_seconds
        for number in range(5):
            said = await inside.call("say", id=f"m{number}", body="x")
            assert said["seq"] == number + 1
            await asyncio.sleep(0.4)
        assert process.cpu_seconds - spent < 1
        turned_away = sum(await asyncio.gather(*(_has_ended(reader) for reader, _ in crowd)))
        assert 50 < turned_away < 150
        for _, writer in crowd:
            writer.close()
        again = await _let_in(process, hello["token"])
        assert again["visitor"] == hello["visitor"]
        inside.close()
        process.terminate()
        assert await process.ended(20) == 0
        assert "Traceback" not in process.log
    finally:
        process.close()
