"""Calls by POST over connections that are kept, as a front keeps them towards its web nodes."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Post:
    """As many connections as calls are under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Connection] = []
        self._ids = itertools.count(1)

    async def result(self, method: str, **params: object) -> dict[str, Any]:
        """Calls; the result. Raises ConnectionError if it is refused."""
        return _result(await self._sent(self._call(method, params)))

    async def results(self, *calls: tuple[str, dict[str, object]]) -> list[dict[str, Any]]:
        """Makes the calls in one request; all results. Raises ConnectionError if one is refused."""
        answers = await self._sent([self._call(*one) for one in calls])
        if isinstance(answers, dict):
            raise ConnectionError(str(answers))  # the request as a whole was refused
        return [_result(answer) for answer in answers]

    def _call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    async def _sent(self, frame: object) -> Any:
        body = json.dumps(frame).encode()
        while self._free:
            try:
                return await self._exchange(self._free.pop(), body)
            except (asyncio.IncompleteReadError, ConnectionResetError, BrokenPipeError):
                continue  # the server had closed it in the meantime
        opened = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._exchange(opened, body)

    async def _exchange(self, connection: Connection, body: bytes) -> Any:
        reader, writer = connection
        try:
            writer.write(
                f"POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            answer = json.loads(await reader.readexactly(_length(head)))
        except BaseException:
            writer.close()
            raise
        self._free.append(connection)
        return answer

    def close(self) -> None:
        """Drops the connections that are free."""
        for _, writer in self._free:
            writer.close()
        self._free.clear()


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise ConnectionError(str(answer["error"]))
    result: dict[str, Any] = answer["result"]
    return result


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ConnectionError(head.decode())
