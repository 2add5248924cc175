"""What the visitor thinks of a talk: rate."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from switchboard.errors import Reject

from ..admission import TooManyMessages
from ..callers import Call, identify
from ..services import Services
from .answers import NOTHING, Nothing


class Rate(Struct, frozen=True):
    """Params of `rate`."""

    score: Annotated[int, Meta(ge=1, le=5)]
    comment: str = ""
    token: str | None = None


async def rate(web: Services, call: Call, params: Rate) -> Nothing:
    """Keeps a rating of the talk under way, or of the last one; a later one replaces it."""
    guest = await identify(web, call, params.token)
    if wait := web.messages.take(guest.token.visitor):
        raise TooManyMessages(wait)
    if not guest.visit.spoken:
        raise Reject("invalid", "There was no talk to be rated.")
    await web.talks.rate(guest.visit, params.score, params.comment)
    return NOTHING
