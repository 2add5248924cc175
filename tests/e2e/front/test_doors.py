"""What goes through a front, what it refuses, and what it says where no node is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.e2e.front.conftest import NEW_VISITORS, NODES, Node
from tests.e2e.front.visitors import ORIGIN, address, answer_to, ask, browser
from tests.e2e.support.fronts import Front, Haproxy, connections
from tests.e2e.support.parley import SITE
from tests.e2e.support.wait import eventually
from tests.edge.rpc.client import WebSocket, frame

FORGED, OTHER = address(201), address(202)


async def lines_of(answer: httpx2.Response) -> AsyncIterator[str]:
    """A stream's, without the empty ones."""
    async for line in answer.aiter_lines():
        if line:
            yield line


async def test_events(before: Front) -> None:
    """A line said by POST comes at once on the visitor's socket, stream and poll."""
    async with browser(before) as client:
        hello = await ask(client, "hello", site=SITE)
        place = {"token": hello["token"], "cursor": hello["cursor"]}
        socket = await WebSocket.open(before.port, ORIGIN)
        await socket.call("resume", **place)
        await ask(client, "poll", **place)
        poll = asyncio.create_task(ask(client, "poll", **place, wait=20))
        async with client.stream("POST", "/rpc/events", content=json.dumps(place)) as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            lines = lines_of(stream)
            assert await anext(lines) == ": here"
            await ask(client, "say", token=place["token"], id="m1", body="Hello?")
            assert (await socket.message())["body"] == "Hello?"
            async for line in lines:
                if line.startswith("data: ") and "Hello?" in line:
                    break
        events = (await poll)["events"]
        assert [one["data"]["message"]["body"] for one in events if one["type"] == "message"]
        socket.close()


@pytest.mark.parametrize("way", ["socket", "stream", "poll"])
async def test_a_visitor_who_leaves(nodes: Sequence[Node], before: Front, way: str) -> None:
    """The node knows at once, so that nobody is shown as there who is not."""

    def there() -> int:
        return sum(connections(node.http_port) for node in nodes)

    async with browser(before) as client:
        hello = await ask(client, "hello", site=SITE)
        place = {"token": hello["token"], "cursor": hello["cursor"]}
        place["cursor"] = (await ask(client, "poll", **place))["cursor"]
    reader, writer = await asyncio.open_connection("127.0.0.1", before.port)
    if way == "socket":
        writer.close()
        socket = await WebSocket.open(before.port, ORIGIN)
        await socket.call("resume", **place)
        writer = socket.writer
    else:
        call = place if way == "stream" else frame("poll", wait=30, **place)
        path, body = "/rpc/events" if way == "stream" else "/rpc", json.dumps(call)
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(f"{head}{body}".encode())
        if way == "stream":
            await reader.readuntil(b": here")
        else:
            await asyncio.sleep(1.0)
    before_leaving = there()
    writer.close()
    await eventually(lambda: there() < before_leaving)


async def test_pages(before: Front) -> None:
    """The widget comes through, and nothing tells which software brought it."""
    async with browser(before) as client:
        page = await client.get("/widget.js")
        assert page.status_code == 200
        assert page.headers.get("server", "nginx") == "nginx"
        assert "x-powered-by" not in page.headers
        refused = await client.get("/readyz")
        assert refused.status_code == 404


async def test_a_file(before: Front) -> None:
    """A visitor's file, far larger than a call may be, goes up and comes back."""
    octets = b"\x89PNG\r\n\x1a\n" + b"x" * 3_000_000
    async with browser(before) as client:
        token = (await ask(client, "hello", site=SITE))["token"]
        about = {"name": "a.png", "type": "image/png", "size": len(octets)}
        promised = await ask(client, "upload", token=token, **about)
        put = await client.put(urlsplit(promised["url"]).path, content=octets)
        assert put.status_code == 204
        said = {"id": "m1", "body": "", "attachment": promised["attachment"]}
        answer = await answer_to(client, "say", token=token, **said)
        assert "result" in answer, answer
        token = answer.get("token", token)
        (message,) = (await ask(client, "history", token=token))["messages"]
        got = await client.get(urlsplit(message["attachment"]["url"]).path)
        assert got.content == octets


