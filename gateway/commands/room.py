"""Calling people into rooms: who is in a desk talk into one of their own, a visitor into any."""

from __future__ import annotations

from collections.abc import Mapping

from switchboard.model import Operator
from switchboard.rooms import Room, is_talk_room, room_of, talk_room

from .. import outbound
from ..jids import parse, room_bare
from .command import Command, Field, Kind, Refused, Request
from .context import Context
from .talk import those_online


def _nobody_or_one(context: Context, request: Request) -> Mapping[str, str]:
    return {"": "nobody", **those_online(context, request)}


async def room(context: Context, request: Request) -> str:
    """Calls the visitor and all who are in the talk into a room of their own (XEP-0045 §7.9).

    It is the same room each time. What was said in the talk stays there.
    """
    talk = context.open_talk(request)
    context.present(request.visitor)
    called = [one for one in context.colleagues(request) if context.is_in(talk, one)]
    if request.value("operator"):
        to = context.colleague(request, request.value("operator"))
        called += [] if to in called else [to]
    own = context.rooms.room(request.operator.site, talk_room(request.visitor))
    await context.talks.invite(request.operator, request.visitor, context.domain, own)
    talk.prefers[request.operator.id] = request.jid
    name = await context.name(request)
    jid = room_bare(own.conversation, context.rooms.domain)
    direct = outbound.direct_invitation(jid, f"Talk with {name}", thread="")
    words = f"{request.operator.name} asks you into a room with {name}: {jid}"
    there = [one for one in called if context.delivery.invite(talk, one, words, direct)]
    context.delivery.invite(talk, request.operator, f"Your room with {name}: {jid}", direct)
    names = ", ".join([name, *(one.name for one in there)])
    return f"Asked into a room of your own: {names}. Your client has the way there, too: {jid}"


async def invited(context: Context, operator: Operator, visitor: str, jid: str) -> str:
    """Carries out an operator's own invitation of a visitor to a room; the answer for them.

    Raises Refused, NotFound `unknown_room` or Forbidden.
    """
    found = _room(context, operator, jid)
    context.present(visitor)
    await context.talks.invite(operator, visitor, context.domain, found)
    title = "the room of your talk" if is_talk_room(found.id.name) else found.title
    return f"The visitor is asked into {title}."


def _room(context: Context, operator: Operator, jid: str) -> Room:
    to = parse(jid)
    id = room_of(to.local)
    if id is None or id.site != operator.site or to.domain != context.rooms.domain:
        raise Refused("Visitors can be asked only into rooms of their site.")
    return context.rooms.room(id.site, id.name)


COMMANDS = (
    Command(
        "room",
        "!room [@operator]",
        "calls all of the talk into a room of their own",
        room,
        ((Field("operator", "Whom besides", Kind.OPERATOR, options=_nobody_or_one),),),
    ),
)
