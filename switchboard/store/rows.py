"""Between rows and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..model import Conversation, Cursor, Message, Phase, Sender, SenderKind, TalkState

_PHASES = {phase.value: phase for phase in Phase}
_KINDS = {kind.value: kind for kind in SenderKind}


def message_of(row: Sequence[Any]) -> Message:
    """A row of `messages`, in the table's order."""
    conversation, seq, client_id, kind, sender, name, body, at, reply_to, origin = row
    return Message(
        conversation,
        seq,
        client_id,
        Sender(_KINDS[kind], sender, name),
        body,
        at,
        reply_to,
        origin,
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
    )


def state_of(phase: str, operator: str | None, since: int) -> TalkState:
    """Three columns of `conversations`."""
    return TalkState(_PHASES[phase], operator, since)


def conversation_of(row: Sequence[Any], cursors: dict[str, Cursor]) -> Conversation:
    """A row of `conversations`, in the table's order."""
    id, site, domain, seq, phase, operator, since, updated_at, name = row
    state = state_of(phase, operator, since)
    return Conversation(id, site, domain, seq, state, updated_at, cursors, name)
