"""The commands, each once. Adding one is adding a function and its row."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable

from msgspec import Struct

from switchboard.census import Census
from switchboard.conversation import IllegalEvent, TakenOver
from switchboard.model import Operator, Phase
from switchboard.reception import Talks
from switchboard.routing import Availability

from ..crew import Crew
from ..delivery import Delivery
from ..held import HeldTalks
from ..jids import Jid
from ..talk import Talk


class Request(Struct, frozen=True):
    """A command as an operator gave it; `talk` is the window's, None in the desk's."""

    jid: Jid
    operator: Operator
    talk: Talk | None
    words: str


class Command(Struct, frozen=True):
    """A row of the table."""

    name: str
    usage: str
    summary: str
    run: Callable[[Commands, Request], Awaitable[str]]


class Commands:
    """Runs what begins with `!` and gives the answer for the operator."""

    def __init__(
        self,
        domain: str,
        talks: Talks,
        census: Census,
        held: HeldTalks,
        delivery: Delivery,
        crew: Crew,
    ) -> None:
        self.domain = domain
        self.talks = talks
        self.crew = crew
        self.census = census
        self.held = held
        self.delivery = delivery

    async def run(self, body: str, jid: Jid, operator: Operator, talk: Talk | None) -> str:
        """The answer to one command; what is no command is never sent to a visitor."""
        name, _, words = body.lstrip("!").strip().partition(" ")
        command = _TABLE.get(name.lower())
        if command is None:
            near = difflib.get_close_matches(name.lower(), _TABLE, n=3)
            hint = " or ".join(f"!{found}" for found in near) if near else "!help"
            wrong = f"!{name} is no command" if name else "Commands begin with !"
            return f"{wrong}; nothing was sent. Try {hint}, or begin a line with !! to send it."
        return await command.run(self, Request(jid, operator, talk, words.strip()))

    def says(self, request: Request, most: Availability | None) -> None:
        """An operator takes chats that far at most; whoever waits is offered anew."""
        self.crew.says(request.operator.id, most)
        self.delivery.operators_changed()


async def _help(commands: Commands, request: Request) -> str:
    rows = [f"{command.usage}: {command.summary}" for command in _TABLE.values()]
    return "\n".join(["Commands:", *rows, "!!text: sends a line that begins with !"])


async def _who(commands: Commands, request: Request) -> str:
    site = request.operator.site
    waiting = {
        talk.visitor: talk.state.phase.value for talk in commands.held.all() if talk.site == site
    }
    visits = sorted(
        (visit for visit in commands.census if visit.site == site), key=lambda visit: visit.since
    )
    if not visits:
        return "Nobody is on the site."
    rows = [
        f"{visit.name}: {visit.page.title or visit.page.url or 'no page'}"
        + (f" ({waiting[visit.visitor]})" if visit.visitor in waiting else "")
        for visit in visits[:50]
    ]
    more = [f"… and {len(visits) - 50} more"] if len(visits) > 50 else []
    return "\n".join([f"On the site: {len(visits)}", *rows, *more])


async def _end(commands: Commands, request: Request) -> str:
    if request.talk is None:
        return "!end belongs in a visitor's window."
    try:
        ended = await commands.delivery.end(request.talk, request.jid)
    except IllegalEvent:
        return "No talk is open here."
    if not ended:
        return "The visitor has just written; the talk ends as soon as you have it."
    return "The talk is ended. The visitor leaves your list when they leave the site."


async def _take(commands: Commands, request: Request) -> str:
    talk = request.talk
    if talk is None:
        return "!take belongs in a visitor's window."
    if talk.state.phase is Phase.TAKEN and talk.state.operator == request.operator.id:
        return "You have this talk already."
    talk.prefers[request.operator.id] = request.jid
    try:
        event = TakenOver(request.operator.id)
        await commands.talks.change(talk.visitor, commands.domain, event)
    except IllegalEvent:
        return "No talk is open here: write, and it is yours."
    return "You have this talk now."


async def _away(commands: Commands, request: Request) -> str:
    commands.says(request, Availability.AWAY)
    return "Others are asked before you now. !back takes chats again."


async def _busy(commands: Commands, request: Request) -> str:
    commands.says(request, Availability.BUSY)
    return "You get no new visitors now, and keep the talks that you have. !back takes chats again."


async def _back(commands: Commands, request: Request) -> str:
    commands.says(request, None)
    return "You take chats as your presence says."


_TABLE = {
    command.name: command
    for command in (
        Command("help", "!help", "this list", _help),
        Command("who", "!who", "who is on the site", _who),
        Command("take", "!take", "makes the talk of this window yours", _take),
        Command("away", "!away", "you take chats after others", _away),
        Command("busy", "!busy", "you take no new chats", _busy),
        Command("back", "!back", "you take chats as your presence says", _back),
        Command("end", "!end", "ends the talk of this window", _end),
    )
}
