"""The values that every floor talks about: frozen, typed, right by construction.

Times are integers, milliseconds since 1970 UTC. Ids are strings.
"""

from __future__ import annotations

import base64
import enum
import secrets

from msgspec import Struct
from msgspec.structs import replace

from .rooms import Role, Seated

VISITOR_ID = r"^v-[a-z2-7]{16}$"

CLIENT_ID_CHARS = 64
NAME_CHARS = 80
TITLE_CHARS = 200
URL_CHARS = 500
FILE_NAME_CHARS = 120
MOST_FIELDS = 20
"""Told by one visitor, and of one form."""


def _random_id(prefix: str, octets: int) -> str:
    return prefix + base64.b32encode(secrets.token_bytes(octets)).decode().lower()


def new_visitor_id() -> str:
    """`v-` and 16 characters of base32: 80 random bits."""
    return _random_id("v-", 10)


def new_operator_id() -> str:
    """An operator's name towards visitors, who must never learn a JID."""
    return _random_id("o-", 5)


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
    tags: tuple[str, ...] = ()
    """What operators call the visitor among themselves."""
    verified: str = ""
    """The site's own id of the visitor, proven by its secret; name and email came beside it."""


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
    browser: str = ""
    """For people, such as `Firefox on Android`."""
    time_zone: str = ""
    """Of the IANA database, such as `Europe/Berlin`."""
    opened: bool = False
    """Whether the visitor has opened the widget, or written, in this visit."""
    active_at: int = 0
    """When the visitor last did something, as far as it is known; 0 is unknown."""
    generation: int = 0
    """Grows with each change of the details; the token has it too, and tells an old copy by it."""
    rooms: tuple[Seated, ...] = ()
    bare: bool = False
    """Whether all that is known is what the token says: the page, and the rooms, were lost."""
    revision: int = 0
    """When the page was told of last; grows each time, so that of two nodes' the later is known."""
    rooms_revision: int = 0
    """The same of the rooms; 0 is unknown."""

    @property
    def name(self) -> str:
        """The name that operators see."""
        return self.details.name or default_name(self.visitor)

    def described(self, details: Details) -> Visit:
        """The visit with these details: of the next generation, if they are others."""
        if details == self.details:
            return self
        return replace(self, details=details, generation=self.generation + 1)


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


class Occupant(Struct, frozen=True):
    """Somebody in a room; `id` means something in this room only and says nothing of who it is."""

    id: str
    kind: SenderKind
    name: str
    role: Role = Role.PARTICIPANT


class RoomClient(Struct, frozen=True):
    """A Jabber client that is in a room, or a visitor that such clients know of there."""

    room: str
    """The room's log."""
    jid: str
    """Full; its bare part is whose client it is, or the visitor's own."""
    nick: str
    role: str = ""
    """What a moderator has given them; "": it is as it was when they came."""


class Act(enum.StrEnum):
    """What a row of the log does."""

    SAY = "say"
    NOTE = "note"
    """A word among operators, which no visitor ever gets."""
    PUSH = "push"
    """The visitor's page is to go to the address in `body`."""
    INVITE = "invite"
    """The visitor is asked into the room of the name in `body`."""
    EDIT = "edit"
    RETRACT = "retract"
    MODERATE = "moderate"
    """A retraction by who may retract other people's lines; `body` may say why."""
    REACT = "react"
    """`body` is all of the sender's emoji on the line, with spaces between."""


CHANGES = frozenset({Act.EDIT, Act.RETRACT, Act.MODERATE, Act.REACT})
"""The acts that change an earlier line, the row's `target`."""
TO_VISITOR = frozenset({Act.PUSH, Act.INVITE})
"""The acts that are nothing to operators."""


class Reaction(Struct, frozen=True):
    """One emoji on a line, and all who chose it."""

    emoji: str
    by: tuple[Sender, ...]


class Attachment(Struct, frozen=True, omit_defaults=True):
    """A file that a line points to; `size` in octets, 0 if nobody knows it."""

    url: str
    name: str
    type: str = ""
    size: int = 0


class Message(Struct, frozen=True):
    """One row of a conversation's log.

    A change is a row of its own, so that every cursor meets it; the line that it changes stands
    in the store as it is after the change.
    """

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
    act: Act = Act.SAY
    target: int | None = None
    """The seq of the line that a change is about."""
    edited_at: int = 0
    """When the line was changed last; 0 if it never was."""
    retracted: bool = False
    reactions: tuple[Reaction, ...] = ()
    """Those on the line; of a REACT, those on its target after it."""
    attachment: Attachment | None = None
    retracted_by: int = 0
    """The seq of the row that took it back."""


class Rating(Struct, frozen=True):
    """What a visitor thought of a talk: one a talk, the last."""

    conversation: str
    talk: int
    """Within the talk's lines: the first one's seq while it is under way, then the last one's."""
    site: str
    operator: str | None
    """The id of the operator who had the talk."""
    score: int
    """1 to 5."""
    comment: str
    at: int


class Phase(enum.StrEnum):
    """Where a visitor's talk with the desk stands."""

    QUIET = "quiet"
    WAITING = "waiting"
    TAKEN = "taken"
    ROOM = "room"
    """It is a room's: there is no talk in it."""


class TalkState(Struct, frozen=True):
    """A talk: a stretch of a conversation between its first line and its end."""

    phase: Phase = Phase.QUIET
    operator: str | None = None
    """The id of the operator who has it, when TAKEN; else of the one who had it last."""
    since: int = 0
    """The seq before the talk's first line."""
    others: tuple[str, ...] = ()
    """The ids of further operators in it, in the order in which they came."""


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


class Ban(Struct, frozen=True):
    """A visitor who is not served; `until` in ms since 1970 UTC, 0 for good."""

    site: str
    visitor: str
    until: int
    by: str
    """Who banned: an operator's name, or a word for the command."""
    at: int
    name: str = ""
    """The visitor's name then."""

    def holds(self, now: int) -> bool:
        """Whether it is not over yet."""
        return not self.until or now < self.until


class Shown(Struct, frozen=True):
    """A visitor that an operator's contact list was told of."""

    domain: str
    operator: str
    """The operator's address, not the id: the entry outlives the operator's removal."""
    visitor: str
    name: str
    group: str
