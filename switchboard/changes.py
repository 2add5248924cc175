"""What a change does to a line: pure.

Corrections and retractions are the sender's own; anybody in the conversation may react. Who
moderates a room may retract any line; that they do, the caller has to know. What is retracted
leaves nothing of itself in the log but its place.
"""

from __future__ import annotations

from msgspec.structs import replace

from .errors import Forbidden, NotFound, Reject
from .model import Act, Message, Reaction, Sender


def changed(line: Message, change: Message) -> Message:
    """The line after a change of it; the same object if nothing is different.

    Raises NotFound if it is none (a note must look to a visitor as if it were not there), Forbidden
    if it is somebody else's, Reject if it was retracted.
    """
    if line.act is not Act.SAY:
        raise NotFound("not_found", "There is no such message.")
    sender = change.sender
    if line.retracted:
        if change.act is Act.MODERATE or (change.act is Act.RETRACT and _same(line.sender, sender)):
            return line
        raise Reject("invalid", "This message cannot be changed any more.")
    if change.act is Act.REACT:
        reactions = _reacted(line.reactions, sender, tuple(change.body.split()))
        return line if reactions == line.reactions else replace(line, reactions=reactions)
    if change.act is not Act.MODERATE and not _same(line.sender, sender):
        raise Forbidden("forbidden", "Only who wrote a message may change it.")
    if change.act in (Act.RETRACT, Act.MODERATE):
        return replace(
            line,
            body="",
            retracted=True,
            reactions=(),
            attachment=None,
            edited_at=change.at,
            retracted_by=change.seq,
        )
    if line.body == change.body:
        return line
    return replace(line, body=change.body, edited_at=change.at)


def _reacted(
    reactions: tuple[Reaction, ...], sender: Sender, emoji: tuple[str, ...]
) -> tuple[Reaction, ...]:
    """The reactions in which `sender` chose exactly `emoji`, in the order of their first choice."""
    mine = {one.emoji for one in reactions if any(_same(by, sender) for by in one.by)}
    if mine == set(emoji):
        return reactions
    chosen = {one.emoji: tuple(by for by in one.by if not _same(by, sender)) for one in reactions}
    for one in dict.fromkeys(emoji):
        chosen[one] = (*chosen.get(one, ()), sender)
    return tuple(Reaction(one, by) for one, by in chosen.items() if by)


def _same(one: Sender, other: Sender) -> bool:
    return (one.kind, one.id) == (other.kind, other.id)
