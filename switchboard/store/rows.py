"""Between rows and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..model import (
    Act,
    Attachment,
    Conversation,
    Cursor,
    Message,
    Phase,
    Reaction,
    Sender,
    SenderKind,
    TalkState,
)

_PHASES = {phase.value: phase for phase in Phase}
_KINDS = {kind.value: kind for kind in SenderKind}
_ACTS = {act.value: act for act in Act}


class Extra(Struct, frozen=True, omit_defaults=True):
    """What few rows of `messages` have, in one column."""

    edited_at: int = 0
    retracted: bool = False
    reactions: tuple[Reaction, ...] = ()
    attachment: Attachment | None = None
    retracted_by: int = 0


_NOTHING = Extra()
_decode = msgspec.json.Decoder(Extra).decode
_encode = msgspec.json.Encoder().encode


def message_of(row: Sequence[Any]) -> Message:
    """A row of `messages`, in the table's order."""
    conversation, seq, client_id, kind, sender, name, body, at, reply_to, origin, *rest = row
    act, target, extra = rest
    more = _NOTHING if extra is None else _decode(extra)
    return Message(
        conversation,
        seq,
        client_id,
        Sender(_KINDS[kind], sender, name),
        body,
        at,
        reply_to,
        origin,
        _ACTS[act],
        target,
        more.edited_at,
        more.retracted,
        more.reactions,
        more.attachment,
        more.retracted_by,
    )


def row_of(message: Message) -> tuple[Any, ...]:
    """The opposite of `message_of`."""
    sender = message.sender
    return (
        message.conversation,
        message.seq,
        message.client_id,
        sender.kind.value,
        sender.id,
        sender.name,
        message.body,
        message.at,
        message.reply_to,
        message.origin,
        message.act.value,
        message.target,
        extra_of(message),
    )


def extra_of(message: Message) -> str | None:
    """The column `extra` of a message; None for most."""
    if not (message.edited_at or message.reactions or message.attachment):
        return None
    more = Extra(
        message.edited_at,
        message.retracted,
        message.reactions,
        message.attachment,
        message.retracted_by,
    )
    return _encode(more).decode()


def state_of(phase: str, operator: str | None, since: int, others: str) -> TalkState:
    """Four columns of `conversations`."""
    return TalkState(_PHASES[phase], operator, since, tuple(others.split()))


def conversation_of(row: Sequence[Any], cursors: dict[str, Cursor]) -> Conversation:
    """A row of `conversations`, in the table's order."""
    id, site, domain, seq, phase, operator, since, updated_at, name, others = row
    state = state_of(phase, operator, since, others)
    return Conversation(id, site, domain, seq, state, updated_at, cursors, name)
