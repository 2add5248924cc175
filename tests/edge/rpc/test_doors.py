"""Who is let in, and what is refused before it costs anything."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.edge.rpc.client import RpcError, frame, read_response
from tests.edge.rpc.conftest import ACME, ORIGIN, OTHER_ORIGIN, World, eventually


@pytest.mark.parametrize("origin", [OTHER_ORIGIN, "null", "https://shop.test:444", "nonsense"])
async def test_wrong_origin_by_post(world: World, origin: str) -> None:
    """`hello` and every call with a token are refused with 403 and an error as the body."""
    token = (await world.http().call("hello", site="acme"))["token"]
    for call in (frame("hello", site="acme"), frame("say", token=token, id="m", body="x")):
        response = await world.http(origin).post(call)
        assert response.status == 403
        assert response.json["id"] == call["id"]
        assert response.json["error"]["data"]["reason"] == "forbidden"
    assert len(world.attendance) == 1


@pytest.mark.parametrize("method", ["hello", "resume"])
async def test_wrong_origin_on_a_socket(world: World, method: str) -> None:
    """The error is answered, then the socket is closed with 4403."""
    _, hello = await world.visitor()
    socket = await world.socket("https://evil.test")
    params = {"site": "acme"} if method == "hello" else {"cursor": hello["cursor"]}
    with pytest.raises(RpcError) as raised:
        await socket.call(method, token=hello["token"], **params)
    assert raised.value.reason == "forbidden"
    assert await socket.closed() == 4403


async def test_no_origin_is_served(world: World) -> None:
    """A request without Origin comes from no page."""
    assert (await world.http(None).call("hello", site="acme"))["desk"]["state"] == "offline"
    socket = await world.socket(None)
    assert (await socket.call("hello", site="acme"))["desk"]["state"] == "offline"


async def test_cross_origin_headers(world: World) -> None:
    """A site's page may read the answers; any other may not."""
    allowed = await world.http().post(frame("ping"))
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert allowed.headers["vary"] == "Origin"
    other = await world.http("https://evil.test").post(frame("ping"))
    assert "access-control-allow-origin" not in other.headers
    preflight = await world.http().request("OPTIONS", "/rpc", Access_Control_Request_Method="POST")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in preflight.headers["access-control-allow-methods"]
    refused = await world.http("https://evil.test").request("OPTIONS", "/rpc")
    assert refused.status == 403


async def test_an_origin_added_later_is_known(world: World) -> None:
    """A change of the site's settings holds after the next refresh."""
    settings = msgspec.structs.replace(ACME.settings, origins=("https://new.test",))
    await world.store.save_site(msgspec.structs.replace(ACME, settings=settings))
    await world.directory.refresh()
    assert await world.http("https://new.test").call("hello", site="acme")


async def test_too_large_at_the_head(world: World) -> None:
    """A large Content-Length is refused before any of the body is there."""
    for length in (65_537, 99_999_999_999):
        response = await world.http().raw(
            b"POST /rpc HTTP/1.1\r\nHost: x\r\nOrigin: %s\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % (ORIGIN.encode(), length)
        )
        assert response.status == 413
        assert response.json["error"]["data"]["reason"] == "too_long"
        assert response.headers["connection"] == "close"
        assert response.headers["access-control-allow-origin"] == ORIGIN


async def test_too_large_is_told_to_who_sends_on(world: World) -> None:
    """The refusal reaches a client that has the whole body on its way."""
    response = await world.http().post(b"x" * 3_000_000)
    assert response.status == 413


async def test_too_large_in_chunks(world: World) -> None:
    """Chunks are counted."""
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    response = await world.http().raw(
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 5
    )
    assert response.status == 413


async def test_chunks_that_fit(world: World) -> None:
    """A chunked call is a call."""
    body = json.dumps(frame("ping")).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
    response = await world.http().raw(
        b"POST /rpc HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n\r\n"
    )
    assert response.json["result"] == {}


async def test_the_largest_that_fits(world: World) -> None:
    """A body of exactly the limit is taken."""
    body = json.dumps(frame("ping")).encode()
    response = await world.http().post(body + b" " * (65_536 - len(body)))
    assert response.json["result"] == {}


async def test_connection_is_kept(world: World) -> None:
    """Several calls, pipelined too, go over one connection, in order."""
    reader, writer = await world.http().connect()
    body = json.dumps(frame("ping")).encode()
    call = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    writer.write(call + call)
    for _ in range(2):
        assert (await read_response(reader)).json["result"] == {}
    writer.close()


async def test_too_many_new_visitors(idle_world: World) -> None:
    """From one address: 429 with Retry-After by POST, an error on a socket; others still come."""
    world = idle_world
    await world.start(new_visitors_per_minute=3, trusted_proxies=("127.0.0.1",))
    http = world.http()
    tokens = [
        (await http.post(frame("hello", site="acme"), X_Forwarded_For="192.0.2.1")).json["result"][
            "token"
        ]
        for _ in range(3)
    ]
    response = await http.post(frame("hello", site="acme"), X_Forwarded_For="192.0.2.1")
    assert response.status == 429
    assert int(response.headers["retry-after"]) >= 20
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.json["error"]["data"]["reason"] == "rate_limited"
    assert response.json["error"]["data"]["retry_after"] >= 20

    known = await http.post(
        frame("hello", site="acme", token=tokens[0]), X_Forwarded_For="192.0.2.1"
    )
    assert known.status == 200
    other = await http.post(frame("hello", site="acme"), X_Forwarded_For="9.9.9.9, 192.0.2.2")
    assert other.status == 200
    world.clock.advance(60)
    again = await http.post(frame("hello", site="acme"), X_Forwarded_For="192.0.2.1")
    assert again.status == 200


