"""An admin listener that says of a node what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

WELL: dict[str, Any] = {"ready": True, "store": "ok"}
UNWELL: dict[str, Any] = {"ready": False, "store": "cannot be written"}


class Gate:
    """What `/readyz` tells is `parts`; None: nobody answers, and connections are still taken."""

    def __init__(self) -> None:
        self.port = 0
        self.parts: dict[str, Any] | None = WELL

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            if self.parts is None:
                await reader.read()
            else:
                body = json.dumps(self.parts).encode()
                status = "200 OK" if self.parts["ready"] else "503 Service Unavailable"
                head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def gate() -> AsyncIterator[Gate]:
    """A gate, for as long as the block."""
    made = Gate()
    async with await asyncio.start_server(made.answer, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
