"""The pictures of visitors and desks."""

from __future__ import annotations

import hashlib
import struct
import zlib

import pytest

from gateway.avatar import SIDE, desk_avatar, visitor_avatar
from switchboard.model import new_visitor_id


def pixels(png: bytes) -> list[list[tuple[int, ...]]]:
    """The rows of a PNG of two colours, its checksums checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    rest = png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        rest = rest[12 + length :]
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, colour, *others = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, height, depth, colour, others) == (SIDE, SIDE, 1, 3, [0, 0, 0])
    palette = [tuple(chunks[b"PLTE"][at : at + 3]) for at in (0, 3)]
    raw = zlib.decompress(chunks[b"IDAT"])
    width_octets = SIDE // 8 + 1
    rows = [raw[at : at + width_octets] for at in range(0, len(raw), width_octets)]
    assert len(rows) == SIDE
    assert all(row[0] == 0 for row in rows)
    return [
        [palette[octet >> bit & 1] for octet in row[1:] for bit in range(7, -1, -1)] for row in rows
    ]


def test_a_visitors_picture_is_always_the_same() -> None:
    """Made anew by another process it has the same hash; it is small, and mirrored."""
    first = visitor_avatar("v-abcdefghijklmnop")
    again = visitor_avatar.__wrapped__("v-abcdefghijklmnop")
    assert first == again
    assert first.sha1 == hashlib.sha1(first.png).hexdigest()
    assert len(first.png) < 500
    rows = pixels(first.png)
    assert all(row == row[::-1] for row in rows)


def test_visitors_are_told_apart() -> None:
    """A thousand visitors, and hardly two pictures alike."""
    pictures = {visitor_avatar(new_visitor_id()).sha1 for _ in range(1000)}
    assert len(pictures) > 995


def luminance(colour: tuple[int, ...]) -> float:
    """WCAG 2.1's relative luminance."""
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (octet / 255 for octet in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_pattern_stands_out() -> None:
    """In every hue the white pattern has a contrast of 3 and more (WCAG 2.1, 1.4.11)."""
    for number in range(2000):
        ground = pixels(visitor_avatar.__wrapped__(f"v-{number}").png)[0][0]
        assert 1.05 / (luminance(ground) + 0.05) >= 3


@pytest.mark.parametrize(
    ("accent", "colour"),
    [
        ("#0a6", (0x00, 0xAA, 0x66)),
        ("#12ab9f", (0x12, 0xAB, 0x9F)),
        ("", (0x33, 0x66, 0xCC)),
        ("teal", (0x33, 0x66, 0xCC)),
        ("#12", (0x33, 0x66, 0xCC)),
        ("#12ab9f00", (0x33, 0x66, 0xCC)),
        ("0a6", (0x33, 0x66, 0xCC)),
        ("#\u0661\u0661\u0661", (0x33, 0x66, 0xCC)),
    ],
)
def test_a_desk_is_of_its_sites_colour(accent: str, colour: tuple[int, ...]) -> None:
    """Or of a plain one, where the site has none that we can read."""
    assert pixels(desk_avatar(accent).png)[0][0] == colour
