"""Commands about the operator and the site: who is here, whether one takes chats."""

from __future__ import annotations

from switchboard.routing import Availability

from .command import Command, Request
from .context import Context

MOST_LISTED = 50


async def who(context: Context, request: Request) -> str:
    """The visitors on the site, those who came first at the top."""
    site = request.operator.site
    phases = {
        talk.visitor: talk.state.phase.value for talk in context.held.all() if talk.site == site
    }
    visits = [visit for visit in context.census if visit.site == site]
    visits.sort(key=lambda visit: visit.since)
    if not visits:
        return "Nobody is on the site."
    rows = [
        f"{visit.name}: {visit.page.title or visit.page.url or 'no page'}"
        + (f" ({phases[visit.visitor]})" if visit.visitor in phases else "")
        + f" {visit.visitor}@{visit.domain}"
        for visit in visits[:MOST_LISTED]
    ]
    more = [f"… and {len(visits) - MOST_LISTED} more"] if len(visits) > MOST_LISTED else []
    return "\n".join([f"On the site: {len(visits)}", *rows, *more])


async def away(context: Context, request: Request) -> str:
    """The operator takes chats after others."""
    _says(context, request, Availability.AWAY)
    return "Others are asked before you now. !back takes chats again."


async def busy(context: Context, request: Request) -> str:
    """The operator takes no new chats."""
    _says(context, request, Availability.BUSY)
    return "You get no new visitors now, and keep the talks that you have. !back takes chats again."


async def back(context: Context, request: Request) -> str:
    """The operator takes chats as their presence says."""
    _says(context, request, None)
    return "You take chats as your presence says."


def _says(context: Context, request: Request, most: Availability | None) -> None:
    context.crew.says(request.operator.id, most)
    context.delivery.operators_changed()


COMMANDS = (
    Command("who", "!who", "who is on the site", who, at_desk=True),
    Command("away", "!away", "you take chats after others", away, at_desk=True),
    Command("busy", "!busy", "you take no new chats", busy, at_desk=True),
    Command("back", "!back", "you take chats as your presence says", back, at_desk=True),
)
