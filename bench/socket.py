"""A visitor's WebSocket, as small as a measuring instrument should be (RFC 6455)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket as sockets
import struct
from collections.abc import Mapping
from typing import Any

SITE = "bench"
PAGE = {"url": "https://bench.example/", "title": "Bench", "referrer": "", "visible": True}


class Socket:
    """Speaks JSON-RPC over text frames; pings are answered while it is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next_id = 0

    @classmethod
    async def open(cls, port: int, receive_buffer: int = 0, source: str = "") -> Socket:
        """Connects and upgrades; the system keeps `receive_buffer` bytes unread, 0: its own choice.

        `source` is the address to come from, one of 127.0.0.0/8. Raises OSError.
        """
        connection = await upgraded(port, receive_buffer=receive_buffer, source=source)
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        return cls(reader, writer)

    def call(self, method: str, **params: object) -> int:
        """Sends a call; its id."""
        self._next_id += 1
        frame = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self._write(0x1, json.dumps(frame).encode())
        return self._next_id

    async def read(self) -> dict[str, Any]:
        """The next answer or event."""
        while True:
            head = await self._reader.readexactly(2)
            length = head[1] & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", await self._reader.readexactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
            payload = await self._reader.readexactly(length)
            opcode = head[0] & 0xF
            if opcode == 0x9:
                self._write(0xA, payload)
            elif opcode == 0x8:
                raise ConnectionError(f"closed: {payload!r}")
            elif opcode == 0x1:
                found: dict[str, Any] = json.loads(payload)
                return found

    async def hello(
        self, site: str = SITE, page: Mapping[str, object] = PAGE, token: str = ""
    ) -> dict[str, Any]:
        """Says hello; the result. Raises ConnectionError if it is refused."""
        known = {"token": token} if token else {}
        return await self.result("hello", site=site, page=page, **known)

    async def result(self, method: str, **params: object) -> dict[str, Any]:
        """Calls while no event is due; the result. Raises ConnectionError if it is refused."""
        id = self.call(method, **params)
        while True:
            answer = await self.read()
            if answer.get("id") == id:
                if "error" in answer:
                    raise ConnectionError(str(answer["error"]))
                result: dict[str, Any] = answer["result"]
                return result

    async def swallow(self) -> None:
        """Reads to the end and looks at nothing; pings are not answered."""
        while await self._reader.read(65536):
            pass

    def close(self) -> None:
        """Drops the connection."""
        self._writer.close()

    def _write(self, opcode: int, payload: bytes) -> None:
        self._writer.write(masked(opcode, payload))


async def upgraded(
    port: int,
    path: str = "/rpc",
    *,
    host: str = "127.0.0.1",
    protocol: str = "",
    receive_buffer: int = 0,
    source: str = "",
) -> sockets.socket:
    """A connection on which frames may be sent; the options are those of `Socket.open`.

    `host` and `protocol` are what the server is told. Raises OSError.
    """
    loop = asyncio.get_running_loop()
    connection = sockets.socket()
    connection.setblocking(False)
    if receive_buffer:
        connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    try:
        if source:
            connection.bind((source, 0))
        await loop.sock_connect(connection, ("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        spoken = f"Sec-WebSocket-Protocol: {protocol}\r\n" if protocol else ""
        await loop.sock_sendall(
            connection,
            (
                f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
                f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n{spoken}"
                f"Sec-WebSocket-Key: {key}\r\n\r\n"
            ).encode(),
        )
        # The client speaks first on both servers: nothing follows the head.
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = await loop.sock_recv(connection, 4096)
            if not more:
                break
            head += more
        if b" 101 " not in head:
            raise ConnectionError(head.decode(errors="replace"))
    except OSError:
        connection.close()
        raise
    return connection


def masked(opcode: int, payload: bytes) -> bytes:
    """A whole frame as a client sends it, of at most 65,535 bytes (RFC 6455 §5.2)."""
    mask = os.urandom(4)
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + hidden.to_bytes(len(payload), "big")
