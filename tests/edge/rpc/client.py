"""A browser's network side for tests: HTTP/1.1 and WebSocket over plain asyncio streams."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any, NamedTuple

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

PATIENCE = 10.0

_numbers = itertools.count(1)


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RpcError(Exception):
    """The error of a call."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error["data"]
        self.reason = error["data"]["reason"]


def frame(method: str, **params: Any) -> dict[str, Any]:
    """A call with a new id."""
    return {"jsonrpc": "2.0", "id": f"c{next(_numbers)}", "method": method, "params": params}


def result_of(response: dict[str, Any]) -> Any:
    """The result, or raises RpcError."""
    assert response["jsonrpc"] == "2.0"
    if "error" in response:
        raise RpcError(response["error"])
    return response["result"]


class Http:
    """Requests, each on a connection of its own."""

    def __init__(self, port: int, origin: str | None) -> None:
        self._port = port
        self.origin = origin

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self._port)

    async def raw(self, octets: bytes) -> Response:
        """Sends these octets and reads one response; of HEAD without a body."""
        reader, writer = await self.connect()
        try:
            writer.write(octets)
            response = read_response(reader, bodiless=octets.startswith(b"HEAD"))
            return await asyncio.wait_for(response, PATIENCE + 30)
        finally:
            writer.close()

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """Sends a request; in header names `_` stands for `-`."""
        fields = {"Host": "chat.test", "Content-Length": str(len(body))}
        if self.origin is not None:
            fields["Origin"] = self.origin
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return await self.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def post(self, body: Any, **headers: str) -> Response:
        """Posts JSON, or the octets given, to /rpc."""
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", "/rpc", octets, **headers)

    async def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole answer to a call."""
        response = await self.post(frame(method, **params))
        assert response.status == 200, response
        return dict(response.json)

    async def call(self, method: str, **params: Any) -> Any:
        """A call's result; raises RpcError. Of a poll without where the talk stands."""
        result = result_of(await self.answer(method, **params))
        if method == "poll":
            result["events"] = [one for one in result["events"] if one["type"] != "talk"]
        return result


