"""Which visitors an operator sees, and as what: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from switchboard.model import PresenceSettings, Visit


class Appearance(Struct, frozen=True):
    """A visitor's presence as a contact shows it; `here` False is unavailable."""

    here: bool
    show: str = ""
    status: str = ""


GONE = Appearance(False)


def appearance(visit: Visit | None) -> Appearance:
    """The page is the status; a hidden page is away."""
    if visit is None:
        return GONE
    page = visit.page
    status = f"{page.title} · {page.url}" if page.title and page.url else page.title or page.url
    return Appearance(True, "" if page.visible else "away", status)


def present(
    visits: Iterable[Visit], talking: Collection[str], settings: PresenceSettings
) -> set[str]:
    """The visitors on the site that its operators see: at most `max_buddies`.

    Those who talk come first, then the most recent.
    """
    candidates = [visit for visit in visits if settings.show == "all" or visit.visitor in talking]
    if len(candidates) > settings.max_buddies:
        candidates.sort(key=lambda visit: (visit.visitor in talking, visit.since), reverse=True)
    return {visit.visitor for visit in candidates[: settings.max_buddies]}
