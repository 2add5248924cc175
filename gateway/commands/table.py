"""The commands, each once: as `!text` here, as forms in adhoc.py. Adding one is adding a row."""

from __future__ import annotations

import difflib

from msgspec.structs import replace

from switchboard.errors import SwitchboardError
from switchboard.model import Operator

from . import desk, reply, room, talk, visitor
from .command import Command, Kind, Refused, Request
from .context import Context


async def _help(context: Context, request: Request) -> str:
    rows = [
        f"{command.usage}: {command.summary}"
        for command in TABLE.values()
        if (command.at_visitor if request.visitor else command.at_desk)
    ]
    if request.visitor:
        rows.append(f"{reply.NUMBERS.usage}: {reply.NUMBERS.summary}")
    return "\n".join(["Commands:", *rows, "!!text: sends a line that begins with !"])


TABLE = {
    command.name: command
    for command in (
        Command("help", "!help", "this list", _help, at_desk=True),
        *desk.COMMANDS,
        *talk.COMMANDS,
        *room.COMMANDS,
        *reply.COMMANDS,
        *visitor.COMMANDS,
    )
}
"""By name, in the order of `!help`."""


async def run_text(context: Context, body: str, request: Request) -> str:
    """The answer to a line that begins with `!`; what is no command is never sent to a visitor."""
    name, _, words = body.lstrip("!").strip().partition(" ")
    name = name.lower()
    command = TABLE.get(name)
    if command is None and name in map(str, range(1, reply.NUMBERED + 1)):
        command, words = reply.NUMBERS, name
    if command is None:
        near = difflib.get_close_matches(name, TABLE, n=3)
        hint = " or ".join(f"!{found}" for found in near) if near else "!help"
        wrong = f"!{name} is no command" if name else "Commands begin with !"
        return f"{wrong}; nothing was sent. Try {hint}, or begin a line with !! to send it."
    try:
        return await run(context, command, request, _values(context, command, request, words))
    except SwitchboardError as refusal:
        return str(refusal)


async def run(context: Context, command: Command, request: Request, values: dict[str, str]) -> str:
    """Carries a command out. Raises Refused or another SwitchboardError."""
    if not (command.at_visitor if request.visitor else command.at_desk):
        raise Refused(f"!{command.name} belongs in a visitor's window.")
    for field in command.fields:
        if field.required and not values.get(field.name):
            raise Refused(f"{field.label} is missing: {command.usage}")
    return await command.run(context, replace(request, values=values))


def _values(context: Context, command: Command, request: Request, words: str) -> dict[str, str]:
    """The fields' values, as a line of text has them one after the other."""
    values: dict[str, str] = {}
    words = words.strip()
    for field in command.fields:
        if field.kind is Kind.OPERATOR:
            if words.startswith("@"):
                operator, words = _operator(context, request, words[1:])
                values[field.name] = operator.id
        elif field.kind is Kind.WORD:
            values[field.name], _, words = words.partition(" ")
        else:
            values[field.name], words = words, ""
        words = words.strip()
    if words:
        raise Refused(f"“{words}” is too much: {command.usage}")
    return values


def _operator(context: Context, request: Request, words: str) -> tuple[Operator, str]:
    """The operator whose name or local part `words` begin with, in any case, and what follows."""
    best: dict[str, Operator] = {}
    length = 0
    low = words.lower()
    for operator in context.directory.operators(request.operator.site):
        for called in (operator.name.lower(), operator.address.partition("@")[0].lower()):
            end = len(called)
            if end < length or not low.startswith(called) or low[end : end + 1].strip():
                continue
            if end > length:
                best, length = {}, end
            best[operator.id] = operator
    if not best:
        names = ", ".join(f"@{one.name}" for one in context.colleagues(request)) or "nobody"
        raise Refused(f"There is no operator @{words.split(' ')[0]}; there are {names}.")
    if len(best) > 1:
        which = ", ".join(f"@{one.address.partition('@')[0]}" for one in best.values())
        raise Refused(f"There are several of that name: {which}.")
    return next(iter(best.values())), words[length:]