def check_refusal(answer: httpx2.Response, reason: str) -> None:
    """It is a JSON-RPC error that any page may read."""
    error = answer.json()
    assert error["jsonrpc"] == "2.0"
    assert error["error"]["data"]["reason"] == reason
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_no_node(alone: Front) -> None:
    """It says so as a node that cannot answer does, and when to come again."""
    async with browser(alone) as client:
        for path in ("/rpc", "/rpc/events"):
            answer = await client.post(path, content=json.dumps(frame("hello", site=SITE)))
            assert answer.status_code == 503
            check_refusal(answer, "unavailable")
            after = answer.json()["error"]["data"]["retry_after"]
            assert answer.headers["retry-after"] == str(after)
            assert answer.headers["access-control-expose-headers"] == "Retry-After"


async def test_too_large(before: Front) -> None:
    """A call's body is refused at its head."""
    async with browser(before) as client:
        answer = await client.post("/rpc", content=b" " * 70_000)
        assert answer.status_code == 413
        check_refusal(answer, "too_long")


async def test_a_huge_head(before: Front) -> None:
    """It is refused, or cut before the client has sent all of it."""
    async with browser(before) as client:
        try:
            answer = await client.post("/rpc", headers={"X-Much": "x" * 40_000}, content=b"{}")
        except httpx2.TransportError:
            return
        assert answer.status_code == 400


async def cut_after(
    before: Front, beginning: bytes, every: float, rest: bytes, most: float
) -> float:
    """Sends the beginning, then an octet every so often; in how many seconds it was cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", before.port)
    began = time.monotonic()
    writer.write(beginning)

    async def drip() -> None:
        for octet in rest:
            await asyncio.sleep(every)
            writer.write(bytes([octet]))

    dripping = asyncio.create_task(drip())
    try:
        await asyncio.wait_for(reader.read(), most)
    except ConnectionError:
        pass
    finally:
        dripping.cancel()
        writer.close()
    return time.monotonic() - began


HEAD = b"POST /rpc HTTP/1.1\r\nHost: a\r\n"


async def test_a_slow_head(before: Front) -> None:
    """However steadily it drips, it is cut after 10 s."""
    lasted = await cut_after(before, HEAD, 0.5, b"X-Slow: " + b"x" * 100, 14)
    assert 8 < lasted < 13


@pytest.mark.long
async def test_a_slow_body(haproxy: Haproxy) -> None:
    """However steadily it drips, it is cut after 20 s."""
    head = HEAD + b"Content-Length: 1000\r\n\r\n"
    assert 18 < await cut_after(haproxy, head, 0.5, b" " * 100, 24) < 23


@pytest.mark.long
async def test_idle(before: Front) -> None:
    """A socket and a stream that nothing is said on are still there after 50 s."""
    before = before
    async with browser(before) as client:
        hello = await ask(client, "hello", site=SITE)
        place = {"token": hello["token"], "cursor": hello["cursor"]}
        socket = await WebSocket.open(before.port, ORIGIN)
        await socket.call("resume", **place)
        async with client.stream("POST", "/rpc/events", content=json.dumps(place)) as stream:
            lines = lines_of(stream)
            await asyncio.sleep(50)
            await ask(client, "say", token=place["token"], id="m1", body="Still here?")
            async for line in lines:
                if "Still here?" in line:
                    break
            assert (await socket.message())["body"] == "Still here?"
        socket.close()


async def test_a_forged_address(before: Front) -> None:
    """What a client says of itself does not make it somebody else, nor anybody else it."""

    async def refused(source: str, **headers: str) -> bool:
        async with browser(before, source) as client:
            body = json.dumps(frame("hello", site=SITE))
            return (await client.post("/rpc", content=body, headers=headers)).status_code == 429

    for number in range(NODES * 2 * NEW_VISITORS):
        if await refused(FORGED, **{"X-Forwarded-For": f"203.0.113.{number % 250}, {OTHER}"}):
            break
    else:
        pytest.fail("it is somebody else each time")
    assert not await refused(OTHER)
