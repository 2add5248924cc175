"""A member of the bench's crowd reads frames however the network parts them."""

from __future__ import annotations

import asyncio

import pytest

from bench.rooms.member import Member, body, number_of
from bench.rooms.tally import Tally


class Transport(asyncio.WriteTransport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See WriteTransport."""
        self.written += bytes(data)


def frame(payload: bytes, opcode: int = 0x1) -> bytes:
    """As a server sends it (RFC 6455 §5.2)."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 2**16:
        return bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big") + payload


def member(lines: int) -> tuple[Member, Tally, Transport, list[str]]:
    """Connected, and owed so many lines, from 1 on."""
    refusals: list[str] = []
    found = Member(0, refusals, b'"error"')
    found.tally = Tally(1)
    for number in range(1, lines + 1):
        found.tally.say(number, 0.0)
    transport = Transport()
    found.connection_made(transport)
    return found, found.tally, transport, refusals


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100, 1_000_000])
def test_frames_are_read_in_any_pieces(piece: int) -> None:
    """Short, long and very long ones."""
    reader, tally, _, refusals = member(3)
    data = b"".join(
        frame(body(number).encode() + b"." * extra)
        for number, extra in ((1, 0), (2, 300), (3, 70_000))
    )
    for start in range(0, len(data), piece):
        reader.data_received(data[start : start + piece])
    assert tally.complete
    assert tally.faults() == refusals == []


def test_a_ping_is_answered() -> None:
    """By a masked pong, between two lines."""
    reader, tally, transport, _ = member(2)
    reader.data_received(frame(body(1).encode()) + frame(b"there?", 0x9) + frame(body(2).encode()))
    assert transport.written[:2] == bytes([0x8A, 0x80 | 6])
    assert tally.complete


@pytest.mark.parametrize("payload", [frame(b'{"error": 1}'), frame(b"", 0x8)])
def test_what_is_no_line_and_refuses_is_kept(payload: bytes) -> None:
    """An error, and the connection's end."""
    reader, _, _, refusals = member(0)
    reader.data_received(payload)
    assert len(refusals) == 1


def test_two_lines_differ_in_their_letters() -> None:
    """A room takes the same letters from several newcomers for a flood of bots."""
    letters = {"".join(filter(str.isalpha, body(number))) for number in range(1, 2000)}
    assert len(letters) == 1999


def test_a_line_gives_its_number_back() -> None:
    """Wherever it stands in a text."""
    assert number_of("so: " + body(4711)) == 4711
