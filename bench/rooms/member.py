"""A room's member over WebSocket who looks at lines as little as can be (RFC 6455)."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from ..socket import masked
from .tally import Tally

MARK = b"~#"
"""A line's number follows it, in DIGITS digits."""
DIGITS = 6
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
_PATIENCE = 60.0
_LETTERS = str.maketrans("0123456789", "bcdfghjklm")

_clock = time.perf_counter


def body(number: int) -> str:
    """A line as a guest may write one, with its number; no two are the same in their letters.

    The same text from several newcomers is what a flood of bots looks like.
    """
    word = f"{number:0{DIGITS}d}".translate(_LETTERS)
    return f"{MARK.decode()}{number:0{DIGITS}d} Does the {word} come in red, and may I have it?"


def number_of(text: str) -> int:
    """That of such a line."""
    start = text.index(MARK.decode()) + len(MARK)
    return int(text[start : start + DIGITS])


class Member(asyncio.Protocol):
    """Counts marked lines in its tally; other messages are looked at where one is awaited."""

    def __init__(self, number: int, refusals: list[str], refusal: bytes) -> None:
        """`refusals` is where every message goes that has `refusal` in it."""
        self.number = number
        self.tally: Tally | None = None
        self._refusals = refusals
        self._refusal = refusal
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None
        self._mark = b""
        self._awaited: asyncio.Future[bytes] | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by class.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed:
            self._refusals.append(f"member {self.number} was dropped: {exc}")

    def data_received(self, data: bytes) -> None:
        """Cuts frames; they are not masked, and neither server parts messages."""
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while at + 2 <= size:
            length = data[at + 1]
            start = at + 2
            if length >= 126:
                start += 2 if length == 126 else 8
                if start > size:
                    break
                length = int.from_bytes(data[at + 2 : start], "big")
            end = start + length
            if end > size:
                break
            if data[at] == 0x80 | TEXT:
                found = data.find(MARK, start, end)
                if found >= 0 and self.tally is not None:
                    digits = data[found + 2 : found + 2 + DIGITS]
                    self.tally.receive(self.number, int(digits), _clock())
                else:
                    self._other(data[start:end])
            elif data[at] == 0x80 | PING:
                self._write(PONG, data[start:end])
            else:
                self._refusals.append(f"member {self.number}: {data[at:end]!r}")
            at = end
        self._rest = data[at:]

    def send(self, text: str) -> None:
        """One message."""
        self._write(TEXT, text.encode())

    async def ask(self, text: str, mark: bytes) -> bytes:
        """Sends a message; gives the next that has the mark. Raises TimeoutError."""
        self._mark = mark
        self._awaited = asyncio.get_running_loop().create_future()
        self.send(text)
        async with asyncio.timeout(_PATIENCE):
            return await self._awaited

    def close(self) -> None:
        """Drops the connection."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _other(self, payload: bytes) -> None:
        if self._refusal in payload:
            self._refusals.append(f"member {self.number}: {payload.decode()}")
        if self._awaited is not None and not self._awaited.done() and self._mark in payload:
            self._awaited.set_result(payload)

    def _write(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(masked(opcode, payload))
