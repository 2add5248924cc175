"""A site, and all that its admins can set for it, checked when it is set."""

from __future__ import annotations

import enum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from .hours import HoursSettings
from .model import MOST_FIELDS, NAME_CHARS, TITLE_CHARS
from .rooms import MOST_ROOMS, RoomName, RoomSettings

SITE_KEY = r"^(?!v-)[a-z0-9][a-z0-9-]{0,39}$"
"""No visitor's id is one."""


class PresenceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which visitors operators see, and how much of the page."""

    on_load: bool = True
    """Whether the widget says hello when the page loads, or first when it is opened."""
    show: Literal["all", "opened", "spoke"] = "all"
    """Everybody on the site, those who opened the widget or wrote, or those who talk."""
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

    accent: Annotated[str, Meta(pattern=r"^(#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?)?$")] = ""
    """A colour as `#0a6` or `#00aa66`; empty: Parley's own."""
    position: Literal["right", "left"] = "right"
    greeting: str = ""


class FormField(Struct, frozen=True, forbid_unknown_fields=True):
    """What a form asks for; a `select` among its `options`.

    `name`, `email` and `phone` are who the visitor is, any other name is a field of theirs.
    """

    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS)]
    label: Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS)]
    kind: Literal["text", "email", "tel", "textarea", "select"] = "text"
    required: bool = False
    options: tuple[Annotated[str, Meta(max_length=TITLE_CHARS)], ...] = ()

    def __post_init__(self) -> None:
        if bool(self.options) != (self.kind == "select"):
            raise ValueError(f"{self.name!r}: a select, and nothing else, has options")


Fields = Annotated[tuple[FormField, ...], Meta(max_length=MOST_FIELDS)]


class FormSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What visitors are asked."""

    pre_chat: Fields = ()
    """Before their first message."""
    offline: Fields = ()
    """Beside what they write while the desk is offline."""
    rating: bool = True
    """Whether they are asked how it was when a talk has ended."""

    def __post_init__(self) -> None:
        for form in (self.pre_chat, self.offline):
            if len({field.name for field in form}) < len(form):
                raise ValueError("two fields of a form have the same name")


class UploadSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether visitors may send files."""

    on: bool = False
    max_bytes: Annotated[int, Meta(ge=1)] = 10_000_000
    types: tuple[str, ...] = ()
    """Which, as in HTML's `accept`: `image/*`, `application/pdf`, `.zip`; none are all."""


class Trigger(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A word of the widget's by itself, once all that is given here holds."""

    text: Annotated[str, Meta(min_length=1, max_length=TITLE_CHARS)]
    seconds: Annotated[float, Meta(ge=0)] | None = None
    """Spent on the page."""
    url: str | None = None
    """A glob for the page's address, such as `*/prices*`."""
    scroll: Annotated[float, Meta(ge=0, le=100)] | None = None
    """How far down the page has been read, per cent."""
    exit: bool | None = None
    """Whether the pointer has left for the browser's bar."""


class SiteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """All that an admin can set for a site, by `parley site set KEY path=value`."""

    title: str
    origins: tuple[str, ...]
    identify_secret: str
    presence: PresenceSettings = PresenceSettings()
    talk: TalkSettings = TalkSettings()
    routing: RoutingSettings = RoutingSettings()
    look: LookSettings = LookSettings()
    forms: FormSettings = FormSettings()
    upload: UploadSettings = UploadSettings()
    hours: HoursSettings = HoursSettings()
    triggers: Annotated[tuple[Trigger, ...], Meta(max_length=20)] = ()
    rooms: Annotated[dict[RoomName, RoomSettings], Meta(max_length=MOST_ROOMS)] = {}
    page_rooms: RoomSettings | None = None
    """How each page's own room is set, if pages have any."""
    canned: dict[str, str] = {}
    """Ready answers by name, in their order; `{name}` in one stands for the visitor's name."""


class Site(Struct, frozen=True):
    """A website with its own operators; `key` is its name in URLs and JIDs."""

    key: str
    settings: SiteSettings
