"""The three transports as the widget uses them: WebSocket, event stream, long poll."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Any

from bench.socket import Socket
from tests.chaos.http import CALL_SECONDS, SILENCE_SECONDS, Broken, Http, checked, connect
from tests.chaos.visitor import Visitor, Way

POLL_SECONDS = 20.0


class OverSocket:
    """Calls and events on one WebSocket."""

    name = "socket"

    def __init__(self, port: int, source: str | None = None) -> None:
        self._port = port
        self._source = source
        self._socket: Socket | None = None
        self._open = asyncio.Event()
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def attend(self, visitor: Visitor) -> None:
        socket: Socket | None = None
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reader, writer = await connect(self._port, self._source)
                socket = Socket(reader, writer)
                await _upgrade(reader, writer)
                await self._begin(socket, visitor)
            self._socket = socket
            self._open.set()
            while visitor.cursor:
                async with asyncio.timeout(SILENCE_SECONDS):
                    self._take(visitor, await socket.read())
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise Broken(repr(error)) from error
        finally:
            self.close()
            if socket is not None:
                socket.close()

    async def _begin(self, socket: Socket, visitor: Visitor) -> None:
        """`hello` or `resume`; events that come before its answer are none of this stream's."""
        if visitor.cursor:
            id = socket.call("resume", token=visitor.token, cursor=visitor.cursor)
        else:
            id = socket.call("hello", **visitor.hello_params())
        answer = await socket.read()
        while answer.get("id") != id:
            answer = await socket.read()
        found = checked(answer)
        if not visitor.cursor:
            await visitor.welcomed(found["result"])
        else:
            visitor.take("", "desk", found["result"]["desk"])
        visitor.took_token(found)

    def _take(self, visitor: Visitor, frame: dict[str, Any]) -> None:
        if frame.get("method") == "event":
            params = frame["params"]
            visitor.take(params["cursor"], params["type"], params["data"])
        elif (waiting := self._pending.pop(frame["id"], None)) is not None and not waiting.done():
            waiting.set_result(frame)

    async def call(
        self, visitor: Visitor, method: str, params: dict[str, object]
    ) -> dict[str, Any]:
        await self._open.wait()
        assert self._socket is not None
        id = self._socket.call(method, **params)
        waiting = self._pending[id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                found = checked(await waiting)
        except TimeoutError as error:
            self.close()
            raise Broken("no answer") from error
        finally:
            self._pending.pop(id, None)
        visitor.took_token(found)
        return found

    def close(self) -> None:
        self._open.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(Broken("the socket was lost"))


class _ByPost:
    """Calls by `POST /rpc`, on a connection of their own."""

    def __init__(self, port: int, source: str | None = None) -> None:
        self._listening = Http(port, source)

    async def call(
        self, visitor: Visitor, method: str, params: dict[str, object]
    ) -> dict[str, Any]:
        while not visitor.token:
            await asyncio.sleep(0.05)
        found = await visitor.calls.call(method, {"token": visitor.token, **params})
        visitor.took_token(found)
        return found

    async def _hello(self, visitor: Visitor) -> None:
        found = await self._listening.call("hello", visitor.hello_params())
        await visitor.welcomed(found["result"])

    def close(self) -> None:
        self._listening.close()


class OverPoll(_ByPost):
    """Events by long polls."""

    name = "poll"

    async def attend(self, visitor: Visitor) -> None:
        try:
            if not visitor.cursor:
                await self._hello(visitor)
            while visitor.cursor:
                params: dict[str, object] = {
                    "token": visitor.token,
                    "cursor": visitor.cursor,
                    "wait": POLL_SECONDS,
                }
                found = await self._listening.call("poll", params, POLL_SECONDS + CALL_SECONDS)
                visitor.took_token(found)
                for event in found["result"]["events"]:
                    visitor.take("", event["type"], event["data"])
                if visitor.cursor:
                    visitor.cursor = found["result"]["cursor"]
        finally:
            self.close()


class OverStream(_ByPost):
    """Events by `POST /rpc/events`."""

    name = "stream"

    async def attend(self, visitor: Visitor) -> None:
        if not visitor.cursor:
            await self._hello(visitor)
        events = self._listening.events(visitor.token, visitor.cursor)
        try:
            async for cursor, type, data in events:
                visitor.take(cursor, type, data)
                if not visitor.cursor:
                    return
        finally:
            await events.aclose()  # type: ignore[attr-defined]


WAYS: tuple[Callable[..., Way], ...] = (OverSocket, OverPoll, OverStream)


async def _upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RFC 6455 §4.1; what is framed afterwards is the Socket's."""
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        (
            "GET /rpc HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 101 " not in head:
        raise Broken(head.decode("latin-1"))
