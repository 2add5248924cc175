"""The values that every floor talks about: frozen, typed, right by construction.

Times are integers, milliseconds since 1970 UTC. Ids are strings.
"""

from __future__ import annotations

import base64
import enum
import secrets
from typing import Annotated, Literal

from msgspec import Meta, Struct

SITE_KEY = r"^(?!v-)[a-z0-9][a-z0-9-]{0,39}$"
VISITOR_ID = r"^v-[a-z2-7]{16}$"
ROOM_NAME = r"^[a-z0-9-]{1,40}$"

CLIENT_ID_CHARS = 64
NAME_CHARS = 80
TITLE_CHARS = 200
URL_CHARS = 500


def _random_id(prefix: str, octets: int) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(octets)).decode().lower()


def new_visitor_id() -> str:
    """`v-` and 16 characters of base32: 80 random bits."""
    return _random_id("v-", 10)


def new_operator_id() -> str:
    """An operator's name towards visitors, who must never learn a JID."""
    return _random_id("o-", 5)


class PresenceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which visitors operators see, and how much of the page."""

    on_load: bool = True
    """Whether the widget says hello when the page loads, or first when it is opened."""
    show: Literal["all", "spoke"] = "all"
    max_buddies: int = 50
    """Visitors shown to one operator at most; the rest are counted in the desk's status."""
    without_roster: Literal["desk", "subscribe"] = "desk"
    """Where nobody can write an operator's contact list: the desk is the one contact, or visitors
    ask to be added."""
    page_parameters: tuple[str, ...] = ()
    """Query parameters that are kept in a page's address; all others are dropped."""


class TalkSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When a talk ends by itself."""

    idle_hours: float = 4.0


class RoutingPolicy(enum.StrEnum):
    """Who is asked to take a visitor; `routing.py` says how."""

    ALL = "all"
    ROUND_ROBIN = "round_robin"
    LEAST_BUSY = "least_busy"
    LAST_OPERATOR = "last_operator"


class RoutingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Who gets a visitor, and for how long."""

    policy: RoutingPolicy = RoutingPolicy.ALL
    capacity: Annotated[int, Meta(ge=0)] = 0
    """Talks that one operator may have at a time; 0 is no limit."""
    answer_seconds: Annotated[float, Meta(ge=0)] = 60.0
    """So long one who is asked alone may take to answer; 0 is for ever."""
    hand_back_seconds: Annotated[float, Meta(ge=0)] = 60.0
    """So long a talk stays its operator's after they went offline."""


class LookSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What the widget shows of the site."""

    accent: str = ""
    position: Literal["right", "left"] = "right"
    greeting: str = ""


class SiteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """All that an admin can set for a site, by `parley site set KEY path=value`."""

    title: str
    origins: tuple[str, ...]
    identify_secret: str
    presence: PresenceSettings = PresenceSettings()
    talk: TalkSettings = TalkSettings()
    routing: RoutingSettings = RoutingSettings()
    look: LookSettings = LookSettings()


class Site(Struct, frozen=True):
    """A website with its own operators; `key` is its name in URLs and JIDs."""

    key: str
    settings: SiteSettings


class Operator(Struct, frozen=True):
    """Someone who may answer a site's visitors; `address` is where (a bare JID)."""

    id: str
    site: str
    address: str
    name: str


class Details(Struct, frozen=True):
    """What a visitor told of themselves; unverified until `identify` says otherwise."""

    name: str = ""
    email: str = ""
    phone: str = ""
    fields: dict[str, str] = {}


class Page(Struct, frozen=True):
    """The page that a visitor reads."""

    url: str = ""
    title: str = ""
    referrer: str = ""
    visible: bool = True


class Visit(Struct, frozen=True):
    """A visitor who is here: lives in the cache, may be lost, is never in the store."""

    visitor: str
    site: str
    domain: str
    page: Page = Page()
    details: Details = Details()
    locale: str = ""
    spoken: bool = False
    """Whether a conversation may exist in the store: False spares the web side all SQL."""
    since: int = 0

    @property
    def name(self) -> str:
        """The name that operators see."""
        return self.details.name or default_name(self.visitor)


def default_name(visitor: str) -> str:
    """A visitor's name as long as they gave none."""
    return f"Visitor {visitor[2:6]}"


class SenderKind(enum.StrEnum):
    """Who speaks: decides how a line is shown, and is never taken from a client."""

    VISITOR = "visitor"
    OPERATOR = "operator"
    SYSTEM = "system"


class Sender(Struct, frozen=True):
    """Who wrote a message; `id` means something within its conversation only."""

    kind: SenderKind
    id: str
    name: str


class Message(Struct, frozen=True):
    """One line of a conversation's log."""

    conversation: str
    seq: int
    """1, 2, 3 … without a hole within the conversation."""
    client_id: str
    """Made by whoever sent it: the same send twice is one line."""
    sender: Sender
    body: str
    at: int
    reply_to: int | None = None
    origin: str | None = None
    """An edge's own note on where it came from, so that the sender can be answered."""


class Phase(enum.StrEnum):
    """Where a visitor's talk with the desk stands."""

    QUIET = "quiet"
    WAITING = "waiting"
    TAKEN = "taken"


class TalkState(Struct, frozen=True):
    """A talk: a stretch of a conversation between its first line and its end."""

    phase: Phase = Phase.QUIET
    operator: str | None = None
    """The id of the operator who has it, when TAKEN; else of the one who had it last."""
    since: int = 0
    """The seq before the talk's first line."""


class Cursor(Struct, frozen=True):
    """How far a participant is; `read` implies `delivered`."""

    delivered: int = 0
    read: int = 0


class Conversation(Struct, frozen=True):
    """A log with its state and its participants' cursors, by participant id."""

    id: str
    site: str
    domain: str
    seq: int
    """The last line's; 0 if there is none."""
    state: TalkState
    updated_at: int
    cursors: dict[str, Cursor] = {}
    name: str = ""
    """The visitor's name when they last wrote or told it."""


class DeskState(enum.StrEnum):
    """What the visitor may expect; true by guarantee 6 of the design."""

    ONLINE = "online"
    BUSY = "busy"
    OFFLINE = "offline"


class Shown(Struct, frozen=True):
    """A visitor that an operator's contact list was told of."""

    domain: str
    operator: str
    """The operator's address, not the id: the entry outlives the operator's removal."""
    visitor: str
    name: str
    group: str
