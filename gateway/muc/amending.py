"""What somebody's message says of earlier lines of the room, and which lines those are.

A line is spoken of by the id that the room gave it (XEP-0424 §3, XEP-0444 §5.2, XEP-0461 §4.1); for
a correction, and by clients that do it so everywhere, by the id that its sender gave it.
"""

from __future__ import annotations

from msgspec import Struct

from switchboard.errors import NotFound
from switchboard.model import CHANGES, Act, Message
from switchboard.reception.rooms import Rooms, origin_of
from switchboard.rooms import Room

from ..inbound import stanza
from ..inbound.amend import SEARCHED
from .ids import archived


class Change(Struct, frozen=True):
    """Something becomes of the line `target`; `body` as of `Rooms.amend`."""

    act: Act
    target: int
    body: str = ""


class Answer(Struct, frozen=True):
    """A line of its own."""

    body: str
    reply_to: int | None


class Amending:
    """Finds the lines in the store, which has them as they stand."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def read(self, room: Room, occupant: str, message: stanza.Message) -> Change | Answer:
        """What an occupant's message is; a correction of nothing that is known is a new line.

        Whether they may change that line is not known here. Raises NotFound for a retraction of,
        or a reaction to, nothing that is known, and RetryLater.
        """
        about = message.about
        if id := about.retracts or about.reacts_to:
            # Whatever body stands beside it is for clients that know neither.
            line = await self.find(room, occupant, id)
            if line is None:
                raise NotFound("not_found", "There is no such message here, or it is too old.")
            if about.retracts:
                return Change(Act.RETRACT, line.seq)
            return Change(Act.REACT, line.seq, " ".join(about.reactions))
        body = about.own_words or message.body
        answered = await self.find(room, occupant, about.replies_to) if about.replies_to else None
        if about.replies_to and answered is None:
            body = message.body
        if about.replaces:
            line = await self.find(room, occupant, about.replaces)
            if line is not None:
                return Change(Act.EDIT, line.seq, body)
        return Answer(body, None if answered is None else answered.seq)

    async def find(self, room: Room, occupant: str, id: str) -> Message | None:
        """The line that an id means to an occupant: the room's own, or that of a line of theirs.

        The id of a correction means the line that it corrects.
        """
        seq = archived(room, id)
        row = await (self._own(room, occupant, id) if seq is None else self._row(room, seq))
        if row is not None and row.act in CHANGES:
            row = await self._row(room, row.target or 0)
        return row

    async def _row(self, room: Room, seq: int) -> Message | None:
        found = await self._rooms.rows(room, [seq])
        return found[0] if found else None

    async def _own(self, room: Room, occupant: str, id: str) -> Message | None:
        end = await self._rooms.end(room)
        rows = await self._rooms.read(room, max(0, end - SEARCHED), SEARCHED)
        theirs = (row for row in reversed(rows) if row.sender.id == occupant)
        return next((row for row in theirs if origin_of(row).id == id), None)
