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
from switchboard.rooms import room_of

_MAC_OCTETS = 16
_LONGEST = 2048
_LONGEST_CURSOR = 8192
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
    from a backup grows again, another way. In a room nobody has receipts; `heard` is when the
    browser was told last of who comes and goes, in ms since 1970 UTC.
    """

    seq: int
    delivered: int = 0
    read: int = 0
    mark: int = 0
    heard: int = 0


def mark_of(message: Message) -> int:
    """32 bits that tell a line from another of the same seq."""
    return zlib.crc32(message.client_id.encode(), message.at & 0xFFFFFFFF)


class StreamCursor(Struct, frozen=True, array_like=True):
    """How far a browser is, by conversation (`desk`, or a room's log).

    `tag` tells a visitor's pages apart, so that each hears of typing once. `names` are what the
    visitor is called in those rooms: all that is left of it when a node and the cache are gone.
    """

    tag: int
    places: dict[str, Place]
    names: dict[str, str] = {}
    told: tuple[int, int] = (0, 0)
    """What a page that polls knows of desk and talk, each as `wire.digest` has it. The browser
    keeps it, for its polls go to any node, and only it knows which answers have arrived."""


class _RoomPart(Struct, frozen=True, array_like=True):
    room: str
    place: Place


class Cursors:
    """Gives and reads cursors, each good for one visitor only. The same place, the same text.

    A cursor's text is a part for the desk, bound to the visitor, and one for each room after a
    full stop. A room's part is the same for everybody who stands there, so that it is signed once
    for all of them; which rooms a visitor may read is not for a cursor to say.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._signer = Signer(keys, b"parley cursor")
        self._decoder = msgspec.msgpack.Decoder(StreamCursor)
        self._room_signer = Signer(keys, b"parley cursor of a room")
        self._room_decoder = msgspec.msgpack.Decoder(_RoomPart)

    def text(self, visitor: str, cursor: StreamCursor) -> str:
        """The cursor, signed, as browsers hold it."""
        own = {name: place for name, place in cursor.places.items() if not room_of(name)}
        parts = [self.part(name, place) for name, place in cursor.places.items() if room_of(name)]
        return ".".join((self.head(visitor, msgspec.structs.replace(cursor, places=own)), *parts))

    def head(self, visitor: str, cursor: StreamCursor) -> str:
        """The part that is the visitor's alone, of a cursor that has no rooms' places."""
        return self._signer.sign(msgspec.msgpack.encode(cursor), visitor.encode())

    def part(self, room: str, place: Place) -> str:
        """The part of a room, by its conversation."""
        return self._room_signer.sign(msgspec.msgpack.encode(_RoomPart(room, place)))

    def read(self, visitor: str, text: str) -> StreamCursor | None:
        """The cursor, if it is ours and this visitor's."""
        if len(text) > _LONGEST_CURSOR:
            return None
        head, *parts = text.split(".")
        payload = self._signer.open(head, visitor.encode())
        if payload is None:
            return None
        try:
            cursor = self._decoder.decode(payload)
            for part in parts:
                payload = self._room_signer.open(part)
                if payload is None:
                    return None
                found = self._room_decoder.decode(payload)
                cursor.places[found.room] = found.place
        except msgspec.DecodeError:
            return None
        return cursor


def _mac(key: bytes, payload: bytes, context: bytes) -> bytes:
    # Not HMAC: its one-call form gives the interpreter's lock away, and with the store's threads
    # it is slow to come back; its object form costs ten times as much.
    framed = len(context).to_bytes(2) + context + payload
    return blake2b(framed, digest_size=_MAC_OCTETS, key=key).digest()
