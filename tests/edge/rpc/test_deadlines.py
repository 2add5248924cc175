"""Requests that drip in, and heads that can be read in two ways."""

from __future__ import annotations

import asyncio
import json

import pytest
from twisted.internet.task import Clock

from tests.edge.rpc.client import frame, read_response
from tests.edge.rpc.conftest import ORIGIN, World, eventually

HEAD_SECONDS, BODY_SECONDS, IDLE_SECONDS = 10, 20, 60
BODY = json.dumps(frame("ping")).encode()
CALL = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Client:
    """A connection that sends octet by octet, while the server's time goes on by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()
        await asyncio.sleep(0.02)  # it arrives

    async def drip(self, octets: bytes, clock: Clock, seconds: int) -> None:
        """An octet a second."""
        for number in range(seconds):
            await self.send(octets[number : number + 1])
            clock.advance(1)

    async def is_open(self) -> bool:
        await asyncio.sleep(0.02)
        return not self.reader.at_eof() and not self.reader._buffer  # type: ignore[attr-defined]


async def open_client(world: World) -> tuple[Client, Clock]:
    clock = Clock()
    world.site.reactor = clock
    return Client(*await world.http().connect()), clock


async def refused_as_late(client: Client) -> None:
    """408 with an error as its body, then the end."""
    response = await asyncio.wait_for(read_response(client.reader), 30)
    assert response.status == 408
    assert response.json["error"]["data"]["reason"] == "too_slow"
    assert response.headers["connection"] == "close"
    assert await asyncio.wait_for(client.reader.read(), 30) == b""
    client.writer.close()


async def test_head_octet_by_octet(world: World) -> None:
    """A head has its seconds in all, whatever comes meanwhile."""
    client, clock = await open_client(world)
    await client.drip(b"POST /rpc HTTP/1.1\r\nHost: x\r\n", clock, HEAD_SECONDS - 1)
    assert await client.is_open()
    await client.drip(b"pqrstuv", clock, 2)
    await refused_as_late(client)


async def test_head_line_by_line(world: World) -> None:
    """Whole lines buy no time either."""
    client, clock = await open_client(world)
    await client.send(b"POST /rpc HTTP/1.1\r\n")
    for _ in range(HEAD_SECONDS - 1):
        await client.send(b"X-More: and more\r\n")
        clock.advance(1)
    assert await client.is_open()
    clock.advance(1)
    await refused_as_late(client)


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_octet_by_octet(world: World, chunked: bool) -> None:
    """A body has its seconds in all, counted from the end of the head."""
    client, clock = await open_client(world)
    head = CALL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    body = BODY
    if chunked:
        head = b"POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"40\r\n" + BODY
    await client.send(head[:-3])
    clock.advance(HEAD_SECONDS - 1)
    await client.send(head[-3:])
    await client.drip(body, clock, BODY_SECONDS - 1)
    assert await client.is_open()
    clock.advance(1)
    await refused_as_late(client)


async def test_in_time(world: World) -> None:
    """Who needs most of the time twice over is answered."""
    client, clock = await open_client(world)
    head, _, body = CALL.partition(b"\r\n\r\n")
    for _ in range(2):
        await client.send(head)
        clock.advance(HEAD_SECONDS - 1)
        await client.send(b"\r\n\r\n" + body[:10])
        clock.advance(BODY_SECONDS - 1)
        await client.send(body[10:])
        assert (await read_response(client.reader)).json["result"] == {}
    assert not [call for call in clock.getDelayedCalls() if call.getTime() < clock.seconds() + 60]
    client.writer.close()


async def test_idle_between_requests(world: World) -> None:
    """A kept connection may idle; a further request has its own deadline from its first octet."""
    client, clock = await open_client(world)
    for _ in range(3):
        await client.send(CALL)
        assert (await read_response(client.reader)).json["result"] == {}
        clock.advance(IDLE_SECONDS - 1)
    await client.drip(CALL, clock, HEAD_SECONDS)
    await refused_as_late(client)


async def test_half_a_request_behind_a_whole_one(world: World) -> None:
    """What comes with a whole request, and is none itself, has a deadline too."""
    client, clock = await open_client(world)
    await client.send(CALL + CALL[:30])
    assert (await read_response(client.reader)).json["result"] == {}
    clock.advance(HEAD_SECONDS)
    await refused_as_late(client)


async def test_waiting_is_not_late(world: World) -> None:
    """An answer may take longer than any request may; what is pipelined meanwhile waits."""
    hello = await world.http().call("hello", site="acme")
    client, clock = await open_client(world)
    await world.http().call("poll", token=hello["token"], cursor=hello["cursor"])
    call = frame("poll", token=hello["token"], cursor=hello["cursor"], wait=0.3)
    body = json.dumps(call).encode()
    head = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    await client.send(head + body)
    await client.send(CALL[:30])
    clock.advance(3 * IDLE_SECONDS)
    assert (await read_response(client.reader)).json["result"]["events"] == []
    await client.send(CALL[30:])
    assert (await read_response(client.reader)).json["result"] == {}
    client.writer.close()


async def test_a_late_client_that_stays_is_dropped(world: World) -> None:
    """Who does not close after the refusal is cut off."""
    client, clock = await open_client(world)
    await client.send(b"GET ")
    clock.advance(HEAD_SECONDS)
    assert (await read_response(client.reader)).status == 408
    for _ in range(5):
        await client.send(b"x" * 1000)
    clock.advance(2)

    async def send_on() -> None:
        while not client.writer.transport.is_closing():
            client.writer.write(b"x")
            await asyncio.sleep(0.01)

    await asyncio.wait_for(send_on(), 30)


async def test_the_settings_count(idle_world: World) -> None:
    """Deadlines are as configured, on the reactor's own time."""
    await idle_world.start(head_seconds=0.2, body_seconds=0.3)
    loop = asyncio.get_running_loop()
    for octets, seconds in ((b"POST", 0.2), (CALL[:-1], 0.3)):
        reader, writer = await idle_world.http().connect()
        started = loop.time()
        writer.write(octets)
        assert (await read_response(reader)).status == 408
        assert seconds - 0.01 <= loop.time() - started < HEAD_SECONDS
        writer.close()


