"""What `parley ban` and `parley unban` do to the store."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from switchboard.clock import SystemClock
from switchboard.errors import Reject
from switchboard.model import VISITOR_ID, Ban
from switchboard.ports import Store
from switchboard.reception import Bans, Directory
from switchboard.reception.bans import duration

from . import sites

BY = "parley ban"


async def ban(store: Store, site: str, visitor: str, lasts: str) -> str:
    """Serves a visitor no more; what was done, for people. Raises Reject or NotFound."""
    await sites.find(store, site)
    id = visitor_id(visitor)
    known = await store.conversation(id)
    name = known.name if known is not None else ""
    made = await _bans(store).ban(site, id, name, BY, duration(lasts))
    return f"{id} is banned from {site} {term(made)}"


async def lift(store: Store, site: str, visitor: str) -> str:
    """Serves a visitor again. Raises Reject or NotFound."""
    await sites.find(store, site)
    id = visitor_id(visitor)
    await _bans(store).lift(site, id)
    return f"{id} is no longer banned from {site}"


async def listing(store: Store, site: str) -> list[dict[str, str]]:
    """A row a ban that holds, oldest first. Raises NotFound."""
    await sites.find(store, site)
    return [
        {"visitor": one.visitor, "name": one.name, "until": term(one), "by": one.by}
        for one in await _bans(store).holding(site)
    ]


def visitor_id(text: str) -> str:
    """The id in `v-…` or `v-…@domain`. Raises Reject."""
    id = text.partition("@")[0].lower()
    if not re.match(VISITOR_ID, id):
        raise Reject("invalid", f"{text!r} is no visitor: `parley transcript SITE` shows their ids")
    return id


def term(ban: Ban) -> str:
    """How long a ban lasts."""
    if not ban.until:
        return "for good"
    return f"until {datetime.fromtimestamp(ban.until / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _bans(store: Store) -> Bans:
    return Bans(store, Directory(store), SystemClock())
