"""Commands about a visitor: who it is, what is noted, what was said, bans."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from switchboard.conversation import Ended
from switchboard.errors import NotFound
from switchboard.model import Act, Ban, Details, Message, Phase, SenderKind
from switchboard.reception.bans import duration
from switchboard.text import clean_line

from ..card import visitor_card
from .command import Command, Field, Kind, Refused, Request
from .context import Context

DETAIL_CHARS = 200
TAG_CHARS = 40
MOST_TAGS = 20
HISTORY_LINES = 20
TRANSCRIPT_CHARS = 30_000


async def rename(context: Context, request: Request) -> str:
    """Gives the visitor a name."""
    name = clean_line(request.value("text"), 80)
    if not name:
        raise Refused("Say the name too: !name Eve")
    details = await context.details(request)
    await _describe(context, request, replace(details, name=name))
    if request.talk is not None:
        request.talk.name = name
    context.lists_changed()
    return f"The visitor is called {name} now."


async def email(context: Context, request: Request) -> str:
    """Notes the visitor's mail address."""
    address = clean_line(request.value("text"), DETAIL_CHARS)
    await _describe(context, request, replace(await context.details(request), email=address))
    return f"Mail: {address}" if address else "The mail address is forgotten."


async def phone(context: Context, request: Request) -> str:
    """Notes the visitor's telephone number."""
    number = clean_line(request.value("text"), DETAIL_CHARS)
    await _describe(context, request, replace(await context.details(request), phone=number))
    return f"Phone: {number}" if number else "The phone number is forgotten."


async def tag(context: Context, request: Request) -> str:
    """Adds a tag, or takes one off that begins with a minus."""
    text = clean_line(request.value("text"), TAG_CHARS + 1)
    details = await context.details(request)
    if text:
        name = text.removeprefix("-").strip()
        kept = tuple(one for one in details.tags if one.lower() != name.lower())
        tags = kept if text.startswith("-") else (*kept, name)
        if len(tags) > MOST_TAGS:
            raise Refused(f"A visitor has at most {MOST_TAGS} tags: !tag -TEXT takes one off.")
        details = replace(details, tags=tags)
        await _describe(context, request, details)
    return f"Tags: {', '.join(details.tags)}" if details.tags else "No tags."


async def note(context: Context, request: Request) -> str:
    """A word that operators see and the visitor never does."""
    await context.talks.note(
        request.operator, request.visitor, context.domain, request.value("text")
    )
    return "Noted; the visitor does not see it."


async def info(context: Context, request: Request) -> str:
    """All that is known of the visitor."""
    site, visit = context.site(request), context.visit(request)
    details = await context.details(request)
    card = visitor_card(request.visitor, site, visit, details, context.clock.now())
    rows = [f"Name: {card.name}"]
    rows += [f"Mail: {card.email}"] if card.email else []
    rows += [f"Phone: {card.phone}"] if card.phone else []
    rows += card.lines
    if request.talk is not None and request.talk.open:
        rows.append(f"Talk: {_standing(context, request)}")
    ban = context.bans.of(site.key, request.visitor)
    if ban is not None:
        rows.append(f"Banned: {_term(ban)}")
    rows.append(f"JID: {request.visitor}@{context.domain}")
    notes = [line for line in await _lines(context, request, 100) if line.act is Act.NOTE]
    rows += [f"Note: {line.body} ({line.sender.name})" for line in notes[-5:]]
    return "\n".join(rows)


async def history(context: Context, request: Request) -> str:
    """The last lines, notes included."""
    lines = await _lines(context, request, HISTORY_LINES)
    return "\n".join(map(_line, lines)) if lines else "Nothing has been said yet."


async def transcript(context: Context, request: Request) -> str:
    """The whole conversation, as far as one message may be long."""
    pages: list[list[Message]] = []
    before, size = None, 0
    while size < TRANSCRIPT_CHARS:
        page = await context.talks.history(request.visitor, before, 100, notes=True)
        if not page:
            break
        pages.insert(0, page)
        before = page[0].seq
        size += sum(len(line.body) + 40 for line in page)
    lines = [_line(line) for page in pages for line in page]
    if not lines:
        return "Nothing has been said yet."
    text = "\n".join([await context.name(request), *lines])
    if len(text) <= TRANSCRIPT_CHARS:
        return text
    return "… the beginning is left out; `parley transcript` has all.\n" + text[-TRANSCRIPT_CHARS:]


