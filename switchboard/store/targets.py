"""The lines that a batch's changes are about, within its transaction."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from ..changes import changed
from ..errors import NotFound
from ..model import Act, Message
from .rows import extra_of, message_of
from .schema import messages


class Targets:
    """Reads each target once, and writes those that were changed when all rows are in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed: dict[tuple[str, int], Message] = {}

    def change(self, row: Message, batch: Sequence[Message]) -> Message:
        """Applies a change; `batch` is what the same transaction appends before it.

        Gives the row as it is to be stored; the line itself if the change changes nothing. Raises
        NotFound, and as `changes.changed`.
        """
        line = self._find(row.conversation, row.target or 0, batch)
        after = changed(line, row)
        if after is line:
            return line
        self._changed[line.conversation, line.seq] = after
        return replace(row, reactions=after.reactions) if row.act is Act.REACT else row

    def write(self) -> None:
        """Stores the lines as they are now; of a retracted one its corrections go too."""
        of = messages.c
        for (conversation, seq), line in sorted(self._changed.items()):
            there = (of.conversation == conversation, of.seq == seq)
            values = {"body": line.body, "extra": extra_of(line)}
            self._connection.execute(update(messages).where(*there).values(values))
            if line.retracted:
                # A room's log is long, and its corrections stand behind the line.
                edits = (of.conversation == conversation, of.seq > seq, of.target == seq)
                self._connection.execute(
                    update(messages).where(*edits, of.act == Act.EDIT.value).values(body="")
                )

    def _find(self, conversation: str, seq: int, batch: Sequence[Message]) -> Message:
        known = self._changed.get((conversation, seq))
        if known is not None:
            return known
        for row in batch:
            if row.conversation == conversation and row.seq == seq:
                return row
        of = messages.c
        statement = select(messages).where(of.conversation == conversation, of.seq == seq)
        found = self._connection.execute(statement).one_or_none()
        if found is None:
            raise NotFound("not_found", "There is no such message.")
        return message_of(found)
