"""Sockets that misbehave, and time on sockets."""

from __future__ import annotations

import asyncio
import json
import os
import socket as sockets
import struct

import pytest

from rpc.transports.stream import EventStream
from tests.edge.rpc.client import BytesMessage, Pong, RpcError, WebSocket, frame
from tests.edge.rpc.conftest import LINES, World, eventually

LIMIT = 65_536


def client_frame(first: int, payload: bytes, declared: int | None = None) -> bytes:
    """A frame of a client, masked with zeros; `declared` is the length that it claims."""
    size = len(payload) if declared is None else declared
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


async def test_too_large(world: World) -> None:
    """A message above the limit closes the socket with 1009; one of exactly the limit does not."""
    socket, _ = await world.visitor()
    text = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    socket.send(text + " " * (LIMIT - len(text)))
    assert (await socket.next_answer())["result"] == {}
    socket.send(text + " " * (LIMIT - len(text) + 1))
    assert await socket.closed() == 1009


async def test_too_large_is_known_from_the_head(world: World) -> None:
    """A frame that only claims to be large is refused before it comes."""
    socket, _ = await world.visitor()
    socket.writer.write(client_frame(0x81, b"", declared=10**12))
    assert await socket.closed() == 1009


async def test_unfinished_fragments(world: World) -> None:
    """Fragments add up, empty ones too; pings between them do not reset the count."""
    for fragment in (b"x" * 1000, b"x", b""):
        socket, _ = await world.visitor()
        socket.writer.write(client_frame(0x01, b"x"))
        pair = client_frame(0x00, fragment) + client_frame(0x89, b"")
        socket.writer.write(pair * (LIMIT // (len(fragment) + 6) + 1))
        assert await socket.closed() == 1009


async def test_too_large_is_told_to_who_sends_on(world: World) -> None:
    """The close code reaches a client that has megabytes on their way."""
    socket, _ = await world.visitor()
    socket.writer.write(client_frame(0x81, b"x" * 3_000_000))
    assert await socket.closed() == 1009


async def test_binary_is_refused(world: World) -> None:
    """1003."""
    socket, _ = await world.visitor()
    socket.send_event(BytesMessage(b"\x00"))
    assert await socket.closed() == 1003


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"\x81\x05hello", id="unmasked"),
        pytest.param(client_frame(0xF1, b"x"), id="reserved bits"),
        pytest.param(client_frame(0x83, b"x"), id="unknown opcode"),
        pytest.param(client_frame(0x81, b"\xff\xff"), id="not UTF-8"),
        pytest.param(client_frame(0x89, b"x" * 126), id="long ping"),
        pytest.param(client_frame(0x00, b"x"), id="continues nothing"),
        pytest.param(client_frame(0x88, b"\x03"), id="short close"),
        pytest.param(client_frame(0x88, b"") + client_frame(0x89, b""), id="ping after close"),
        pytest.param(client_frame(0x82, b"") + client_frame(0x89, b""), id="ping after binary"),
    ],
)
async def test_broken_frames(world: World, octets: bytes) -> None:
    """A protocol error ends the socket, in words of the protocol and without a traceback."""
    socket, _ = await world.visitor()
    socket.writer.write(octets)
    await socket.closed()
    socket.close()
    await eventually(lambda: world.edge.sockets == 0)


async def test_a_client_that_does_not_close(world: World) -> None:
    """Who goes on sending after a close code is dropped after 5 s."""
    socket, _ = await world.visitor()
    socket.send_event(BytesMessage(b"\x00"))
    await socket.closed()
    socket.writer.write(b"x" * 1_000_000)
    world.tick(6)
    await eventually(lambda: world.edge.sockets == 0)


async def test_random_octets(world: World) -> None:
    """Noise ends sockets and nothing else."""
    for _ in range(30):
        socket, _ = await world.visitor()
        socket.writer.write(os.urandom(4096))
        socket.writer.close()
    await eventually(lambda: world.edge.sockets == 0)
    assert await world.http().call("ping") == {}


async def test_first_call_in_time(world: World) -> None:
    """Without `hello` or `resume` for 5 s a socket is closed with 4408; with one it stays."""
    silent = await world.socket()
    talking = await world.socket()
    with pytest.raises(RpcError) as raised:
        await talking.call("say", id="m", body="x")
    assert raised.value.reason == "bad_token"
    settled, _ = await world.visitor()
    world.tick(4)
    world.tick(2)
    assert await silent.closed() == 4408
    assert await talking.closed() == 4408
    assert await settled.call("ping") == {}


async def test_pings(world: World) -> None:
    """Each socket is pinged every 40 s; one that misses two pongs is dropped at the third."""
    alive, _ = await world.visitor()
    dead, _ = await world.visitor()
    for second in range(125):
        if second == 81:
            assert world.edge.sockets == 2
        if second == 85:
            await eventually(lambda: world.edge.sockets == 1)
        world.tick(1)
        if second % 10 == 0:
            assert await alive.call("ping") == {}
    assert alive.pings == 4
    assert await dead.closed() is None
    assert await alive.call("ping") == {}


async def test_a_pong_is_a_sign_of_life(world: World) -> None:
    """A client that only answers pings stays."""
    socket, _ = await world.visitor()
    for _ in range(5):
        before = socket.pings
        world.tick(40)
        socket.send_event(Pong())
        await socket.call("ping")
        assert socket.pings == before + 1


