"""How far the logs are.

A conversation's row holds `seq` and `updated_at` as they were when its talk was last taken on: as
long as the talk is open, and of a room's for ever, they may be behind, and the log's last row is
what counts. Of a quiet conversation they are right, whatever of its log is still kept. Who removes
the last rows of an open talk's log, or of a room's, has to write both first, or its seqs would
begin anew.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, ScalarSelect, case, literal_column, select

from .schema import conversations, messages


def _last(column: ColumnElement[int]) -> ScalarSelect[int]:
    # Not the maximum: MariaDB would read all of the log's keys for it.
    line = messages.c
    return (
        select(column)
        .where(line.conversation == conversations.c.id)
        .order_by(line.seq.desc())
        .limit(literal_column("1"))
        .offset(literal_column("0"))
        .correlate(conversations)
        .scalar_subquery()
    )


LAST_SEQ = _last(messages.c.seq)
LAST_AT = _last(messages.c.at)


def _later(stored: ColumnElement[int], last: ScalarSelect[int]) -> ColumnElement[int]:
    return case((last > stored, last), else_=stored)


SEQ = _later(conversations.c.seq, LAST_SEQ).label("seq")
UPDATED_AT = _later(conversations.c.updated_at, LAST_AT).label("updated_at")
