"""What an operator's client may know of a visitor or a desk, as vCards: pure.

Most clients ask for the old form (XEP-0054), Gajim for the new one alone (XEP-0292).
Clients show the description as it stands, so it is written in lines for people. What a visitor
told is one line each, so that no line of ours can be forged.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from switchboard.model import Details, Visit, default_name
from switchboard.site import Site

from . import namespaces as ns
from .avatar import Avatar, desk_avatar, visitor_avatar
from .xml import Xml, element, text


class Card(Struct, frozen=True):
    """What a card says; what is empty is left out."""

    name: str
    avatar: Avatar
    url: str = ""
    email: str = ""
    phone: str = ""
    lines: tuple[str, ...] = ()


def visitor_card(visitor: str, site: Site, visit: Visit | None, details: Details, now: int) -> Card:
    """`visit` is None of one who is not on the site; `details` are the latest; `now` in ms."""
    here = _visit_lines(visit, now) if visit is not None else ["Not on the site now"]
    return Card(
        details.name or default_name(visitor),
        visitor_avatar(visitor),
        visit.page.url if visit is not None else "",
        details.email,
        details.phone,
        (*here, f"Site: {site.settings.title}", *_detail_lines(details)),
    )


def desk_card(site: Site) -> Card:
    """The desk's own."""
    return Card(
        site.settings.title,
        desk_avatar(site.settings.look.accent),
        next(iter(site.settings.origins), ""),
        lines=(f"The desk of {site.settings.title}: send !help for its commands",),
    )


def vcard(card: Card) -> Xml:
    """XEP-0054 §3."""
    children = [text("FN", card.name), text("NICKNAME", card.name)]
    if card.url:
        children.append(text("URL", card.url))
    if card.email:
        children.append(element("EMAIL", {}, element("INTERNET", {}), text("USERID", card.email)))
    if card.phone:
        children.append(element("TEL", {}, element("VOICE", {}), text("NUMBER", card.phone)))
    if card.lines:
        children.append(text("DESC", "\n".join(card.lines)))
    picture = base64.b64encode(card.avatar.png).decode()
    children.append(element("PHOTO", {}, text("TYPE", "image/png"), text("BINVAL", picture)))
    return element("vCard", {"xmlns": ns.VCARD}, *children)


def vcard4(card: Card) -> Xml:
    """As the one item of the node that one's own server would keep (XEP-0292 §3.2).

    The picture is the old form's alone, and the page's address stands in the note.
    """
    children = [_text4("fn", card.name), _text4("nickname", card.name)]
    if card.email:
        children.append(_text4("email", card.email))
    if card.phone:
        children.append(_text4("tel", card.phone))
    if card.lines:
        children.append(_text4("note", "\n".join(card.lines)))
    item = element("item", {"id": "current"}, element("vcard", {"xmlns": ns.VCARD4}, *children))
    items = element("items", {"node": ns.VCARD4_NODE}, item)
    return element("pubsub", {"xmlns": ns.PUBSUB}, items)


def _text4(name: str, content: str) -> Xml:
    """RFC 6351 §5."""
    return element(name, {}, text("text", content))


def _visit_lines(visit: Visit, now: int) -> list[str]:
    page = visit.page
    told = {
        "Page": page.title,
        "Address": page.url,
        "Came from": page.referrer,
        "Language": visit.locale,
        "Browser": visit.browser,
        "Local time": _local_time(visit.time_zone, now),
        "First seen": _utc(visit.since) if visit.since else "",
    }
    return [f"{name}: {value}" for name, value in told.items() if value]


def _detail_lines(details: Details) -> list[str]:
    tags = [f"Tags: {', '.join(details.tags)}"] if details.tags else []
    if details == Details(tags=details.tags):
        return ["Details: none told yet", *tags]
    if details.verified:
        lines = [f"Details: verified, the site knows this visitor as “{details.verified}”"]
    else:
        lines = ["Details: unverified, as typed by the visitor or an operator"]
    told = [f"Told: {name} = {value}" for name, value in details.fields.items()]
    return [*lines, *told, *tags]


def _local_time(time_zone: str, now: int) -> str:
    try:
        zone = ZoneInfo(time_zone)
    except (ValueError, ZoneInfoNotFoundError):
        return ""
    return f"{datetime.fromtimestamp(now / 1000, zone):%H:%M} ({time_zone})"


def _utc(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
