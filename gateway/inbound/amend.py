"""Operators change what was said: which line a stanza's id means, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable

from switchboard.model import CHANGES, Act, Message, Operator
from switchboard.reception import Talks
from switchboard.reception.talks import operator_sender

from ..held import HeldTalks
from ..jids import Jid, parse, seq_of
from ..talk import Origin, Talk, decode_origin, encode_origin
from . import stanza

SEARCHED = 300
"""The last rows of a log, among which an operator's own line is looked for by its stanza's id."""

UNKNOWN = "The message that this is about is not known here, or too old. Nothing was changed."


def origin_of(message: stanza.Message, acknowledged: bool = True) -> str | None:
    """Where a row comes from, as it is stored: the id by which its sender will speak of it."""
    if not message.id:
        return None
    receipt = acknowledged and message.asks_receipt
    marker = acknowledged and message.markable
    return encode_origin(Origin(message.sender.full, message.id, receipt, marker))


def sent_as(message: stanza.Message) -> tuple[str, str] | None:
    """What makes the same stanza, come twice, one row."""
    return (message.sender.full, message.id) if message.id else None


class Amendments:
    """Corrections, retractions and reactions of operators, for the visitors of one domain."""

    def __init__(self, domain: str, held: HeldTalks, talks: Talks) -> None:
        self._domain = domain
        self._held = held
        self._talks = talks

    async def find(self, visitor: str, sender: Jid, id: str) -> Message | None:
        """The line that an id means to this operator: one that was sent to them, or their own.

        The id of a correction means the line that it corrects.
        """
        talk = await self._held.find(visitor)
        if talk is None:
            return None
        seq = seq_of(visitor, id)
        row = await (self._own(talk, sender, id) if seq is None else self._row(talk, seq))
        if row is not None and row.act in CHANGES:
            row = await self._row(talk, row.target or 0)
        return row

    async def correct(
        self, message: stanza.Message, visitor: str, operator: Operator, body: str
    ) -> bool:
        """XEP-0308; False if it is about no line that is known, which makes it a new one (§5).

        Raises Forbidden, NotFound, Reject or RetryLater.
        """
        line = await self.find(visitor, message.sender, message.about.replaces)
        if line is None:
            return False
        await self._amend(message, visitor, operator, Act.EDIT, line.seq, body)
        return True

    async def retract(self, message: stanza.Message, visitor: str, operator: Operator) -> bool:
        """XEP-0424; False if it is about no line that is known. Raises as `correct`."""
        line = await self.find(visitor, message.sender, message.about.retracts)
        if line is None:
            return False
        await self._amend(message, visitor, operator, Act.RETRACT, line.seq)
        return True

    async def react(self, message: stanza.Message, visitor: str, operator: Operator) -> bool:
        """XEP-0444; False if it is about no line that is known. Raises as `correct`."""
        line = await self.find(visitor, message.sender, message.about.reacts_to)
        if line is None:
            return False
        emoji = " ".join(message.about.reactions)
        await self._amend(message, visitor, operator, Act.REACT, line.seq, emoji)
        return True

    async def _amend(
        self,
        message: stanza.Message,
        visitor: str,
        operator: Operator,
        act: Act,
        target: int,
        body: str = "",
    ) -> None:
        await self._talks.amend(
            operator_sender(operator),
            visitor,
            operator.site,
            self._domain,
            act,
            target,
            body,
            sent_as(message),
            origin_of(message, acknowledged=act is Act.EDIT),
        )

    async def _row(self, talk: Talk, seq: int) -> Message | None:
        row = talk.row(seq)
        if row is not None:
            return row
        found = await self._talks.read(talk.visitor, seq - 1, 1)
        return found[0] if found and found[0].seq == seq else None

    async def _own(self, talk: Talk, sender: Jid, id: str) -> Message | None:
        found = _sent_with(reversed(talk.tail), sender, id)
        if found is None:
            # Memory may be behind too: a correction can come right after its line.
            after = max(0, talk.head - SEARCHED)
            rows = await self._talks.read(talk.visitor, after, 2 * SEARCHED)
            found = _sent_with(reversed(rows), sender, id)
        return found


def _sent_with(rows: Iterable[Message], sender: Jid, id: str) -> Message | None:
    for row in rows:
        origin = decode_origin(row)
        if origin is not None and origin.id == id and parse(origin.jid).bare == sender.bare:
            return row
    return None
