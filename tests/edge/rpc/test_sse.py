"""Server-sent events: the same events as on a socket, with the same care for slow readers."""

from __future__ import annotations

import asyncio
import json
import socket as sockets

import pytest

from rpc.transports.stream import EventStream
from rpc.transports.streams import ATTENDED_EVERY, PING_EVERY
from switchboard.events import VisitorLeft
from switchboard.model import DeskState
from switchboard.store import SqlStore
from tests.edge.rpc.client import Closed, EventSource, frame, read_response
from tests.edge.rpc.conftest import LINES, ORIGIN, World, eventually


async def talking(world: World) -> tuple[str, str, str]:
    """A visitor who has said a line: id, token and a cursor before that line."""
    hello = await world.http().call("hello", site="acme")
    said = await world.http().answer("say", token=hello["token"], id="m1", body="Hello?")
    return hello["visitor"]["id"], said["token"], hello["cursor"]


async def test_events(world: World) -> None:
    """The desk first, then what was missed and what comes, each with the cursor after it."""
    visitor, token, cursor = await talking(world)
    source = await world.stream(token, cursor)
    assert source.comments == ["here"]
    desk = await source.any_event()
    assert (desk["type"], desk["data"]["state"]) == ("desk", "offline")
    assert (await source.any_event())["cursor"] == desk["cursor"], "they move none"
    first = await source.message()
    assert (first["seq"], first["body"], first["from"]["self"]) == (1, "Hello?", True)
    after_first = source.cursor
    await world.operator_says(visitor, "Yes!\n\u2028and\nmore \U0001f600")
    second = await source.message()
    assert (second["seq"], second["body"]) == (2, "Yes!\n\u2028and\nmore \U0001f600")
    world.operator_seen(visitor, 2, 2)
    receipt = await source.event()
    assert receipt["data"] == {"to": "desk", "seq": 2, "state": "read"}
    world.desk(DeskState.ONLINE)
    assert (await source.any_event())["data"]["state"] == "online"
    source.close()

    again = await world.stream(token, after_first)
    assert (await again.message())["seq"] == 2
    assert (await again.event())["type"] == "receipt"


async def test_headers(world: World) -> None:
    """It is not to be kept by anything in between, and only the site's pages may read it."""
    _, token, cursor = await talking(world)
    headers = (await world.stream(token, cursor)).headers
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "no-store"
    assert headers["x-accel-buffering"] == "no"
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["vary"] == "Origin"
    assert "content-length" not in headers
    assert "server" not in headers
    plain = await world.stream(token, cursor, origin=None)
    assert "access-control-allow-origin" not in plain.headers
    preflight = await world.http().request("OPTIONS", "/rpc/events")
    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, ORIGIN)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"token": "nonsense", "cursor": ""}, 403, "bad_token"),
        ({"token": "", "cursor": ""}, 403, "bad_token"),
        ({"token": 5, "cursor": ""}, 400, "invalid"),
        ({"token": "", "cursor": "", "attended": 1}, 400, "invalid"),
        ({"cursor": ""}, 400, "invalid"),
        ([], 400, "invalid"),
        (None, 400, "invalid"),
    ],
)
async def test_refused(world: World, body: object, status: int, reason: str) -> None:
    """A stream that cannot begin is refused by the status, with an error as the body."""
    octets = b"" if body is None else json.dumps(body).encode()
    response = await world.http().request("POST", "/rpc/events", octets)
    assert response.status == status
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.json["error"]["data"] == {"reason": reason}
    assert len(world.attendance) == 0
    assert world.edge.sockets == 0


async def test_wrong_origin(world: World) -> None:
    """Another site's page is refused with 403, and the visitor is not here by it."""
    _, token, cursor = await talking(world)
    body = json.dumps({"token": token, "cursor": cursor}).encode()
    for origin in ("https://evil.test", "null"):
        response = await world.http(origin).request("POST", "/rpc/events", body)
        assert response.status == 403
        assert response.json["error"]["data"]["reason"] == "forbidden"
        assert "access-control-allow-origin" not in response.headers
    assert world.edge.sockets == 0


async def test_wrong_method(world: World) -> None:
    """Events are asked for by POST: a token does not belong into an address."""
    response = await world.http().request("GET", "/rpc/events")
    assert (response.status, response.headers["allow"]) == (405, "POST, OPTIONS")
    assert (await world.http().request("POST", "/rpc/events/more")).status == 404


