"""Reading logs and conversations, and what happens to talks without a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, update

from ..conversation import Ended, Event, advance
from ..errors import NotFound
from ..model import Act, Conversation, Cursor, Message, Phase, SenderKind, TalkState
from ..ports import Turned
from .bulk import chunks
from .logs import LAST_AT, LAST_SEQ, SEQ, UPDATED_AT
from .rows import conversation_of, message_of, state_of
from .schema import conversations, cursors, messages

_OPEN = conversations.c.phase.in_([Phase.WAITING.value, Phase.TAKEN.value])
_BEHIND = conversations.c.phase != Phase.QUIET.value
"""Those whose row may be behind their log."""


def read(conversation: str, after: int, limit: int) -> Callable[[Connection], list[Message]]:
    """The lines above `after`, oldest first."""
    statement = _lines(conversation, limit).where(messages.c.seq > after).order_by(messages.c.seq)
    return lambda connection: [message_of(row) for row in connection.execute(statement)]


def sent(conversation: str, sender: str, client_id: str) -> Callable[[Connection], Message | None]:
    """The line of that client id."""
    of = messages.c
    statement = _lines(conversation, 1).where(of.sender == sender, of.client_id == client_id)

    def run(connection: Connection) -> Message | None:
        row = connection.execute(statement).one_or_none()
        return None if row is None else message_of(row)

    return run


def history(
    conversation: str, before: int | None, limit: int, notes: bool
) -> Callable[[Connection], list[Message]]:
    """The last lines below `before`, oldest first."""
    acts = [Act.SAY.value, Act.NOTE.value] if notes else [Act.SAY.value]
    statement = _lines(conversation, limit).where(messages.c.act.in_(acts))
    statement = statement.order_by(messages.c.seq.desc())
    if before is not None:
        statement = statement.where(messages.c.seq < before)
    return lambda connection: [message_of(row) for row in connection.execute(statement)][::-1]


def _lines(conversation: str, limit: int) -> Select[Any]:
    return select(messages).where(messages.c.conversation == conversation).limit(limit)


def with_id(conversation: str) -> Callable[[Connection], list[Conversation]]:
    """The conversation of that id, if there is one."""
    return _conversations(conversations.c.id == conversation)


def with_ids(ids: Sequence[str]) -> Callable[[Connection], list[Conversation]]:
    """Those of the given that there are."""
    parts = [_conversations(conversations.c.id.in_(part)) for part in chunks(ids)]
    return lambda connection: [found for part in parts for found in part(connection)]


def open_in(domain: str) -> Callable[[Connection], list[Conversation]]:
    """Those in which a talk is open."""
    return _conversations(conversations.c.domain == domain, _OPEN)


def changed_in(site: str, since: int) -> Callable[[Connection], list[Conversation]]:
    """Those that changed at or after `since`, oldest first."""
    of = conversations.c
    return _conversations(
        of.site == site, or_(of.updated_at >= since, and_(_BEHIND, since <= LAST_AT))
    )


def _conversations(
    *conditions: ColumnElement[bool],
) -> Callable[[Connection], list[Conversation]]:
    of = conversations.c
    columns = {**of, "seq": SEQ, "updated_at": UPDATED_AT}
    rows = select(*columns.values()).where(*conditions).order_by(UPDATED_AT, of.id)
    cursor_rows = (
        select(cursors).join(conversations, cursors.c.conversation == of.id).where(*conditions)
    )

    def run(connection: Connection) -> list[Conversation]:
        found = connection.execute(rows).all()
        by_id: dict[str, dict[str, Cursor]] = {row.id: {} for row in found}
        for conversation, participant, delivered, read in connection.execute(cursor_rows):
            if conversation in by_id:
                by_id[conversation][participant] = Cursor(delivered, read)
        return [conversation_of(row, by_id[row.id]) for row in found]

    return run


def change(conversation: str, event: Event, at: int) -> Callable[[Connection], Turned]:
    """Takes a talk on. Raises NotFound or IllegalEvent."""
    statement = _states(conversations.c.id == conversation)

    def run(connection: Connection) -> Turned:
        for log in _locked(connection, statement):
            return Turned(_change(connection, log, event, at), log.seq)
        raise NotFound("not_found", "There is no such conversation.")

    return run


def end_idle(domain: str, site: str, before: int, at: int) -> Callable[[Connection], list[str]]:
    """Ends the open talks whose last line is older than `before`; gives their ids.

    One with a line that no operator has got yet stays open, or nobody would ever get it.
    """
    of = conversations.c
    statement = _states(
        of.domain == domain, of.site == site, _OPEN, of.updated_at < before, ~_undelivered()
    )

    def run(connection: Connection) -> list[str]:
        idle = [log for log in _locked(connection, statement) if log.updated_at < before]
        for log in idle:
            _change(connection, log, Ended(), at)
        return [log.id for log in idle]

    return run


def _undelivered() -> ColumnElement[bool]:
    """Whether a line of the open talk's visitor is past every operator's cursor."""
    of, line, cursor = conversations.c, messages.c, cursors.c
    got = (
        select(func.coalesce(func.max(cursor.delivered), 0))
        .where(cursor.conversation == of.id, cursor.participant != of.id)
        .correlate(conversations)
        .scalar_subquery()
    )
    return (
        select(line.seq)
        .where(line.conversation == of.id, line.sender_kind == SenderKind.VISITOR.value)
        .where(line.seq > of.since, line.seq > got)
        .correlate(conversations)
        .exists()
    )


def _states(*conditions: ColumnElement[bool]) -> Select[Any]:
    of = conversations.c
    return (
        select(of.id, of.seq, of.phase, of.operator, of.since, of.updated_at, of.others)
        .where(*conditions)
        .order_by(of.id)
        .with_for_update()
    )


class _Locked(NamedTuple):
    """A conversation that nobody else changes within the transaction."""

    id: str
    seq: int
    updated_at: int
    state: TalkState


def _locked(connection: Connection, statement: Select[Any]) -> list[_Locked]:
    rows = connection.execute(statement).all()
    if not rows:
        return []
    # Not before they are locked: what others committed until then is in it.
    of = conversations.c
    ends = select(of.id, LAST_SEQ, LAST_AT).where(of.id.in_([row.id for row in rows]))
    last = {id: (seq or 0, at or 0) for id, seq, at in connection.execute(ends)}
    return [
        _Locked(
            row.id,
            max(row.seq, last[row.id][0]),
            max(row.updated_at, last[row.id][1]),
            state_of(row.phase, row.operator, row.since, row.others),
        )
        for row in rows
    ]


def _change(connection: Connection, log: _Locked, event: Event, at: int) -> TalkState:
    state = advance(log.state, event, log.seq)
    connection.execute(
        update(conversations)
        .where(conversations.c.id == log.id)
        .values(
            seq=log.seq,
            phase=state.phase.value,
            operator=state.operator,
            since=state.since,
            others=" ".join(state.others),
            updated_at=max(log.updated_at, at),
        )
    )
    return state
