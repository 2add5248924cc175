"""What a visitor is told of a row of a log.

A cursor moves over every row; an event goes out only for what the visitor may know.
"""

from __future__ import annotations

from switchboard.model import Act, Message
from switchboard.ports import Clock

from . import wire

PUSH_LIVES_MS = 60_000
"""An address that a visitor gets later than that is no longer what they talk about."""


def event_of(
    row: Message, visitor: str, clock: Clock, to: str = wire.DESK
) -> wire.EventData | None:
    """The event that tells `visitor` of a row; None: nothing.

    The log is their own, or that of the room `to`; there a visitor is the occupant of that id.
    """
    target = row.target or 0
    match row.act:
        case Act.SAY:
            return wire.MessageData(wire.line(row, visitor, to))
        case Act.EDIT:
            # Of a line that was retracted later, no text is left.
            at = wire.rfc3339(row.at)
            return wire.EditedData(to, target, row.body, at) if row.body else None
        case Act.RETRACT | Act.MODERATE:
            return wire.RetractedData(to, target)
        case Act.REACT:
            reactions = wire.reactions(row, visitor)
            return wire.ReactionsData(to, target, reactions)
        case Act.PUSH:
            return wire.PushData(row.body) if clock.now() - row.at < PUSH_LIVES_MS else None
        case Act.INVITE:
            return wire.InviteData(row.body, wire.sender(row.sender, visitor))
        case Act.NOTE:
            return None
