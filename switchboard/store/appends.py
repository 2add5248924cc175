"""Rows into logs, many at a time: four or five statements, however many lines.

Lines of open talks cost no row but their own: the conversation's is written where the talk is taken
on, see logs.py. Changes cost two statements more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, and_, select
from sqlalchemy.engine import Dialect

from ..conversation import advance
from ..errors import SwitchboardError
from ..model import CHANGES, Message, Phase, TalkState
from ..ports import Appended, Draft
from .bulk import Bulk
from .flavour import Flavour
from .logs import LAST_SEQ
from .rows import message_of, row_of, state_of
from .schema import conversations, messages
from .targets import Targets

Key = tuple[str, str, str]
"""Conversation, sender, client id."""

KEYS_AT_ONCE = 250
"""Databases limit the conditions of one statement; SQLite to a depth of 1000."""


class _Log:
    """A conversation within a transaction."""

    __slots__ = ("changed", "domain", "id", "name", "seq", "site", "state", "updated_at")

    def __init__(self, id: str) -> None:
        self.id = id
        self.site = ""
        self.domain = ""
        self.seq = 0
        self.state = TalkState()
        self.updated_at = 0
        self.name = ""
        self.changed = False
        """Whether its row is to be written."""


class Appends:
    """Appends drafts within a transaction that somebody else begins and commits."""

    def __init__(self, dialect: Dialect, flavour: Flavour) -> None:
        log, line = conversations.c, messages.c
        self._load_logs = Bulk(
            select(
                *(log.id, log.seq, log.phase, log.operator, log.since),
                *(log.updated_at, log.name, log.others),
            )
            .where(log.id.in_([""]))
            .order_by(log.id)
            .with_for_update(),
            dialect,
            columns=1,
        )
        self._find_ends = Bulk(select(log.id, LAST_SEQ).where(log.id.in_([""])), dialect, columns=1)
        same = and_(line.conversation == "", line.sender == "", line.client_id == "")
        self._find_lines = Bulk(select(messages).where(same), dialect, either=same)
        self._insert_lines = Bulk(
            messages.insert().values(dict.fromkeys(line.keys())), dialect, columns=len(line)
        )
        # Site and domain of a conversation never change.
        self._save_logs = Bulk(
            flavour.upsert(
                conversations,
                ("seq", "phase", "operator", "since", "updated_at", "name", "others"),
            ),
            dialect,
            columns=len(log),
        )

    def append(
        self, connection: Connection, drafts: Sequence[Draft]
    ) -> list[Appended | SwitchboardError]:
        """What becomes of each draft, in their order; a refused one changes nothing."""
        logs = self._logs(connection, {draft.conversation for draft in drafts})
        known = self._known(connection, drafts)
        targets = Targets(connection)
        fresh: list[Message] = []
        outcomes: list[Appended | SwitchboardError] = []
        for draft in drafts:
            log = logs[draft.conversation]
            earlier = _repeated(draft, known)
            if earlier is not None:
                outcomes.append(Appended(earlier, log.state, False))
                continue
            message = _row(draft, log, known)
            try:
                state = log.state
                if draft.event is not None:
                    state = advance(state, draft.event, log.seq)
                if draft.act in CHANGES:
                    message = targets.change(message, fresh)
            except SwitchboardError as refusal:
                outcomes.append(refusal)
                continue
            if message.seq <= log.seq:
                outcomes.append(Appended(message, state, False))
                continue
            _grow(log, draft, state)
            known[message.conversation, message.sender.id, draft.client_id] = message
            fresh.append(message)
            outcomes.append(Appended(message, state, True))
        if fresh:
            self._write(connection, fresh, [log for log in logs.values() if log.changed])
            targets.write()
        return outcomes

    def _logs(self, connection: Connection, ids: set[str]) -> dict[str, _Log]:
        logs = {id: _Log(id) for id in sorted(ids)}
        text = self._load_logs.text(len(logs))
        for row in connection.exec_driver_sql(text, tuple(logs)).all():
            id, seq, phase, operator, since, updated_at, name, others = row
            log = logs[id]
            log.seq = seq
            log.state = state_of(phase, operator, since, others)
            log.updated_at = updated_at
            log.name = name
        # Not before they are locked: what others committed until then is in it.
        behind = tuple(log.id for log in logs.values() if log.state.phase is not Phase.QUIET)
        if behind:
            text = self._find_ends.text(len(behind))
            for id, last in connection.exec_driver_sql(text, behind).all():
                logs[id].seq = max(logs[id].seq, last or 0)
        return logs

    def _known(self, connection: Connection, drafts: Iterable[Draft]) -> dict[Key, Message]:
        """The newest line of each key that a draft stands under or may stand under."""
        horizons: dict[Key, int] = {}
        for draft in drafts:
            horizon = _horizon(draft)
            for client_id in (draft.client_id, *draft.also):
                key = (draft.conversation, draft.sender.id, client_id)
                horizons[key] = max(horizon, horizons.get(key, horizon))
        keys = list(horizons)
        known: dict[Key, Message] = {}
        for start in range(0, len(keys), KEYS_AT_ONCE):
            for message in self._find(connection, keys[start : start + KEYS_AT_ONCE]):
                key = (message.conversation, message.sender.id, message.client_id)
                old = message.at < horizons[key]
                known[key] = (self._newest(connection, key) if old else None) or message
        return known

    def _find(self, connection: Connection, keys: Sequence[Key]) -> list[Message]:
        parameters = tuple(part for key in keys for part in key)
        found = connection.exec_driver_sql(self._find_lines.text(len(keys)), parameters)
        return [message_of(row) for row in found.all()]

    def _newest(self, connection: Connection, key: Key) -> Message | None:
        """The last line that was stored under a changed client id, see `_row`."""
        conversation, sender, client_id = key
        line = messages.c
        rows = connection.execute(
            select(messages)
            .where(line.conversation == conversation, line.sender == sender)
            .where(line.client_id >= client_id + "~", line.client_id < client_id + "\x7f")
            .order_by(line.seq.desc())
        )
        found = (message_of(row) for row in rows)
        return next((m for m in found if m.client_id == _changed(client_id, m.seq)), None)

    def _write(self, connection: Connection, fresh: list[Message], logs: Sequence[_Log]) -> None:
        fresh.sort(key=lambda message: (message.conversation, message.seq))
        lines = [value for message in fresh for value in row_of(message)]
        connection.exec_driver_sql(self._insert_lines.text(len(fresh)), tuple(lines))
        if not logs:
            return
        changes: list[object] = []
        for log in logs:
            state = log.state
            changes += (log.id, log.site, log.domain, log.seq)
            changes += (state.phase.value, state.operator, state.since, log.updated_at, log.name)
            changes.append(" ".join(state.others))
        connection.exec_driver_sql(self._save_logs.text(len(logs)), tuple(changes))


def _repeated(draft: Draft, known: dict[Key, Message]) -> Message | None:
    horizon = _horizon(draft)
    for client_id in (draft.client_id, *draft.also):
        message = known.get((draft.conversation, draft.sender.id, client_id))
        if message is not None and message.at >= horizon:
            return message
    return None


def _horizon(draft: Draft) -> int:
    """A line older than this is another one, whatever its client id."""
    return 0 if draft.window is None else draft.at - draft.window


def _changed(client_id: str, seq: int) -> str:
    return f"{client_id}~{seq}"


def _row(draft: Draft, log: _Log, known: dict[Key, Message]) -> Message:
    """The row that a draft becomes if nothing speaks against it."""
    seq = log.seq + 1
    key = (draft.conversation, draft.sender.id, draft.client_id)
    # An id that came again after its window names a new line, and has to be unique all the same.
    client_id = _changed(draft.client_id, seq) if key in known else draft.client_id
    return Message(
        draft.conversation,
        seq,
        client_id,
        draft.sender,
        draft.body,
        draft.at,
        draft.reply_to,
        draft.origin,
        draft.act,
        draft.target,
        attachment=draft.attachment,
    )


def _grow(log: _Log, draft: Draft, state: TalkState) -> None:
    name = draft.sender.name if draft.sender.id == draft.conversation else log.name
    log.changed |= (state, name) != (log.state, log.name) or state.phase is Phase.QUIET
    log.site, log.domain = draft.site, draft.domain
    log.seq += 1
    log.state = state
    log.updated_at = max(log.updated_at, draft.at)
    log.name = name