async def test_reset(world: World) -> None:
    """A cursor that is none of the log's is answered by `reset`, and the stream ends."""
    _, token, _ = await talking(world)
    source = await world.stream(token, "nonsense")
    assert await source.any_event() == {"cursor": "", "type": "reset", "data": {}}
    with pytest.raises(Closed):
        await source.any_event()
    assert source.comments[-1] == "reset"
    await eventually(lambda: world.edge.sockets == 0)


async def test_comments(world: World) -> None:
    """A comment at least every 40 s, with or without events."""
    visitor, token, cursor = await talking(world)
    source = await world.stream(token, cursor)
    assert (await source.message())["seq"] == 1
    for seq in range(2, 5):
        before = len(source.comments)
        world.tick(PING_EVERY)
        await world.operator_says(visitor, "still here")
        assert (await source.message())["seq"] == seq
        assert len(source.comments) == before + 1


async def test_comments_for_who_looks_on(world: World) -> None:
    """A stream that is asked for so has one every 10 s; all others stay as they are."""
    visitor, token, cursor = await talking(world)
    attended = await world.stream(token, cursor, attended=True)
    beside = await world.stream(token, cursor)
    for source in (attended, beside):
        assert (await source.message())["seq"] == 1
    before = len(attended.comments), len(beside.comments)
    for seq in range(2, 2 + PING_EVERY // ATTENDED_EVERY):
        world.tick(ATTENDED_EVERY)
        await world.operator_says(visitor, "still here")
        for source in (attended, beside):
            assert (await source.message())["seq"] == seq
        assert len(attended.comments) == before[0] + seq - 1
    assert len(beside.comments) == before[1] + 1
    attended.close()
    await eventually(lambda: world.edge.sockets == 1)


async def test_presence(world: World) -> None:
    """An open stream keeps the visitor here; when the last has gone, the grace period begins."""
    gone: list[object] = []
    world.bus.subscribe("census", gone.append)
    visitor, token, cursor = await talking(world)
    first = await world.stream(token, cursor)
    second = await world.stream(token, cursor)
    world.tick(60)
    assert world.attendance.visit(visitor) is not None
    first.close()
    await eventually(lambda: world.edge.sockets == 1)
    world.tick(60)
    assert world.attendance.visit(visitor) is not None
    second.close()
    await eventually(lambda: world.edge.sockets == 0)
    world.tick(14)
    assert world.attendance.visit(visitor) is not None
    world.tick(2)
    await asyncio.sleep(0)
    assert world.attendance.visit(visitor) is None
    assert sum(isinstance(event, VisitorLeft) for event in gone) == 1


async def test_a_socket_and_a_stream_see_the_same(world: World) -> None:
    """The same events with the same cursors, so that a client may change over at any time."""
    socket, hello = await world.visitor()
    said = await socket.answer("say", id="m1", body="one")
    await socket.message()
    source = await world.stream(said["token"], hello["cursor"])
    await source.message()
    assert source.cursor == socket.cursor
    await world.operator_says(hello["visitor"]["id"], "two")
    assert (await source.event())["data"] == (await socket.event())["data"]
    assert source.cursor == socket.cursor
    await socket.call("typing", state="composing")
    await world.http().call("say", token=said["token"], id="m2", body="three")
    assert (await source.message())["body"] == (await socket.message())["body"] == "three"


async def test_what_a_client_says_on_is_nothing(world: World) -> None:
    """Octets after the request are not answered and not kept."""
    visitor, token, cursor = await talking(world)
    source = await world.stream(token, cursor)
    await source.message()
    for _ in range(50):
        source.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        await source.writer.drain()
    await world.operator_says(visitor, "two")
    assert (await source.message())["seq"] == 2


async def test_a_client_that_goes_before_the_answer(world: World, store: SqlStore) -> None:
    """Nothing of it is left behind."""
    visitor, token, cursor = await talking(world)
    await world.restart()
    for _ in range(20):
        _, writer = await world.http().connect()
        body = json.dumps({"token": token, "cursor": cursor}).encode()
        writer.write(
            b"POST /rpc/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        writer.transport.abort()
    await asyncio.sleep(0.1)
    await eventually(lambda: world.edge.sockets == 0)
    world.tick(16)
    assert world.attendance.visit(visitor) is None


async def read_nothing(world: World, token: str, cursor: str) -> sockets.socket:
    """A stream of a client that never reads."""
    loop = asyncio.get_running_loop()
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await loop.sock_connect(raw, ("127.0.0.1", world.port))
    body = json.dumps({"token": token, "cursor": cursor}).encode()
    await loop.sock_sendall(
        raw,
        b"POST /rpc/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
    )
    return raw


async def _one_full(world: World) -> EventStream:
    await eventually(lambda: len(world.edge._streams._full) == 1)
    [slow] = world.edge._streams._full
    return slow


async def test_slow_reader(world: World) -> None:
    """Who does not read holds little memory, is dropped after a while, and resumes completely."""
    visitor, token, cursor = await talking(world)
    raw = await read_nothing(world, token, cursor)
    await eventually(lambda: world.edge.sockets == 1)
    for _ in range(LINES):
        await world.operator_says(visitor, "\u20ac" * 3900)
    slow = await _one_full(world)
    assert slow.seq < LINES + 1
    transport = slow._transport
    world.tick(19)
    assert len(transport.dataBuffer) + transport._tempDataLen < 48 * 1024
    assert world.edge.sockets == 1
    world.tick(2)
    await eventually(lambda: world.edge.sockets == 0)
    raw.close()
    again = await world.stream(token, cursor)
    assert [(await again.message())["seq"] for _ in range(LINES + 1)] == list(range(1, LINES + 2))


async def test_a_reader_who_was_slow(world: World) -> None:
    """Who reads again in time gets everything in order, and the desk as it is by then."""
    visitor, token, cursor = await talking(world)
    for _ in range(LINES):
        await world.operator_says(visitor, "\u20ac" * 3900)
    source = await EventSource.open(world.http(), token=token, cursor=cursor)
    source.reader._transport.pause_reading()  # type: ignore[attr-defined]
    await _one_full(world)
    for _ in range(100):
        await world.operator_says(visitor, "\u20ac" * 3900)
    world.desk(DeskState.BUSY)
    source.reader._transport.resume_reading()  # type: ignore[attr-defined]
    desks: list[str] = []
    seqs: list[int] = []
    while len(seqs) < LINES + 101 or len(desks) < 2:
        event = await source.any_event()
        if event["type"] == "desk":
            desks.append(event["data"]["state"])
        elif event["type"] != "talk":
            seqs.append(event["data"]["message"]["seq"])
    assert seqs == list(range(1, LINES + 102))
    assert desks == ["offline", "busy"]
    source.close()


async def test_stop(world: World) -> None:
    """A server that stops ends its streams with a word on when to come back: not all at once."""
    _, token, cursor = await talking(world)
    sources = [await world.stream(token, cursor) for _ in range(20)]
    await world.edge.stop()
    for source in sources:
        await source.closed()
        assert source.comments[-1] == "server stops"
        assert 100 <= source.retry <= 800
    assert len({source.retry for source in sources}) > 10
    assert world.edge.sockets == 0


async def test_too_many_pages(world: World) -> None:
    """Streams count as pages: beyond the hundredth, 429 and when to come again."""
    visitor, token, cursor = await talking(world)
    for _ in range(100):
        await world.stream(token, cursor)
    body = json.dumps({"token": token, "cursor": cursor}).encode()
    response = await world.http().request("POST", "/rpc/events", body)
    assert response.status == 429
    assert response.headers["retry-after"] == "30"
    assert response.json["error"]["data"] == {"reason": "rate_limited", "retry_after": 30}
    assert world.edge.sockets == 100
    assert len(world.attendance._present[visitor].streams) == 100


async def test_on_a_kept_connection(world: World) -> None:
    """A stream may follow calls on the same connection."""
    _, token, cursor = await talking(world)
    source = EventSource(*await world.http().connect())
    for path, params in (
        (b"/rpc", frame("ping")),
        (b"/rpc/events", {"token": token, "cursor": cursor}),
    ):
        body = json.dumps(params).encode()
        source.writer.write(
            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body
        )
    assert (await read_response(source.reader)).json["result"] == {}
    assert (await read_response(source.reader)).status == 200
    assert (await source.message())["seq"] == 1
    source.close()
