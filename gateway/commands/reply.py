"""Commands that say something to the visitor: canned replies, another page."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from switchboard.origins import own_address

from .command import Command, Field, Kind, Refused, Request
from .context import Context

NUMBERED = 9


def _replies(context: Context, request: Request) -> Mapping[str, str]:
    return context.site(request).settings.canned


async def canned(context: Context, request: Request) -> str:
    """Sends a ready answer; without its name, lists them."""
    replies = _replies(context, request)
    name = request.value("reply")
    if not replies:
        site = request.operator.site
        raise Refused(f"There are none: parley site set {site} canned.hello='Hello {{name}}'")
    if not name or not request.visitor:
        rows = [f"!{number} {key}: {body}" for number, (key, body) in enumerate(replies.items(), 1)]
        more = [f"!canned {row[row.index(' ') + 1 :]}" for row in rows[NUMBERED:]]
        return "\n".join([*rows[:NUMBERED], *more])
    body = replies.get(name)
    if body is None:
        raise Refused(f"There is no canned reply {name!r}; there are {', '.join(replies)}.")
    text = body.replace("{name}", await context.name(request))
    await context.talks.answer(request.operator, request.visitor, context.domain, text, None, None)
    talk = await context.held.find(request.visitor)
    if talk is not None:
        talk.prefers[request.operator.id] = request.jid
    return f"Sent: {text}"


async def numbered(context: Context, request: Request) -> str:
    """Sends the canned reply of that number."""
    names = list(_replies(context, request))
    number = int(request.value("number"))
    if number > len(names):
        raise Refused(f"There are {len(names)} canned replies: !canned lists them.")
    return await canned(context, replace(request, values={"reply": names[number - 1]}))


async def push(context: Context, request: Request) -> str:
    """Sends the visitor's page to an address of the site's own."""
    visit = context.present(request.visitor)
    origins = context.site(request).settings.origins
    base = visit.page.url or origins[0]
    address = own_address(request.value("url"), base, origins)
    if address is None:
        raise Refused(f"Only pages of the site itself: {', '.join(origins)}")
    await context.talks.push(request.operator, request.visitor, context.domain, address)
    return f"The visitor's page goes to {address}"


COMMANDS = (
    Command(
        "canned",
        "!canned [name]",
        "sends a ready answer; without a name lists them",
        canned,
        ((Field("reply", "Which", Kind.WORD, options=_replies),),),
        at_desk=True,
    ),
    Command(
        "push",
        "!push URL",
        "shows the visitor another page of the site",
        push,
        ((Field("url", "Address", Kind.WORD, required=True),),),
    ),
)

NUMBERS = Command(
    "1",
    "!1 … !9",
    "sends the canned reply of that number",
    numbered,
    ((Field("number", "Number", Kind.WORD, required=True),),),
)
