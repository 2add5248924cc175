"""Commands about who has a talk: take, transfer, invite, leave, follow, end."""

from __future__ import annotations

from collections.abc import Mapping

from switchboard.conversation import HandedBack, Joined, Left, TakenOver
from switchboard.model import Operator, Phase
from switchboard.routing import Availability

from ..talk import Talk
from .command import Command, Field, Kind, Refused, Request
from .context import Context

_HOW = {
    Availability.READY: "available",
    Availability.AWAY: "away",
    Availability.BUSY: "busy",
    Availability.GONE: "offline",
}


def those_online(context: Context, request: Request) -> Mapping[str, str]:
    """The operator's colleagues who are there, to choose from."""
    found = {one: context.crew.availability(one) for one in context.colleagues(request)}
    return {
        one.id: f"{one.name} ({_HOW[how]})"
        for one, how in found.items()
        if how is not Availability.GONE
    }


def _anybody_or_one(context: Context, request: Request) -> Mapping[str, str]:
    return {"": "whoever takes chats", **those_online(context, request)}


async def take(context: Context, request: Request) -> str:
    """Makes the talk the operator's; in the desk's window the one that has waited longest."""
    talk = request.talk if request.visitor else _longest_waiting(context, request)
    if talk is None or not talk.open:
        raise Refused("No talk is open here: write, and it is yours.")
    if talk.state.phase is Phase.TAKEN and talk.state.operator == request.operator.id:
        raise Refused("You have this talk already.")
    if request.visitor:
        talk.prefers[request.operator.id] = request.jid
    await context.happens(talk, TakenOver(request.operator.id))
    return "You have this talk now." if request.visitor else f"You have {talk.name} now."


def _longest_waiting(context: Context, request: Request) -> Talk:
    waiting = [
        talk
        for talk in context.held.all()
        if talk.site == request.operator.site and talk.state.phase is Phase.WAITING
    ]
    if not waiting:
        raise Refused("Nobody is waiting.")
    return min(waiting, key=lambda talk: talk.waiting_since)


async def transfer(context: Context, request: Request) -> str:
    """Gives the talk to a colleague, or to whoever takes chats."""
    talk = context.open_talk(request)
    note = request.value("note")
    if not request.value("operator"):
        await _give_up(context, request, talk)
        await _leave_note(context, request, note)
        return "Somebody else is asked now."
    to = context.colleague(request, request.value("operator"))
    if talk.state.phase is Phase.TAKEN and talk.state.operator == to.id:
        raise Refused(f"{to.name} has this talk already.")
    words = f"{request.operator.name} gives you this talk with {talk.name}."
    context.delivery.tell(talk, to, f"{words} Note: {note}" if note else words)
    await _leave_note(context, request, note)
    await context.happens(talk, TakenOver(to.id))
    return f"{to.name} has this talk now."


async def invite(context: Context, request: Request) -> str:
    """Brings a colleague into the talk."""
    talk = context.open_talk(request)
    to = context.colleague(request, request.value("operator"))
    if context.is_in(talk, to):
        raise Refused(f"{to.name} is in this talk already.")
    note = request.value("note")
    words = (
        f"{request.operator.name} invites you into this talk with {talk.name}. !leave leaves it."
    )
    context.delivery.tell(talk, to, f"{words} Note: {note}" if note else words)
    await _leave_note(context, request, note)
    if not context.is_in(talk, request.operator):
        await context.happens(talk, Joined(request.operator.id))
    state = await context.happens(talk, Joined(to.id))
    if to.id not in state.others:
        raise Refused("There are as many in this talk as can be.")
    return f"{to.name} is in this talk now: each of you sees what the other writes."


async def leave(context: Context, request: Request) -> str:
    """The operator takes part no more."""
    talk = context.open_talk(request)
    if not context.is_in(talk, request.operator):
        raise Refused("You are not in this talk.")
    if talk.state.operator == request.operator.id and not talk.state.others:
        await _give_up(context, request, talk)
        return "You have left; somebody else is asked now."
    await context.happens(talk, Left(request.operator.id))
    return "You have left this talk."


async def follow(context: Context, request: Request) -> str:
    """The operator gets the talk's lines too, and it stays whose it is."""
    talk = context.open_talk(request)
    if context.is_in(talk, request.operator):
        raise Refused("You are in this talk already.")
    talk.prefers[request.operator.id] = request.jid
    await context.happens(talk, Joined(request.operator.id))
    return "You get what is said here from now on. !unfollow ends it."


async def unfollow(context: Context, request: Request) -> str:
    """The opposite of follow."""
    talk = context.open_talk(request)
    if request.operator.id not in talk.state.others:
        raise Refused("You do not follow this talk.")
    await context.happens(talk, Left(request.operator.id))
    return "You get no more of this talk."


async def end(context: Context, request: Request) -> str:
    """Ends the talk, as soon as an operator has all its lines."""
    talk = context.open_talk(request)
    if not await context.delivery.end(talk, request.jid):
        return "The visitor has just written; the talk ends as soon as you have it."
    return "The talk is ended. The visitor leaves your list when they leave the site."


async def _give_up(context: Context, request: Request, talk: Talk) -> None:
    """Hands a talk back, to anybody but the operator."""
    others = [one for one in context.colleagues(request) if _takes_chats(context, one)]
    if not others:
        raise Refused("Nobody else takes chats now, so the talk stays yours. !end ends it.")
    if not context.is_in(talk, request.operator):
        raise Refused("This talk is not yours.")
    talk.declined = frozenset({request.operator.id})
    await context.happens(talk, HandedBack())


def _takes_chats(context: Context, operator: Operator) -> bool:
    return context.crew.availability(operator) >= Availability.AWAY


async def _leave_note(context: Context, request: Request, note: str) -> None:
    if note:
        await context.talks.note(request.operator, request.visitor, context.domain, note)


_NOTE = Field("note", "A note for them, which the visitor does not see", multiline=True)

COMMANDS = (
    Command("take", "!take", "makes the talk of this window yours", take, at_desk=True),
    Command(
        "transfer",
        "!transfer [@operator] [note]",
        "gives the talk to somebody else",
        transfer,
        ((Field("operator", "To whom", Kind.OPERATOR, options=_anybody_or_one),), (_NOTE,)),
    ),
    Command(
        "invite",
        "!invite @operator [note]",
        "brings somebody else into the talk",
        invite,
        (
            (
                Field("operator", "Whom", Kind.OPERATOR, required=True, options=those_online),
                _NOTE,
            ),
        ),
    ),
    Command("leave", "!leave", "you take part in this talk no more", leave),
    Command("follow", "!follow", "you get this talk's lines too", follow),
    Command("unfollow", "!unfollow", "you get them no more", unfollow),
    Command("end", "!end", "ends the talk of this window", end),
)