POST = b"POST /rpc HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(POST + LENGTH + b"\r\n" + BODY, id="no host"),
        pytest.param(POST + HOST + HOST + LENGTH + b"\r\n" + BODY, id="two hosts"),
        pytest.param(b"POST /rpc HTTP/1.0\r\n" + HOST * 2 + LENGTH + b"\r\n" + BODY, id="1.0"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", id="no host, no body"),
        pytest.param(POST + HOST + LENGTH * 2 + b"\r\n" + BODY, id="two lengths"),
        pytest.param(
            POST + HOST + b"Content-Length: 5, 5\r\n\r\n" + BODY, id="two lengths in a line"
        ),
        pytest.param(POST + HOST + b"Content-Length: +5\r\n\r\n" + BODY, id="signed length"),
        pytest.param(
            POST + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", id="huge length"
        ),
        pytest.param(POST + HOST + LENGTH + CHUNKED + b"\r\n" + CHUNKS, id="length and chunks"),
        pytest.param(POST + HOST + CHUNKED + LENGTH + b"\r\n" + CHUNKS, id="chunks and length"),
        pytest.param(POST + HOST + CHUNKED * 2 + b"\r\n" + CHUNKS, id="chunked twice"),
        pytest.param(
            POST + HOST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS,
            id="chunked, then identity",
        ),
        pytest.param(
            POST + HOST + b"Transfer-Encoding: identity\r\n" + CHUNKED + b"\r\n" + CHUNKS,
            id="identity, then chunked",
        ),
        pytest.param(
            POST + HOST + LENGTH + b"Transfer-Encoding: identity\r\n\r\n" + BODY, id="identity"
        ),
        pytest.param(
            POST + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS, id="gzip, chunked"
        ),
        pytest.param(
            POST + HOST + b"Transfer-Encoding: chunked\r\n ,identity\r\n\r\n" + CHUNKS, id="folded"
        ),
        pytest.param(
            POST + HOST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS, id="space before colon"
        ),
        pytest.param(
            b"POST /rpc HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n" + CHUNKS, id="chunks in 1.0"
        ),
        pytest.param(POST + HOST + CHUNKED + b"\r\nzz\r\n" + CHUNKS, id="wrong chunk"),
        pytest.param(POST + HOST + b"X: a\nContent-Length: 5\r\n\r\n", id="bare line feed"),
        pytest.param(POST + HOST + b"no colon\r\n\r\n", id="no colon"),
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(POST + HOST + b"X: " + b"x" * 20_000 + b"\r\n\r\n", id="long line"),
        pytest.param(POST + HOST + b"X: y\r\n" * 5000 + b"\r\n", id="many lines"),
        pytest.param(b"x" * 40_000, id="no line at all"),
    ],
)
async def test_doubtful_heads(world: World, octets: bytes) -> None:
    """What two programs could read differently is answered 400, once, and the connection ends."""
    reader, writer = await world.http().connect()
    writer.write(octets + CALL)
    assert (await read_response(reader)).status == 400
    assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()


async def test_an_old_client(world: World) -> None:
    """HTTP/1.0 needs no Host, and its connection ends with the answer."""
    reader, writer = await world.http().connect()
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")
    writer.close()


async def test_a_refusal_can_be_read_by_the_page(world: World) -> None:
    """A late body is told to the site's own page, as every refusal is."""
    client, clock = await open_client(world)
    await client.send(b"Origin: %s\r\n".join([POST, LENGTH]) % ORIGIN.encode() + HOST + b"\r\n{")
    clock.advance(BODY_SECONDS)
    response = await read_response(client.reader)
    assert response.status == 408
    assert response.headers["access-control-allow-origin"] == ORIGIN
    client.writer.close()


async def test_nothing_is_left_behind(world: World) -> None:
    """A client that goes in the middle leaves no timer."""
    client, clock = await open_client(world)
    await client.send(b"POST")
    assert clock.getDelayedCalls()
    client.writer.close()
    await eventually(lambda: not clock.getDelayedCalls())
