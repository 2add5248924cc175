"""As much of HTTP/1.1 (RFC 9112) as a widget's calls and its event stream need."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

CALL_SECONDS = 10.0
"""Within this an answer has come, or the call counts as lost."""
SILENCE_SECONDS = 50.0
"""A stream says something every 45 s; one that does not is dead."""


class Broken(Exception):
    """The connection, or the answer, was lost: what was asked may or may not have been done."""


class Refused(Exception):
    """The server answered by an error; `reason` and `retry_after` (seconds) as it said."""

    def __init__(self, reason: str, retry_after: float, said: str) -> None:
        super().__init__(f"{reason}: {said}")
        self.reason = reason
        self.retry_after = retry_after


class Http:
    """One kept-alive connection to 127.0.0.1, made anew whenever it is gone.

    `source`: the address that it comes from; None: any.
    """

    def __init__(self, port: int, source: str | None = None) -> None:
        self._port = port
        self._source = source
        self._turn = asyncio.Lock()
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._number = 0

    async def call(
        self, method: str, params: dict[str, object], seconds: float = CALL_SECONDS
    ) -> dict[str, Any]:
        """One call's whole answer, token and all. Raises Broken, Refused."""
        async with self._turn:
            self._number += 1
            frame = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
            try:
                async with asyncio.timeout(seconds):
                    reader = await self._post("/rpc", frame)
                    status, headers = await _head(reader)
                    body = b"".join([piece async for piece in _body(reader, headers)])
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                self.close()
                raise Broken(repr(error)) from error
            except asyncio.CancelledError:
                self.close()
                raise
            if "close" in headers.get("connection", ""):
                self.close()
        return _result_of(status, body)

    async def events(self, token: str, cursor: str) -> AsyncIterator[tuple[str, str, Any]]:
        """`(cursor, type, data)` as they come. Raises Broken when it ends, Refused."""
        frame: dict[str, object] = {"token": token, "cursor": cursor}
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reader = await self._post("/rpc/events", frame)
                status, headers = await _head(reader)
            if status != 200 or "event-stream" not in headers.get("content-type", ""):
                async with asyncio.timeout(CALL_SECONDS):
                    refusal = b"".join([piece async for piece in _body(reader, headers)])
                _result_of(status, refusal)
                raise Broken(f"{status} for a stream")
            async for event in _parsed(_body(reader, headers)):
                yield event
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            raise Broken(repr(error)) from error
        finally:
            self.close()
        raise Broken("the stream has ended")

    def close(self) -> None:
        """Drops the connection; the next call makes another."""
        if self._open is not None:
            self._open[1].transport.abort()
            self._open = None

    async def _post(self, path: str, frame: dict[str, object]) -> asyncio.StreamReader:
        if self._open is None or self._open[0].at_eof():
            self.close()
            self._open = await connect(self._port, self._source)
        reader, writer = self._open
        body = json.dumps(frame).encode()
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        return reader


async def connect(
    port: int, source: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to 127.0.0.1 from that address. Raises OSError."""
    address = None if source is None else (source, 0)
    return await asyncio.open_connection("127.0.0.1", port, local_addr=address)


def checked(answer: Any, status: int = 200) -> dict[str, Any]:
    """A JSON-RPC answer. Raises Refused if it is an error, Broken if it is none."""
    if isinstance(answer, dict) and isinstance(error := answer.get("error"), dict):
        data = error.get("data", {})
        raise Refused(data.get("reason", ""), data.get("retry_after", 0), error["message"])
    if status != 200 or not isinstance(answer, dict) or "result" not in answer:
        raise Broken(f"{status}: {answer!r}"[:300])
    return answer


def _result_of(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise Broken(f"{status}: {body[:200]!r}") from error
    return checked(answer, status)


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip().lower()
    return int(lines[0].split()[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding") == "chunked":
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                size = int(await reader.readuntil(b"\r\n"), 16)
                piece = await reader.readexactly(size + 2)
            if not size:
                return
            yield piece[:-2]
    elif "content-length" in headers:
        yield await reader.readexactly(int(headers["content-length"]))
    else:
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                piece = await reader.read(65536)
            if not piece:
                return
            yield piece


async def _parsed(pieces: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, str, Any]]:
    """Events of a `text/event-stream`; what has no blank line behind it is none."""
    rest = b""
    async with contextlib.aclosing(pieces) as source:  # type: ignore[type-var]
        async for piece in source:
            *whole, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
            for block in whole:
                fields = {"id": "", "event": "message", "data": ""}
                for line in block.decode().split("\n"):
                    name, colon, value = line.partition(":")
                    if name and colon:
                        fields[name] = value.removeprefix(" ")
                if fields["data"]:
                    yield fields["id"], fields["event"], json.loads(fields["data"])