async def test_too_many_new_visitors_on_a_socket(idle_world: World) -> None:
    """The error says when to come again; the socket stays."""
    await idle_world.start(new_visitors_per_minute=1)
    socket = await idle_world.socket()
    await socket.call("hello", site="acme")
    with pytest.raises(RpcError) as raised:
        await socket.call("hello", site="acme")
    assert raised.value.data["retry_after"] >= 60
    assert await socket.call("ping") == {}


async def test_too_many_messages(idle_world: World) -> None:
    """More messages than allowed are an error of the call, by POST too, until time has passed."""
    await idle_world.start(messages_per_minute=2)
    http = idle_world.http()
    token = (await http.call("hello", site="acme"))["token"]
    for number in range(2):
        await http.call("say", token=token, id=f"m{number}", body="x")
    with pytest.raises(RpcError) as raised:
        await http.call("say", token=token, id="m2", body="x")
    assert raised.value.data == {"reason": "rate_limited", "retry_after": 30}
    idle_world.clock.advance(30)
    await http.call("say", token=token, id="m2", body="x")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"id": "m", "body": "x" * 4001}, "too_long"),
        ({"id": "m", "body": " \u0000\ufffe "}, "invalid"),
        ({"id": "", "body": "x"}, "invalid"),
        ({"id": "m" * 65, "body": "x"}, "invalid"),
        ({"id": 5, "body": "x"}, "invalid"),
        ({"id": "m"}, "invalid"),
        ({"id": "m", "body": "x", "reply_to": -1}, "invalid"),
        ({"id": "m", "body": "x", "reply_to": 2**70}, "invalid"),
        ({"id": "m", "body": ["x"]}, "invalid"),
    ],
)
async def test_bad_messages(world: World, params: dict[str, object], reason: str) -> None:
    """What cannot be a message is refused with a reason, and nothing is stored."""
    socket, _ = await world.visitor()
    world.forget_statements()
    with pytest.raises(RpcError) as raised:
        await socket.call("say", **params)
    assert raised.value.reason == reason
    assert world.statements == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"say","params":{"body":"\\ud800"}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"say","params":{"body":"\xed\xa0\x80"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"poll","params":{"cursor":"","wait":NaN}}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"poll","params":{"cursor":"","wait":1e999}}', -32602),
        (b'{"jsonrpc":"2.0","id":%s,"method":"ping"}' % (b"9" * 5000), -32600),
        (b"[" * 60_000, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 10_000, -32700),
        (b"[]", -32600),
        (b"5", -32600),
        (b"[" + b"1," * 50 + b"1]", -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"nonsense"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"resume","params":{}}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"hello","params":[]}', -32602),
        (b'{"id":1,"method":"ping"}', -32600),
    ],
)
async def test_garbage(world: World, body: bytes, code: int) -> None:
    """A clean error with `reason` `invalid` and HTTP 200; the socket goes on after it."""
    response = await world.http().post(body)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json["error"]["code"] == code
    assert response.json["error"]["data"] == {"reason": "invalid"}
    if body.isascii():
        socket, _ = await world.visitor()
        socket.send(body.decode())
        answer = await socket.next_answer()
        expected = -32602 if b"resume" in body else code
        assert answer["error"]["code"] == expected
        assert await socket.call("ping") == {}


async def test_unknown_site(world: World) -> None:
    """A site that is not here is an error of the call."""
    with pytest.raises(RpcError) as raised:
        await world.http().call("hello", site="nowhere")
    assert raised.value.reason == "unknown_site"


async def test_pages(world: World) -> None:
    """Health, a small 404, and no page that names our software."""
    http = world.http(None)
    health = await http.request("GET", "/healthz")
    assert (health.status, health.body) == (200, b"ok")
    for path in ("/", "/nothing", "/widget/", "/widget/none.js", "/rpc/nothing", "/%00"):
        missing = await http.request("GET", path)
        assert missing.status == 404
        assert len(missing.body) < 100
        assert "server" not in missing.headers
    wrong = await http.request("GET", "/rpc")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST, GET, OPTIONS")
    assert (await http.request("HEAD", "/healthz")).status == 200


async def test_too_many_pages(world: World) -> None:
    """A visitor's hundredth page is the last; one that goes makes room."""
    first, hello = await world.visitor()
    token = hello["token"]
    for _ in range(99):
        last = await world.socket()
        await last.call("hello", site="acme", token=token)
    refused = await world.socket()
    with pytest.raises(RpcError) as raised:
        await refused.call("hello", site="acme", token=token)
    assert raised.value.data == {"reason": "rate_limited", "retry_after": 30}
    first.close()
    await eventually(lambda: world.edge.sockets == 100)
    await refused.call("hello", site="acme", token=token)


async def test_no_size_limit(idle_world: World) -> None:
    """0 is no limit, by POST and on a socket."""
    await idle_world.start(request_bytes=0)
    body = json.dumps(frame("ping")) + " " * 200_000
    assert (await idle_world.http().post(body.encode())).json["result"] == {}
    socket, _ = await idle_world.visitor()
    socket.send(body)
    assert (await socket.next_answer())["result"] == {}
