"""Rooms, where everybody on a site talks: what they are called and how they are set.

A room is a conversation with many participants. Its id is `<name>%<site key>`, which no visitor's
id can be; on the wire to browsers it is the name alone. Rooms are the site's to name. Two kinds
exist besides by being used: each page's own, where a site wants it, whose name is made from the
page's address; and each visitor's, into which operators call those of a desk talk.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import re
import secrets
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field

ROOM_NAME = r"^(?!(?:desk|page)$)[a-z0-9-]{1,40}$"
PAGE = "page"
"""What a widget asks for that wants the page's own room."""
MOST_ROOMS = 100
MOST_AFFILIATIONS = 1000
MOST_WORDS = 500

_PAGE_ROOM = re.compile(r"^p-[a-z2-7]{16}$")
_TALK_ROOM = re.compile(r"^t-[a-z2-7]{16}$")
_NAME = re.compile(ROOM_NAME)

RoomName = Annotated[str, Meta(pattern=ROOM_NAME)]


class Affiliation(enum.StrEnum):
    """What somebody is to a room for good (XEP-0045 §5.2)."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    NONE = "none"
    OUTCAST = "outcast"


class Role(enum.StrEnum):
    """What somebody may do in a room while they are there (XEP-0045 §5.1)."""

    MODERATOR = "moderator"
    PARTICIPANT = "participant"
    VISITOR = "visitor"
    NONE = "none"


class RoomSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A room as its site or its owners want it; of numbers that limit, 0 is no limit."""

    title: Annotated[str, Meta(max_length=80)] = ""
    """Empty: its name."""
    subject: Annotated[str, Meta(max_length=500)] = ""
    public: bool = False
    """Whether its log may be read by anybody, from caches too."""
    listed: bool = True
    """Whether Jabber clients find it."""
    moderated: bool = False
    """Whether newcomers listen only, until a moderator gives them voice."""
    members_only: bool = False
    """Whether Jabber users need to be members; visitors of the site may always come."""
    guests: bool = True
    """Whether visitors of the site may come."""
    slow_seconds: Annotated[float, Meta(ge=0)] = 0
    """So long everybody but moderators waits between two messages."""
    messages_per_minute: Annotated[int, Meta(ge=0)] = 300
    """Of everybody together but moderators: beyond it the room is quiet for a while."""
    links: bool = True
    """Whether others than moderators may send links."""
    words: Annotated[tuple[str, ...], Meta(max_length=MOST_WORDS)] = ()
    """Messages that have one of these are refused, whatever the case."""
    named: Annotated[int, Meta(ge=0)] = 100
    """So many guests are shown to Jabber clients by name; the rest are counted."""
    affiliations: Annotated[dict[str, Affiliation], Meta(max_length=MOST_AFFILIATIONS)] = {}
    """By bare JID; operators are admins without it."""
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    """Of the ids that its occupants have in it (XEP-0421)."""


class RoomId(NamedTuple):
    """A room's name and its site's key."""

    name: str
    site: str

    @property
    def conversation(self) -> str:
        """The id of its log."""
        return f"{self.name}%{self.site}"


class Room(Struct, frozen=True):
    """A room that there is."""

    id: RoomId
    settings: RoomSettings

    @property
    def conversation(self) -> str:
        """The id of its log."""
        return self.id.conversation

    @property
    def title(self) -> str:
        """For people."""
        return self.settings.title or self.id.name

    def admits(self, visitor: str) -> bool:
        """Whether a visitor of the site may come."""
        own = not is_talk_room(self.id.name) or self.id.name == talk_room(visitor)
        return self.settings.guests and own

    def occupant(self, who: str) -> str:
        """The id in this room of a visitor, or of a bare JID: the same each time (XEP-0421 §4).

        It is told to everybody, and nobody can tell whose it is.
        """
        key = self.settings.salt.encode()[:64]
        digest = hashlib.blake2b(f"{self.conversation}\0{who}".encode(), key=key, digest_size=10)
        return "g-" + base64.b32encode(digest.digest()).decode().lower()


class Seated(Struct, frozen=True):
    """A room that a visitor is in, by its conversation, and what they are called there."""

    room: str
    name: str


def room_of(conversation: str) -> RoomId | None:
    """The room whose log it is; None: it is a desk's."""
    name, percent, site = conversation.partition("%")
    return RoomId(name, site) if percent else None


def is_room_name(name: str) -> bool:
    """Whether a room may be called so."""
    return _NAME.match(name) is not None


def is_page_room(name: str) -> bool:
    """Whether it is the name of a page's own room."""
    return _PAGE_ROOM.match(name) is not None


def page_room(address: str) -> str:
    """The name of the room of a page, by its address without query and fragment."""
    digest = hashlib.blake2b(address.encode(), digest_size=10).digest()
    return "p-" + base64.b32encode(digest).decode().lower()


def is_talk_room(name: str) -> bool:
    """Whether it is the name of a visitor's room for their talks with the desk."""
    return _TALK_ROOM.match(name) is not None


def talk_room(visitor: str) -> str:
    """The name of a visitor's room for their talks with the desk."""
    return "t-" + visitor.removeprefix("v-")


def talk_room_settings(name: str, secret: str) -> RoomSettings:
    """How such a room is set: nobody finds it, and of Jabber users only operators may enter.

    `secret`: the site's own, for the occupants' ids.
    """
    title = f"Talk with Visitor {name[2:6]}"
    return RoomSettings(title=title, listed=False, members_only=True, salt=secret)
