"""What visitors thought of their talks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, select

from ..errors import NotFound
from ..model import Phase, Rating
from .flavour import Flavour
from .schema import conversations, ratings


def of_conversation(conversation: str) -> Callable[[Connection], list[Rating]]:
    """All of one visitor's, oldest first."""
    of = ratings.c
    statement = (
        select(of.conversation, of.talk, of.site, of.operator, of.score, of.comment, of.at)
        .where(of.conversation == conversation)
        .order_by(of.talk)
    )
    return lambda connection: [Rating(*row) for row in connection.execute(statement)]


def save(
    flavour: Flavour, conversation: str, score: int, comment: str, at: int
) -> Callable[[Connection], Rating]:
    """Keeps a rating in the place of an earlier one of the same talk. Raises NotFound."""
    of = conversations.c
    found = select(of.site, of.phase, of.operator, of.since).where(of.id == conversation)
    upsert = flavour.upsert(ratings, ("operator", "score", "comment", "at"))

    def run(connection: Connection) -> Rating:
        row = connection.execute(found.with_for_update()).one_or_none()
        if row is None:
            raise NotFound("not_found", "There is no such conversation.")
        talk = row.since + (row.phase == Phase.TAKEN.value)
        rating = Rating(conversation, talk, row.site, row.operator, score, comment, at)
        connection.execute(upsert.values(msgspec.structs.asdict(rating)))
        return rating

    return run
