"""Pictures for contact lists: a mirrored pattern for each visitor, a speech bubble for a desk.

Drawn here, since a PNG of two colours without fonts is a few lines, and initials would need a
font for every script that a name may be written in.
"""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from functools import lru_cache

from msgspec import Struct

SIDE = 64
"""Pixels; a cell of the 8 by 8 patterns is one octet of a row, and 4 pixels wide at half size."""

_WHITE = (255, 255, 255)
_PLAIN = (0x33, 0x66, 0xCC)
"""Of a desk whose site has no accent colour, or one that is not `#rgb` or `#rrggbb`."""
_BUBBLE = (0x00, 0x7E, 0x7E, 0x7E, 0x7E, 0x7E, 0x18, 0x10)

Colour = tuple[int, int, int]


class Avatar(Struct, frozen=True):
    """A PNG, and its SHA-1 in hex, by which presence names it (XEP-0153 §4.1)."""

    png: bytes
    sha1: str


@lru_cache(maxsize=1024)
def visitor_avatar(visitor: str) -> Avatar:
    """Always the same for one visitor's id, and hardly ever for two."""
    random = hashlib.blake2b(visitor.encode(), digest_size=8).digest()
    red, green, blue = colorsys.hls_to_rgb(random[0] / 256, 0.36, 0.55)
    rows = [_mirrored(octet) for octet in random[1:7]]
    return _avatar((0, *rows, 0), (round(red * 255), round(green * 255), round(blue * 255)), _WHITE)


@lru_cache(maxsize=256)
def desk_avatar(accent: str) -> Avatar:
    """In the site's accent colour, a CSS `#rgb` or `#rrggbb`."""
    return _avatar(_BUBBLE, _colour(accent) or _PLAIN, _WHITE)


def _mirrored(octet: int) -> int:
    """Three bits and their mirror image between two that are not set."""
    left = octet & 0b111
    right = (left & 1) << 2 | left & 2 | left >> 2
    return left << 4 | right << 1


def _colour(css: str) -> Colour | None:
    digits = css.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    try:
        red, green, blue = bytes.fromhex(digits) if css.startswith("#") else b""
    except ValueError:
        return None
    return red, green, blue


def _avatar(rows: tuple[int, ...], ground: Colour, figure: Colour) -> Avatar:
    """Each bit of the eight rows is a cell, the highest at the left."""
    line = {bit: b"\xff" if bit else b"\0" for bit in (0, 1)}
    lines = [b"".join(line[row >> bit & 1] for bit in range(7, -1, -1)) for row in rows]
    # Each line of pixels begins with its filter, 0 for none (PNG §9).
    pixels = b"".join((b"\0" + one) * (SIDE // 8) for one in lines)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 3, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", bytes((*ground, *figure))),
            _chunk(b"IDAT", zlib.compress(pixels, 9)),
            _chunk(b"IEND", b""),
        )
    )
    return Avatar(png, hashlib.sha1(png, usedforsecurity=False).hexdigest())


def _chunk(kind: bytes, data: bytes) -> bytes:
    """PNG §5.3."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
