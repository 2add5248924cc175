"""Ids <-> JIDs, injective both ways.

`<visitor id>@<domain>/web` is a visitor, `<site key>@<domain>/desk` a desk, `<domain>` the
component, `<name>%<site key>@<domain>` a room: its local part is its log's id, and servers take a
`%` as it is (XEP-0106 escapes none).
Site keys never begin with `v-` and have no `%`, so that the local part alone tells which it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from switchboard.model import VISITOR_ID
from switchboard.site import SITE_KEY

VISITOR_RESOURCE = "web"
DESK_RESOURCE = "desk"

_VISITOR = re.compile(VISITOR_ID)
_SITE = re.compile(SITE_KEY)


class Jid(NamedTuple):
    """A JID in its parts (RFC 7622), as the server stamped it: prepared and in lower case."""

    local: str
    domain: str
    resource: str

    @property
    def bare(self) -> str:
        """`local@domain`, or `domain`."""
        return f"{self.local}@{self.domain}" if self.local else self.domain

    @property
    def full(self) -> str:
        """With the resource, if there is one."""
        return f"{self.bare}/{self.resource}" if self.resource else self.bare


def parse(jid: str) -> Jid:
    """Takes a JID apart (RFC 7622 §3.2); the parts are not validated."""
    bare, _, resource = jid.partition("/")
    local, at, domain = bare.partition("@")
    return Jid(local, domain, resource) if at else Jid("", bare, resource)


def visitor_of(local: str) -> str | None:
    """The visitor's id that a local part is, or None."""
    return local if _VISITOR.match(local) else None


def site_of(local: str) -> str | None:
    """The site's key that a local part may be, or None."""
    return local if _SITE.match(local) else None


def is_room(local: str) -> bool:
    """Whether a local part is a room's, whether or not there is one."""
    return "%" in local


def room_bare(conversation: str, domain: str) -> str:
    """A room, by its log's id."""
    return f"{conversation}@{domain}"


def room_full(conversation: str, domain: str, nick: str) -> str:
    """An occupant of a room."""
    return f"{conversation}@{domain}/{nick}"


def visitor_bare(visitor: str, domain: str) -> str:
    """A visitor's bare JID: the entry in a contact list."""
    return f"{visitor}@{domain}"


def visitor_full(visitor: str, domain: str) -> str:
    """Where a visitor's stanzas come from."""
    return f"{visitor}@{domain}/{VISITOR_RESOURCE}"


def desk_bare(site: str, domain: str) -> str:
    """A site's desk: the entry in a contact list."""
    return f"{site}@{domain}"


def desk_full(site: str, domain: str) -> str:
    """Where a desk's presence comes from.

    Gajim shows a contact without a resource as offline, and Pidgin offers no commands on one.
    """
    return f"{site}@{domain}/{DESK_RESOURCE}"


def stanza_id(visitor: str, seq: int) -> str:
    """The id of the message that carries a line: the same whenever it is sent again."""
    return f"{visitor[2:]}-{seq}"


def seq_of(visitor: str, id: str) -> int | None:
    """The line that a stanza id stands for, if it is one of this visitor's."""
    name, _, number = id.rpartition("-")
    if name != visitor[2:] or not (number.isascii() and number.isdigit()) or len(number) > 12:
        return None
    return int(number)
