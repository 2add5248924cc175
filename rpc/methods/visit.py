"""Coming, being here, going: hello, page, ping, bye."""

from __future__ import annotations

import secrets
import sys

from msgspec import Struct
from msgspec.structs import replace

from switchboard.hours import next_opening
from switchboard.model import NAME_CHARS, Message, Visit, new_visitor_id
from switchboard.rooms import Room as AskedRoom
from switchboard.site import FormSettings, LookSettings, Site, Trigger
from switchboard.text import clean_line

from .. import wire
from ..admission import TooManyVisitors
from ..callers import Call, Guest, identify, read_token, recall, refuse_banned
from ..services import Services
from ..standing import digests
from ..tokens import Place, StreamCursor, VisitorToken
from ..waiters import Seat
from .answers import NOTHING, Nothing, Room
from .entering import asked_room, enter_somehow, is_others_page, leave_other_pages, welcome
from .pages import clean_page

WELCOME_LINES = 50

_LOCALE_CHARS = 35


class PageOfHello(Struct, frozen=True):
    """The page that a visitor comes with."""

    url: str = ""
    title: str = ""
    referrer: str = ""
    visible: bool = True
    opened: bool = False
    """Whether the widget is, or was, open in this tab."""


class Hello(Struct, frozen=True):
    """Params of `hello`."""

    site: str
    page: PageOfHello = PageOfHello()
    token: str | None = None
    name: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    """An IANA name; one that is not known counts as none."""
    room: str | None = None


_AS_DARK_AS_LIGHT = 0.179
"""The luminance on which black and white have the same contrast (WCAG 2.2, contrast ratio)."""


class VisitorData(Struct, frozen=True):
    """The visitor, to the visitor."""

    id: str
    name: str


class Upload(Struct, frozen=True):
    """Which files the visitor may send."""

    max_bytes: int
    types: tuple[str, ...]


class Hours(Struct, frozen=True):
    """A site that is not always open."""

    next: str | None
    """When it opens again, if it is closed now."""


class Look(Struct, frozen=True):
    """The site's look."""

    style: str
    """Custom properties for the widget's element, as declarations; empty: Parley's own colours."""
    position: str
    greeting: str


class WidgetSettings(Struct, frozen=True):
    """What the widget needs of the site's settings."""

    title: str
    on_load: bool
    look: Look
    forms: FormSettings
    upload: Upload | None
    triggers: tuple[Trigger, ...]
    hours: Hours | None


class Limits(Struct, frozen=True):
    """What the widget should not exceed; 0 is no limit."""

    message_chars: int
    request_bytes: int
    messages_per_minute: int


class Welcome(Struct, frozen=True):
    """Result of `hello`."""

    token: str
    visitor: VisitorData
    desk: wire.DeskData
    talk: wire.TalkData
    cursor: str
    messages: list[wire.Line]
    more: bool
    """Whether there are lines before these."""
    unread: int
    """Operators' lines among `messages` that no person has seen yet."""
    rooms: list[Room]
    settings: WidgetSettings
    limits: Limits


class PageParams(Struct, frozen=True):
    """Params of `page`."""

    token: str | None = None
    url: str = ""
    title: str = ""
    visible: bool = True
    opened: bool = False
    """As in `hello`; once it was so, it stays so for the visit."""


class Bye(Struct, frozen=True):
    """Params of `bye`."""

    token: str | None = None


class Nobody(Struct, frozen=True):
    """Params of `ping`."""


async def hello(web: Services, call: Call, params: Hello) -> Welcome:
    """A page has loaded, or its widget was opened. No SQL unless the visitor has spoken."""
    token = web.tokens.read(params.token) if params.token else None
    if token is not None and token.site != params.site:
        token = None
    if token is None and (wait := web.new_visitors.take(call.caller.address)):
        raise TooManyVisitors(wait)
    site = web.directory.site(params.site)
    web.origins.check(site.key, call.caller.origin)
    if token is not None:
        refuse_banned(web, token)
    known = await recall(web, token) if token else None
    visit = _arriving(web, call, site, params, known)
    asked = asked_room(web, visit, params.room) if params.room is not None else None
    if known is not None and known.spoken and known.details != visit.details:
        await web.talks.save_details(visit)
    stream = call.caller.stream
    here = web.attendance.visit(visit.visitor)
    if here is not None:
        visit = replace(visit, rooms=here.rooms)  # somebody may have had them go meanwhile
    visit = web.attendance.update(visit, stream.number if stream else None, loaded=True)
    if params.page.visible:
        web.attendance.active(visit.visitor)
    fresh = web.tokens.issue(visit, token.epoch if token else 0)
    seat = web.seats.seat(visit)
    cursor, lines = await _settle(web, call, visit, fresh, seat)
    cursor, rooms = await _enter_rooms(web, call, site, visit, cursor, asked, params.name)
    standing = seat.standing
    if call.caller.stream is None:
        cursor = replace(cursor, told=digests(standing))
    messages = [wire.line(line, visit.visitor) for line in lines[-WELCOME_LINES:]]
    return Welcome(
        token=web.tokens.text(fresh),
        visitor=VisitorData(visit.visitor, visit.name),
        desk=standing[0],
        talk=standing[1],
        cursor=web.cursors.text(visit.visitor, cursor),
        messages=messages,
        more=len(lines) > len(messages),
        unread=seat.unread(lines[-WELCOME_LINES:]),
        rooms=rooms,
        settings=_widget_settings(web, site),
        limits=Limits(
            web.settings.message_chars,
            web.settings.request_bytes,
            web.settings.messages_per_minute,
        ),
    )


