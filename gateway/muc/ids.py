"""What rows of a room are called in Jabber: a row's id in the archive, and the stanza's.

An archive's ids are unpredictable (XEP-0313 §3), so that nobody can name a line which they have
not seen. They cost no column all the same: a seq, and a digest of it that only the room can make.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from switchboard.model import Message
from switchboard.reception.rooms import origin_of
from switchboard.rooms import Room

_ID = re.compile(r"([1-9][0-9]{0,14})-[0-9a-f]{10}")


def archive_id(room: Room, seq: int) -> str:
    """A row's id in the archive, which is its stanza's `stanza-id` too (XEP-0359 §3.1)."""
    key = room.settings.salt.encode()[:64]
    row = f"{room.conversation}\0{seq}".encode()
    return f"{seq}-{hashlib.blake2b(row, key=key, digest_size=5).hexdigest()}"


def archived(room: Room, id: str) -> int | None:
    """The seq of the row with that id in the archive; None: nothing ever had it."""
    found = _ID.fullmatch(id)
    if found is None:
        return None
    seq = int(found[1])
    return seq if hmac.compare_digest(id, archive_id(room, seq)) else None


def message_id(room: Room, row: Message) -> str:
    """The id of the stanza with a row: the one that its sender gave it (XEP-0045 §7.4)."""
    return origin_of(row).id or archive_id(room, row.seq)
