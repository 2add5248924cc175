"""What a change does to a line: pure.

Corrections and retractions are the sender's own; anybody in the conversation may react. What is
retracted leaves nothing of itself in the log but its place.
"""

from __future__ import annotations

from msgspec.structs import replace

from .errors import Forbidden, Reject
from .model import Act, Message, Reaction, Sender


def changed(line: Message, change: Message) -> Message:
    """The line after a change of it; the same object if nothing is different.

    Raises Forbidden if the line is somebody else's, Reject if it cannot be changed at all.
    """
    if line.act is not Act.SAY or line.retracted:
        raise Reject("invalid", "This message cannot be changed any more.")
    sender = change.sender
    if change.act is Act.REACT:
        reactions = _reacted(line.reactions, sender, tuple(change.body.split()))
        return line if reactions == line.reactions else replace(line, reactions=reactions)
    if not _same(line.sender, sender):
        raise Forbidden("forbidden", "Only who wrote a message may change it.")
    if change.act is Act.RETRACT:
        return replace(
            line, body="", retracted=True, reactions=(), attachment=None, edited_at=change.at
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
