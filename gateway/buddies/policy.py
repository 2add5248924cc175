"""Which visitors an operator sees, and as what: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from switchboard.model import Visit
from switchboard.site import PresenceSettings

IDLE_AFTER_MS = 300_000
"""A visitor who does nothing for so long is idle: the page is open and nobody may be there."""


class Appearance(Struct, frozen=True):
    """A visitor's presence as a contact shows it; `here` False is unavailable."""

    here: bool
    show: str = ""
    status: str = ""
    idle_since: int | None = None
    """When the visitor last did something, in ms; said of who is away."""


GONE = Appearance(False)


def appearance(visit: Visit | None, now: int) -> Appearance:
    """The page is the status; who is idle is extended away, a hidden page away. `now` in ms."""
    if visit is None:
        return GONE
    page = visit.page
    status = f"{page.title} · {page.url}" if page.title and page.url else page.title or page.url
    if visit.active_at and now - visit.active_at >= IDLE_AFTER_MS:
        show = "xa"
    else:
        show = "" if page.visible else "away"
    return Appearance(True, show, status, (visit.active_at or None) if show else None)


def present(
    visits: Iterable[Visit], talking: Collection[str], settings: PresenceSettings
) -> set[str]:
    """The visitors on the site that its operators see: at most `max_buddies`.

    Those who talk come first, then the most recent.
    """
    candidates = [visit for visit in visits if _shows(visit, talking, settings)]
    if len(candidates) > settings.max_buddies:
        candidates.sort(key=lambda visit: (visit.visitor in talking, visit.since), reverse=True)
    return {visit.visitor for visit in candidates[: settings.max_buddies]}


def count_present(
    visits: Iterable[Visit], talking: Collection[str], settings: PresenceSettings
) -> int:
    """How many `present` gives."""
    return min(sum(_shows(visit, talking, settings) for visit in visits), settings.max_buddies)


def _shows(visit: Visit, talking: Collection[str], settings: PresenceSettings) -> bool:
    match settings.show:
        case "all":
            return True
        case "opened":
            return visit.opened or visit.visitor in talking
        case "spoke":
            return visit.visitor in talking
