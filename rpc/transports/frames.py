"""WebSocket frames (RFC 6455 §5): the ones we send, and the size of the ones that come.

Twisted's server buffers a message without limit; so its size is known here before it sees it.
"""

from __future__ import annotations

import struct
from typing import Any

PING = b"\x89\x00"

_FIN = 0x80
_OPCODE = 0x0F
_CONTROL = 0x08
_TEXT = b"\x81"
_CLOSE = 0x88
_MASKED = 4


def text(payload: bytes) -> bytes:
    """A text message from a server."""
    size = len(payload)
    if size < 126:
        return _TEXT + size.to_bytes(1) + payload
    if size < 65536:
        return _TEXT + b"\x7e" + size.to_bytes(2) + payload
    return _TEXT + b"\x7f" + size.to_bytes(8) + payload


def write(transport: Any, data: bytes) -> None:
    """Sends at once what the system takes; the rest waits in the transport's buffer.

    `transport.write` alone would wait for the reactor to find the socket writable: two changes
    of its selector and a turn of the loop, a tenth of all that a message costs.
    """
    # Asked of the class: a TLS transport passes every other name on to the one below it.
    direct = hasattr(type(transport), "writeSomeData")
    if not direct or transport.dataBuffer or transport._tempDataBuffer:
        transport.write(data)
        return
    sent = transport.writeSomeData(data)
    if not isinstance(sent, int):
        sent = 0  # the connection is lost, which write() finds out by itself
    if sent < len(data):
        transport.write(data[sent:])


def forget(transport: Any) -> None:
    """Lets go of what a lost connection had still to send: cycles may keep the transport."""
    if hasattr(type(transport), "writeSomeData"):
        transport.dataBuffer = b""
        transport._tempDataBuffer = []


def close(code: int, reason: str) -> bytes:
    """A closing frame; `reason` is a short ASCII sentence."""
    payload = struct.pack("!H", code) + reason.encode("ascii")[:123]
    return bytes((_CLOSE, len(payload))) + payload


class Meter:
    """Counts the octets of a client's message, with the heads of its fragments after the first."""

    __slots__ = ("_fresh", "_head", "_limit", "_message", "_skip")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._message = 0
        self._skip = 0
        self._head = b""
        self._fresh = True

    def feed(self, data: bytes) -> bool:
        """False as soon as a message is, or says that it will be, larger than the limit.

        What it does not understand it lets pass: the protocol's own parser refuses it.
        """
        size = len(data)
        at = 0
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
                at += step
                continue
            want = _header_size(self._head)
            take = data[at : at + want - len(self._head)]
            self._head += take
            at += len(take)
            if len(self._head) == _header_size(self._head) and not self._header():
                return False
        self._fresh = not (self._skip or self._head or self._message)
        return True

    def whole(self, data: bytes) -> list[str] | None:
        """The texts, if `data` is nothing but whole, unfragmented messages: nearly all there is.

        Whatever is fragmented, cut, too large or wrong is None, and is to be fed instead.
        """
        if not self._fresh:
            return None
        texts = []
        at = 0
        while at < len(data):
            head, size = _text_frame(data, at)
            at += head
            if not head or at + size > len(data) or size > self._limit:
                return None
            mask = (data[at - _MASKED : at] * (size // _MASKED + 1))[:size]
            clear = int.from_bytes(data[at : at + size]) ^ int.from_bytes(mask)
            at += size
            try:
                texts.append(clear.to_bytes(size).decode())
            except UnicodeDecodeError:
                return None
        return texts

    def _header(self) -> bool:
        head, self._head = self._head, b""
        length = head[1] & 0x7F
        if length == 126:
            length = int.from_bytes(head[2:4])
        elif length == 127:
            length = int.from_bytes(head[2:10])
        self._skip = length
        if head[0] & _CONTROL:
            return True
        if head[0] & _OPCODE:
            self._message = length
        else:
            self._message += len(head) + length
        if self._message > self._limit:
            return False
        if head[0] & _FIN:
            self._message = 0
        return True


def _text_frame(data: bytes, at: int) -> tuple[int, int]:
    """The sizes of head and payload of the masked, final text frame that begins there, else 0."""
    if len(data) < at + 2 + _MASKED or data[at] != 0x81:
        return 0, 0
    size = data[at + 1] - 0x80
    if 0 <= size < 126:
        return 2 + _MASKED, size
    if size == 126:
        long = int.from_bytes(data[at + 2 : at + 4])
        return (4 + _MASKED, long) if long > 125 else (0, 0)
    return 0, 0


def _header_size(head: bytes) -> int:
    if len(head) < 2:
        return 2
    length = head[1] & 0x7F
    masked = _MASKED if head[1] & 0x80 else 0
    return 2 + masked + (2 if length == 126 else 8 if length == 127 else 0)