async def page(web: Services, call: Call, params: PageParams) -> Nothing:
    """The visitor reads another page, hides or shows it, or has opened the widget."""
    guest = await identify(web, call, params.token)
    found = clean_page(
        params.url, params.title, "", params.visible, guest.site.settings.presence.page_parameters
    )
    found = replace(found, referrer=guest.visit.page.referrer)
    opened = guest.visit.opened or params.opened
    _update(web, call, guest, replace(guest.visit, page=found, opened=opened))
    return NOTHING


async def ping(web: Services, call: Call, params: Nobody) -> Nothing:
    """Whether the way is open."""
    return NOTHING


async def bye(web: Services, call: Call, params: Bye) -> Nothing:
    """The page goes. The grace period begins: the visitor may only have followed a link."""
    stream = call.caller.stream
    if stream is not None and stream.token is not None:
        web.attendance.closed(stream.token.visitor, stream.number)
    else:
        web.attendance.touch(read_token(web, call.caller, params.token).visitor)
    return NOTHING


def _arriving(web: Services, call: Call, site: Site, params: Hello, known: Visit | None) -> Visit:
    visit = known or Visit(
        new_visitor_id(), site.key, secrets.choice(web.settings.domains), since=web.clock.now()
    )
    page = params.page
    changed = clean_page(
        page.url, page.title, page.referrer, page.visible, site.settings.presence.page_parameters
    )
    visit = replace(visit, page=changed, opened=visit.opened or page.opened, bare=False)
    if call.caller.browser:
        visit = replace(visit, browser=call.caller.browser)
    if params.time_zone is not None and params.time_zone in web.time_zones:
        # One string for all visitors of a zone.
        visit = replace(visit, time_zone=sys.intern(params.time_zone))
    if params.locale:
        visit = replace(visit, locale=clean_line(params.locale, _LOCALE_CHARS))
    if params.name and not visit.details.name:
        name = clean_line(params.name, NAME_CHARS)
        visit = visit.described(replace(visit.details, name=name))
    return visit


async def _settle(
    web: Services, call: Call, visit: Visit, token: VisitorToken, seat: Seat
) -> tuple[StreamCursor, list[Message]]:
    """Seats the visitor first and reads then, so that nothing falls between.

    The log's end comes before the lines: what is changed after it is told again by an event.
    Gives a line more than are shown, if there is one.
    """
    tag = secrets.randbits(31)
    stream = call.caller.stream
    if stream is not None:
        stream.follow(token, seat, tag)
    else:
        seat.told(tag)
    place = Place(0)
    lines: list[Message] = []
    if not visit.spoken:
        await seat.learn(spoken=False)
    else:
        place = await seat.end()
        lines = await web.talks.history(visit.visitor, place.seq + 1, WELCOME_LINES + 1)
    if stream is not None:
        stream.stand_at(place)
    return StreamCursor(tag, {wire.DESK: place}), lines


async def _enter_rooms(
    web: Services,
    call: Call,
    site: Site,
    visit: Visit,
    cursor: StreamCursor,
    asked: AskedRoom | None,
    name: str | None,
) -> tuple[StreamCursor, list[Room]]:
    """The rooms that the visitor is in, and the one that is asked for; not those of other pages."""
    leave_other_pages(web, visit, asked)
    if asked is not None:
        hall = web.halls.hall(asked)
        await hall.learn()
        enter_somehow(web, site, visit.visitor, hall, name)
    here = web.attendance.visit(visit.visitor)
    places, names, rooms = dict(cursor.places), dict[str, str](), list[Room]()
    stream = call.caller.stream
    for seated in here.rooms if here is not None else ():
        if is_others_page(seated, asked):
            continue
        if (found := web.halls.find(seated.room)) is None:
            continue
        hall, who = found, found.roster[found.room.occupant(visit.visitor)]
        if who is None:
            continue
        if stream is not None:
            stream.enter(hall, who.id)
        place, room = await welcome(hall, who)
        if stream is not None:
            stream.stand_in(hall, place)
        places[seated.room], names[seated.room] = place, who.name
        rooms.append(room)
    return StreamCursor(cursor.tag, places, names), rooms


def _update(web: Services, call: Call, guest: Guest, visit: Visit) -> None:
    stream = None if call.caller.gone else call.caller.stream
    guest.visit = web.attendance.update(visit, stream.number if stream is not None else None)


def _widget_settings(web: Services, site: Site) -> WidgetSettings:
    settings = site.settings
    upload, hours = settings.upload, settings.hours
    opens = next_opening(hours, web.clock.now())
    return WidgetSettings(
        settings.title,
        settings.presence.on_load,
        _look(settings.look),
        settings.forms,
        Upload(upload.max_bytes, upload.types) if upload.on and web.uploads.possible else None,
        settings.triggers,
        Hours(wire.rfc3339(opens) if opens is not None else None) if hours else None,
    )


def _look(look: LookSettings) -> Look:
    style = ""
    if look.accent:
        # Black or white, whichever is easier to read on it.
        on_accent = "#000" if _luminance(look.accent) > _AS_DARK_AS_LIGHT else "#fff"
        style = f"--site-accent:{look.accent};--site-on-accent:{on_accent}"
    return Look(style, look.position, look.greeting)


def _luminance(colour: str) -> float:
    """Of `#rgb` or `#rrggbb`, 0 to 1 (WCAG 2.2, relative luminance, with a gamma of 2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    red, green, blue = ((channel / 255) ** 2 for channel in bytes.fromhex(digits))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