async def test_calls_are_answered_in_order(world: World) -> None:
    """A burst of hundreds of calls is answered completely and in order."""
    socket, _ = await world.visitor()
    calls = [
        frame("say", id=f"m{n}", body="x") if n % 20 == 0 else frame("ping") for n in range(600)
    ]
    for call in calls:
        socket.send(call)
    answers = [await socket.next_answer() for _ in calls]
    assert [answer["id"] for answer in answers] == [call["id"] for call in calls]


async def test_batch_on_a_socket(world: World) -> None:
    """A batch that begins with `hello` is answered as one."""
    socket = await world.socket()
    socket.send([frame("hello", site="acme"), frame("say", id="m", body="x"), frame("ping")])
    answers = await socket.next_answer()
    assert [sorted(answer)[-1] for answer in answers] == ["result", "token", "result"]
    assert (await socket.message())["id"] == "m"


async def read_nothing(world: World, token: str, cursor: str) -> sockets.socket:
    """A socket of a client that resumes and then never reads."""
    loop = asyncio.get_running_loop()
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, ("127.0.0.1", world.port))
    await loop.sock_sendall(
        raw,
        b"GET /rpc HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )
    await loop.sock_recv(raw, 4096)
    call = json.dumps(frame("resume", token=token, cursor=cursor))
    await loop.sock_sendall(raw, client_frame(0x81, call.encode()))
    return raw


async def test_slow_reader(world: World) -> None:
    """Who does not read holds little memory, is dropped after a while, and resumes completely."""
    socket, hello = await world.visitor()
    visitor, cursor = hello["visitor"]["id"], hello["cursor"]
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    socket.close()
    await eventually(lambda: world.edge.sockets == 0)
    raw = await read_nothing(world, token, cursor)
    await eventually(lambda: world.edge.sockets == 1)
    [slow] = world.edge._streams
    await eventually(lambda: slow.following)
    for _ in range(LINES):
        await world.operator_says(visitor, "\u20ac" * 3900)
    assert not slow.following
    assert slow.seq < LINES + 1
    transport = slow._transport
    assert len(transport.dataBuffer) + transport._tempDataLen < 48 * 1024
    world.tick(19)
    assert world.edge.sockets == 1
    world.tick(2)
    await eventually(lambda: world.edge.sockets == 0)
    raw.close()

    again = await world.socket()
    await again.call("resume", token=token, cursor=cursor)
    assert [(await again.message())["seq"] for _ in range(LINES + 1)] == list(range(1, LINES + 2))


async def test_a_reader_who_was_slow(world: World) -> None:
    """Who reads again in time gets everything in order, and the desk as it is by then."""
    socket, hello = await world.visitor()
    visitor, cursor = hello["visitor"]["id"], hello["cursor"]
    token = (await socket.answer("say", id="m1", body="Hello?"))["token"]
    socket.close()
    await eventually(lambda: world.edge.sockets == 0)
    for _ in range(LINES):
        await world.operator_says(visitor, "\u20ac" * 3900)
    again = await WebSocket.open(world.port, None)
    again.reader._transport.pause_reading()  # type: ignore[attr-defined]
    again.send(frame("resume", token=token, cursor=cursor))
    [slow] = await _one_full(world)
    for _ in range(50):
        await world.operator_says(visitor, "\u20ac" * 3900)
    assert not slow.following
    again.reader._transport.resume_reading()  # type: ignore[attr-defined]
    await again.next_answer()
    assert [(await again.message())["seq"] for _ in range(LINES + 51)] == list(range(1, LINES + 52))
    await world.operator_says(visitor, "now")
    assert (await again.message())["body"] == "now"
    again.close()


async def _one_full(world: World) -> list[EventStream]:
    await eventually(lambda: len(world.edge._streams._full) == 1)
    return list(world.edge._streams._full)


async def test_stop(world: World) -> None:
    """A server that stops says 1001 to sockets, and answers waiting polls."""
    socket, hello = await world.visitor()
    known = await world.http().call("poll", token=hello["token"], cursor=hello["cursor"])
    poll = asyncio.create_task(
        world.http().call("poll", token=hello["token"], cursor=known["cursor"], wait=30)
    )
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)
    stopping = asyncio.create_task(world.edge.stop())
    assert await socket.closed() == 1001
    socket.close()
    await stopping
    assert (await poll)["cursor"] == known["cursor"]


async def test_hello_again_as_another_visitor(world: World) -> None:
    """A socket can change its visitor; the first one leaves."""
    socket, first = await world.visitor()
    second = await socket.call("hello", site="acme")
    assert second["visitor"]["id"] != first["visitor"]["id"]
    world.tick(20)
    assert world.attendance.visit(first["visitor"]["id"]) is None
    assert world.attendance.visit(second["visitor"]["id"]) is not None
    await world.operator_says(first["visitor"]["id"], "for the first")
    await world.operator_says(second["visitor"]["id"], "for the second")
    assert (await socket.message())["body"] == "for the second"


async def test_plain_get_of_the_socket(world: World) -> None:
    """A broken upgrade is refused without a traceback."""
    response = await world.http().request("GET", "/rpc", Upgrade="websocket")
    assert response.status == 400
