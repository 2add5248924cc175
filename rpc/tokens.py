"""What browsers hold for us, signed: who they are (a token) and how far they are (a cursor).

Both are base64url of a keyed BLAKE2b (RFC 7693) and a MessagePack payload. Each purpose has its own
key, made from the configured one, so that a token is never a cursor. Of several configured keys
the first signs and any verifies: that is how a key is rotated.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib
from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct

from switchboard.model import Message, Visit
from switchboard.ports import Clock

_MAC_OCTETS = 16
_LONGEST = 2048
_DAY_MS = 86_400_000
_SKEW_MS = _DAY_MS
"""A token from the future is taken this far: another node's clock may be ahead."""


class Signer:
    """Signs octets for one purpose; `context` is signed too but not carried."""

    def __init__(self, keys: Sequence[str], purpose: bytes) -> None:
        if not keys:
            raise ValueError("at least one token key is needed")
        self._keys = [hmac.digest(key.encode(), purpose, "sha256") for key in keys]

    def sign(self, payload: bytes, context: bytes = b"") -> str:
        """The signed payload as text for URLs and JSON."""
        mac = _mac(self._keys[0], payload, context)
        return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()

    def open(self, text: str, context: bytes = b"") -> bytes | None:
        """The payload, if one of our keys signed it for this purpose and context."""
        if len(text) > _LONGEST:
            return None
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            octets = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        mac, payload = octets[:_MAC_OCTETS], octets[_MAC_OCTETS:]
        for key in self._keys:
            if hmac.compare_digest(mac, _mac(key, payload, context)):
                return payload
        return None


class VisitorToken(Struct, frozen=True, array_like=True):
    """Who a browser is, so that `hello` needs no SQL. `issued_at` in milliseconds."""

    site: str
    visitor: str
    domain: str
    epoch: int
    spoken: bool
    issued_at: int
    generation: int = 0
    """Of the visit's details that the browser's last call saw."""


class Tokens:
    """Gives and reads visitor tokens, which live `days` days."""

    def __init__(self, keys: Sequence[str], days: float, clock: Clock) -> None:
        self._signer = Signer(keys, b"parley visitor token")
        self._life_ms = int(days * _DAY_MS)
        self._clock = clock
        self._decoder = msgspec.msgpack.Decoder(VisitorToken)

    def issue(self, visit: Visit, epoch: int = 0) -> VisitorToken:
        """A fresh token for a visitor."""
        return VisitorToken(
            visit.site,
            visit.visitor,
            visit.domain,
            epoch,
            visit.spoken,
            self._clock.now(),
            visit.generation,
        )

    def text(self, token: VisitorToken) -> str:
        """The token, signed, as browsers hold it."""
        return self._signer.sign(msgspec.msgpack.encode(token))

    def read(self, text: str) -> VisitorToken | None:
        """The token, if it is ours and lives."""
        payload = self._signer.open(text)
        if payload is None:
            return None
        try:
            token = self._decoder.decode(payload)
        except msgspec.DecodeError:
            return None
        age = self._clock.now() - token.issued_at
        return token if -_SKEW_MS <= age < self._life_ms else None

    def renewed(self, token: VisitorToken, visit: Visit) -> VisitorToken | None:
        """A fresh token where one is due: after a day, or as soon as the visitor has spoken or
        told something of themselves.
        """
        learnt = (visit.spoken and not token.spoken) or visit.generation > token.generation
        if learnt or self._clock.now() - token.issued_at >= _DAY_MS:
            return self.issue(visit, token.epoch)
        return None


class Place(Struct, frozen=True, array_like=True):
    """How far a browser is in one conversation: the last line it had, and how far it was told
    that the other side has, or has read, the log.

    `mark` tells that line from any other that may once have its seq: a store that was restored
    from a backup grows again, another way.
    """

    seq: int
    delivered: int = 0
    read: int = 0
    mark: int = 0


def mark_of(message: Message) -> int:
    """32 bits that tell a line from another of the same seq."""
    return zlib.crc32(message.client_id.encode(), message.at & 0xFFFFFFFF)


class StreamCursor(Struct, frozen=True, array_like=True):
    """How far a browser is, by conversation (`desk` or a room's id).

    `tag` tells a visitor's pages apart, so that each hears of typing once.
    """

    tag: int
    places: dict[str, Place]
    told: tuple[int, int] = (0, 0)
    """What a page that polls knows of desk and talk, each as `wire.digest` has it. The browser
    keeps it, for its polls go to any node, and only it knows which answers have arrived."""


class Cursors:
    """Gives and reads cursors, each good for one visitor only. The same place, the same text."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._signer = Signer(keys, b"parley cursor")
        self._decoder = msgspec.msgpack.Decoder(StreamCursor)

    def text(self, visitor: str, cursor: StreamCursor) -> str:
        """The cursor, signed, as browsers hold it."""
        return self._signer.sign(msgspec.msgpack.encode(cursor), visitor.encode())

    def read(self, visitor: str, text: str) -> StreamCursor | None:
        """The cursor, if it is ours and this visitor's."""
        payload = self._signer.open(text, visitor.encode())
        if payload is None:
            return None
        try:
            return self._decoder.decode(payload)
        except msgspec.DecodeError:
            return None


def _mac(key: bytes, payload: bytes, context: bytes) -> bytes:
    # Not HMAC: its one-call form gives the interpreter's lock away, and with the store's threads
    # it is slow to come back; its object form costs ten times as much.
    framed = len(context).to_bytes(2) + context + payload
    return blake2b(framed, digest_size=_MAC_OCTETS, key=key).digest()