async def ban(context: Context, request: Request) -> str:
    """The visitor is served no more, and the talk ends."""
    lasts = duration(request.value("duration"))
    name = await context.name(request)
    by = request.operator.name
    made = await context.bans.ban(request.operator.site, request.visitor, name, by, lasts)
    if request.talk is not None and request.talk.state.phase is not Phase.QUIET:
        await context.happens(request.talk, Ended())
    context.lists_changed()
    return f"{name} is banned {_term(made)}. !unban lifts it."


async def unban(context: Context, request: Request) -> str:
    """Lifts a ban; in the desk's window, or without a visitor, lists them."""
    site = request.operator.site
    wanted = request.visitor or request.value("visitor")
    if not wanted:
        bans = await context.bans.holding(site)
        rows = [f"{one.name} {one.visitor}: {_term(one)}, by {one.by}" for one in bans]
        return "\n".join(["!unban ID lifts one of these:", *rows]) if rows else "Nobody is banned."
    try:
        await context.bans.lift(site, wanted.partition("@")[0])
    except NotFound:
        raise Refused("This visitor is not banned.") from None
    context.lists_changed()
    return "The ban is lifted."


async def _describe(context: Context, request: Request, details: Details) -> None:
    site = request.operator.site
    await context.talks.describe(request.visitor, site, context.domain, details)


async def _lines(context: Context, request: Request, limit: int) -> list[Message]:
    return await context.talks.history(request.visitor, None, limit, notes=True)


def _standing(context: Context, request: Request) -> str:
    assert request.talk is not None
    state = request.talk.state
    ids = ((state.operator,) if state.phase is Phase.TAKEN else ()) + state.others
    found = (context.directory.operator_of_id(request.operator.site, id or "") for id in ids)
    return ", ".join(one.name for one in found if one is not None) or "waiting"


def _line(line: Message) -> str:
    note = ", note" if line.act is Act.NOTE else ""
    edited = ", edited" if line.edited_at and not line.retracted else ""
    name = line.sender.name if line.sender.kind is not SenderKind.SYSTEM else "—"
    return (
        f"{_moment(line.at)} {name}{note}{edited}: {'(retracted)' if line.retracted else line.body}"
    )


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _term(ban: Ban) -> str:
    return f"until {_moment(ban.until)}" if ban.until else "for good"


def _text(label: str, required: bool = False) -> tuple[tuple[Field, ...], ...]:
    return ((Field("text", label, required=required),),)


COMMANDS = (
    Command("name", "!name TEXT", "names the visitor", rename, _text("Name", required=True)),
    Command("email", "!email TEXT", "notes the mail address", email, _text("Mail address")),
    Command("phone", "!phone TEXT", "notes the phone number", phone, _text("Phone number")),
    Command(
        "note",
        "!note TEXT",
        "a note among operators, which the visitor does not see",
        note,
        _text("Note", required=True),
    ),
    Command("tag", "!tag [TEXT]", "tags the visitor; -TEXT takes a tag off", tag, _text("Tag")),
    Command("info", "!info", "what is known of the visitor", info),
    Command("history", "!history", f"the last {HISTORY_LINES} lines", history),
    Command("transcript", "!transcript", "the whole conversation", transcript),
    Command(
        "ban",
        "!ban [duration]",
        "serves the visitor no more, for 30m, 2h, 7d, 1w or for good",
        ban,
        ((Field("duration", "For how long (30m, 2h, 7d, 1w; empty: for good)", Kind.WORD),),),
    ),
    Command(
        "unban",
        "!unban",
        "lifts the ban; in the desk's window it lists all",
        unban,
        ((Field("visitor", "Whose ban (an id; empty: this visitor's, or a list)", Kind.WORD),),),
        at_desk=True,
    ),
)
