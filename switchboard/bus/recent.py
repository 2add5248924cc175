"""The last rows of busy conversations, kept in Redis for whoever comes back to another node.

`parley…:recent` holds a generation, `parley…:recent:<generation>:<conversation>` a list of events
as they are published: rows, and the receipts and states told between them. It expires when the
conversation falls silent. A process that could not tell something begins a new generation, so that
no list is believed that lacks its newest row; one that lacks a row in its midst shows it by the
seqs. Both scripts find the generation themselves, so that nobody writes to an earlier one's list.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .. import events
from ..events import Event

ROWS = 32
SILENT_SECONDS = 120

KEPT = (events.Committed, events.StateChanged, events.Receipt)

_KEY = "local key = KEYS[1]..':'..(redis.call('GET', KEYS[1]) or '0')..':'..ARGV[1] "

PUSH = (
    _KEY
    + "local pushed = redis.pcall('RPUSH', key, unpack(ARGV, 2)) "
    # Without memory for more: then there is none that lacks it.
    + "if type(pushed) == 'table' then redis.call('DEL', key) return 0 end "
    + f"redis.call('LTRIM', key, {-2 * ROWS}, -1) "
    + f"redis.call('EXPIRE', key, {SILENT_SECONDS}) return pushed"
)
"""KEYS: the generation's; ARGV: the conversation and its events, oldest first."""

READ = (
    _KEY
    # A server that takes no writes, so that rows are missing, does not take this one either.
    + f"redis.call('EXPIRE', key, {SILENT_SECONDS}) "
    + "return redis.call('LRANGE', key, 0, -1)"
)
"""KEYS: the generation's; ARGV: the conversation."""

_decoder = msgspec.msgpack.Decoder(Event)


def told_after(seq: int, raws: Sequence[bytes]) -> list[Event] | None:
    """What a list tells of the log after `seq`: rows, receipts, and the state at last.

    None if it does not reach back so far, or lacks a row. Raises msgspec.DecodeError.
    """
    rows: dict[int, events.Committed] = {}
    receipts: list[Event] = []
    states: list[events.StateChanged] = []
    for raw in raws:
        match _decoder.decode(raw):
            case events.Committed(message=message) as row:
                rows[message.seq] = row
            case events.StateChanged() as changed:
                states.append(changed)
            case other:
                receipts.append(other)
    if not rows:
        return None
    # Two processes may have told of theirs the other way round.
    first, newest = min(rows), max(rows)
    state = events.StateChanged(rows[newest].message.conversation, rows[newest].state, newest)
    state = sorted([state, *states], key=lambda one: one.seq)[-1]
    if state.seq > newest or first > seq + 1 or newest < seq or len(rows) != newest - first + 1:
        return None
    return [*(rows[one] for one in range(seq + 1, newest + 1)), *receipts, state]
