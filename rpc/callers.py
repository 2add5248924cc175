"""Who calls: where from, over what, and as which visitor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from switchboard.errors import Forbidden
from switchboard.model import Details, Visit
from switchboard.site import Site

from . import wire
from .hall import Hall
from .services import Services
from .tokens import Place, VisitorToken
from .waiters import Seat


class Stream(Protocol):
    """An open stream, as the methods see it: it has a visitor from `hello` or `resume` on."""

    number: int
    """Unique in this process: the attendance counts the visitor's streams by it."""
    token: VisitorToken | None

    def follow(self, token: VisitorToken, seat: Seat, tag: int) -> None:
        """From now on it is this visitor's, and misses nothing."""

    def stand_at(self, place: Place | None, news: Sequence[wire.EventData] = ()) -> None:
        """Where events begin, once the call is answered, after `news`; None: with `reset`."""

    def enter(self, hall: Hall, own: str) -> None:
        """From now on it misses nothing of a room, where it is the occupant of that id."""

    def stand_in(self, hall: Hall, place: Place) -> None:
        """Where a room's events begin, once the call is answered."""

    def reads(self, hall: Hall) -> bool:
        """Whether it hears of that room."""

    def cursor(self) -> str:
        """Where it is in all that it reads."""

    def leave(self, conversation: str) -> None:
        """It hears nothing more of the room whose log it is."""


class Waiting(Protocol):
    """A call that waits."""

    def cut_short(self) -> None:
        """Ends the wait now."""


class Caller:
    """One connection's other end; with `stream`, events go out on it."""

    __slots__ = ("address", "browser", "gone", "origin", "stream", "waiting")

    def __init__(
        self,
        origin: str | None,
        address: str,
        stream: Stream | None = None,
        browser: str = "",
    ) -> None:
        self.origin = origin
        self.address = address
        self.browser = browser
        """For people, such as `Firefox on Android`; "" if it is not known."""
        self.stream = stream
        self.waiting: Waiting | None = None
        self.gone = False

    def hang_up(self) -> None:
        """The client is gone: what it waits for is given up, what it said is still done."""
        self.gone = True
        if self.waiting is not None:
            self.waiting.cut_short()


class Call:
    """One call on its way through a method."""

    __slots__ = ("alone", "caller", "guest")

    def __init__(self, caller: Caller, alone: bool) -> None:
        self.caller = caller
        self.alone = alone
        """Whether it is the only one of its request, and so may wait."""
        self.guest: Guest | None = None


class Guest(Struct):
    """The visitor on whose behalf a call is made."""

    token: VisitorToken
    site: Site
    visit: Visit


async def identify(web: Services, call: Call, text: str | None) -> Guest:
    """The visitor that a token names, or whose socket it is; who is not here, is from now on.

    Raises Forbidden (`bad_token`, or banned), WrongOrigin, NotFound `unknown_site`, RetryLater.
    """
    stream = call.caller.stream
    token = stream.token if stream is not None else None
    if token is None:
        token = read_token(web, call.caller, text)
    return await as_guest(web, call, token)


async def as_guest(web: Services, call: Call, token: VisitorToken) -> Guest:
    """The visitor of a token that has been checked. Raises as `identify`."""
    site = web.directory.site(token.site)
    refuse_banned(web, token)
    visit = web.attendance.visit(token.visitor)
    if visit is None or visit.generation < token.generation:
        visit = await recall(web, token)
        visit = web.attendance.update(visit)
    else:
        web.attendance.touch(token.visitor)
        if token.spoken and not visit.spoken:
            visit = web.attendance.update(replace(visit, spoken=True))
    call.guest = Guest(token, site, visit)
    return call.guest


def refuse_banned(web: Services, token: VisitorToken) -> None:
    """Raises Forbidden if the visitor is not served."""
    ban = web.directory.ban(token.site, token.visitor)
    if ban is not None and ban.holds(web.clock.now()):
        raise Forbidden("forbidden", "You cannot write here now.")


def read_token(web: Services, caller: Caller, text: str | None) -> VisitorToken:
    """The token, checked together with the origin. Raises as `identify`."""
    token = web.tokens.read(text) if text else None
    if token is None:
        raise Forbidden("bad_token", "The token is missing, too old or not ours: call hello.")
    web.directory.site(token.site)
    web.origins.check(token.site, caller.origin)
    return token


async def recall(web: Services, token: VisitorToken) -> Visit:
    """What is known of a visitor who comes back; of one who never spoke without any SQL.

    Details that are older than those that the token has seen count as lost: the store has them,
    if the visitor has spoken.
    """
    here = _here(web, token)
    if here is not None and here.generation >= token.generation:
        return _with_spoken(here, token.spoken)
    known = await web.attendance.cached(token.visitor)
    if known is not None and known.site != token.site:
        known = None
    spoken = token.spoken or any(visit is not None and visit.spoken for visit in (here, known))
    if known is None or known.generation < token.generation:
        details = await web.talks.details(token.visitor) if spoken else None
        known = Visit(
            token.visitor,
            token.site,
            token.domain,
            details=details or Details(),
            since=web.clock.now(),
            generation=token.generation,
            bare=True,
        )
    here = _here(web, token)
    if here is not None:
        # Only the details may be old of who is here.
        details, generation = known.details, known.generation
        old = here.generation < generation
        known = replace(here, details=details, generation=generation) if old else here
    return _with_spoken(known, spoken)


def _here(web: Services, token: VisitorToken) -> Visit | None:
    visit = web.attendance.visit(token.visitor)
    return visit if visit is not None and visit.site == token.site else None


def _with_spoken(visit: Visit, spoken: bool) -> Visit:
    return replace(visit, spoken=True) if spoken and not visit.spoken else visit