async def read_response(reader: asyncio.StreamReader, bodiless: bool = False) -> Response:
    """One response with Content-Length, chunks, or no body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {
        name.lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:-2])
    }
    body = b""
    if bodiless:
        pass
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Response(status, headers, body)


class Closed(Exception):
    """The server closed the socket; `code` is None if it just dropped it."""

    def __init__(self, code: int | None) -> None:
        super().__init__(str(code))
        self.code = code


class WebSocket:
    """A client's socket. Events are kept in order until asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.events: list[dict[str, Any]] = []
        self.talks: list[dict[str, Any]] = []
        """The events that say where the talk stands, apart from the others."""
        self.answers: list[Any] = []
        self.pings = 0
        self.cursor = ""
        self._text = ""

    @classmethod
    async def open(cls, port: int, origin: str | None, source: str = "127.0.0.1") -> WebSocket:
        """A socket that is there; `source` is the client's own address."""
        local = (source, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=local)
        socket = cls(reader, writer)
        extra = [] if origin is None else [(b"Origin", origin.encode())]
        socket.send_event(Request(host="chat.test", target="/rpc", extra_headers=extra))
        try:
            event = await asyncio.wait_for(socket._next(), PATIENCE)
            assert isinstance(event, AcceptConnection), event
        except Exception:
            socket.close()
            raise
        return socket

    def send_event(self, event: Any) -> None:
        self.writer.write(self.protocol.send(event))

    def send(self, body: Any) -> None:
        """Sends JSON, or the text given."""
        self.send_event(TextMessage(body if isinstance(body, str) else json.dumps(body)))

    async def answer(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole answer to a call; events that come first are kept."""
        self.send(frame(method, **params))
        return dict(await self.next_answer())

    async def call(self, method: str, **params: Any) -> Any:
        """A call's result; raises RpcError."""
        result = result_of(await self.answer(method, **params))
        if method == "hello":
            self.cursor = result["cursor"]
        return result

    async def next_answer(self) -> Any:
        while not self.answers:
            await self._take()
        return self.answers.pop(0)

    async def event(self) -> dict[str, Any]:
        """The next event's params."""
        while not self.events:
            await self._take()
        event = self.events.pop(0)
        self.cursor = event["cursor"]
        return event

    async def message(self) -> dict[str, Any]:
        """The next event's message."""
        event = await self.event()
        assert event["type"] == "message", event
        return dict(event["data"]["message"])

    async def closed(self) -> int | None:
        """Reads until the server closes; gives the code, None if it just dropped the socket."""
        try:
            while True:
                await self._take()
        except Closed as closed:
            return closed.code

    async def quiet(self) -> list[dict[str, Any]]:
        """The events that have come, once a ping of ours has been answered after them."""
        await self.call("ping")
        events, self.events = self.events, []
        return events

    def close(self) -> None:
        self.writer.close()

    async def _take(self) -> None:
        event = await asyncio.wait_for(self._next(), PATIENCE)
        match event:
            case TextMessage():
                self._text += event.data
                if event.message_finished:
                    found = json.loads(self._text)
                    self._text = ""
                    if isinstance(found, dict) and "method" in found:
                        assert found["method"] == "event"
                        talk = found["params"]["type"] == "talk"
                        (self.talks if talk else self.events).append(found["params"])
                    else:
                        self.answers.append(found)
            case CloseConnection():
                raise Closed(int(event.code))
            case Ping():
                self.pings += 1
            case Pong():
                pass
            case _:
                raise AssertionError(event)

    async def _next(self) -> Any:
        while True:
            for event in self.protocol.events():
                return event
            try:
                data = await self.reader.read(65536)
            except ConnectionError:
                raise Closed(None) from None
            if not data:
                raise Closed(None)
            self.protocol.receive_data(data)


class EventSource:
    """A client of server-sent events, read line by line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.headers: dict[str, str] = {}
        self.comments: list[str] = []
        self.retry = 0
        """Milliseconds."""
        self.cursor = ""

    @classmethod
    async def open(cls, http: Http, **params: Any) -> EventSource:
        """Begins a stream that is expected to be granted; its first comment has come."""
        source = cls(*await http.connect())
        body = json.dumps(params).encode()
        origin = f"Origin: {http.origin}\r\n" if http.origin is not None else ""
        source.writer.write(
            f"POST /rpc/events HTTP/1.1\r\nHost: chat.test\r\n{origin}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await asyncio.wait_for(read_response(source.reader), PATIENCE)
        assert head.status == 200, head
        source.headers = head.headers
        assert await source._event() is None
        return source

    async def any_event(self) -> dict[str, Any]:
        """The next event; `id` is in `cursor`. Raises Closed at the end."""
        while True:
            event = await asyncio.wait_for(self._event(), PATIENCE)
            if event is not None:
                return event

    async def event(self) -> dict[str, Any]:
        """The next event but those that say how desk and talk are."""
        while (event := await self.any_event())["type"] in ("desk", "talk"):
            pass
        return event

    async def message(self) -> dict[str, Any]:
        """The next event's message."""
        event = await self.event()
        assert event["type"] == "message", event
        return dict(event["data"]["message"])

    async def closed(self) -> None:
        """Reads until the server ends the stream."""
        try:
            while True:
                await self.any_event()
        except Closed:
            return

    def close(self) -> None:
        self.writer.close()

    async def _event(self) -> dict[str, Any] | None:
        """The lines up to an empty one; None if there was no event among them."""
        event: dict[str, Any] = {}
        while True:
            try:
                line = (await self.reader.readuntil(b"\n")).decode().removesuffix("\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                raise Closed(None) from None
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not line:
                if event:
                    self.cursor = event["cursor"]
                return event or None
            match name:
                case "":
                    self.comments.append(value)
                case "retry":
                    self.retry = int(value)
                case "id":
                    event["cursor"] = value
                case "event":
                    event["type"] = value
                case "data":
                    event["data"] = json.loads(value)
                case _:
                    raise AssertionError(line)


__all__ = [
    "BytesMessage",
    "Closed",
    "EventSource",
    "Http",
    "Pong",
    "RejectConnection",
    "Response",
    "RpcError",
    "WebSocket",
    "frame",
    "result_of",
]
