"""XML towards rooms -> typed values; what is wrong in it is refused here.

What a client adds to its presence is made anew from what is known: an occupant id, a stanza id or
a standing that a client claims goes nowhere (XEP-0421 §4, XEP-0359 §5).
"""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard.errors import Reject
from switchboard.rooms import Affiliation, Role

from .. import namespaces as ns
from ..inbound import stanza as decode
from ..jids import Jid, parse
from ..xml import Xml, element, text

STATUS_CHARS = 1000
PAYLOAD_CHARS = 4000
"""Of all that a presence adds, attributes included."""
ID_CHARS = 200
REASON_CHARS = 300
MOST_ITEMS = 100
"""Of one request to change standings."""

_SHOWS = frozenset({"away", "chat", "dnd", "xa"})
_CAPS = f"{{{ns.CAPS}}}c"
_PHOTO = f"{{{ns.VCARD_UPDATE}}}x"
_JOIN = f"{{{ns.MUC}}}x"
_HISTORY = f"{{{ns.MUC}}}history"
_ITEM = f"{{{ns.MUC_ADMIN}}}item"


class History(Struct, frozen=True):
    """How much of what was said the client wants (XEP-0045 §7.2.14); None is no limit."""

    characters: int | None = None
    lines: int | None = None
    since: int | None = None
    """In ms since 1970 UTC."""


class RoomPresence(Struct, frozen=True):
    """A presence stanza to a room."""

    sender: Jid
    to: Jid
    id: str
    type: str
    entry: History | None
    """Of who wants to enter (§7.2.1); None: it is an update."""
    payload: tuple[Xml, ...] = ()
    condition: str = ""


class RoomMessage(Struct, frozen=True):
    """A message stanza to a room or an occupant."""

    stanza: decode.Message
    subject: str | None
    """None: it has none."""
    chats: bool
    """Whether it has a body or a thread: then it changes no subject (§8.1)."""
    xml: ET.Element


class Change(Struct, frozen=True):
    """One item of a request about roles or affiliations (§8, §9)."""

    nick: str | None
    address: str | None
    """A bare JID."""
    role: Role | None
    affiliation: Affiliation | None
    reason: str


def presence(xml: ET.Element, now: int) -> RoomPresence:
    """Takes a presence stanza apart; `now` in ms. Raises Reject `too_long`."""
    join = xml.find(_JOIN)
    type_ = xml.get("type") or ""
    return RoomPresence(
        parse(xml.get("from") or ""),
        parse(xml.get("to") or ""),
        xml.get("id") or "",
        type_,
        None if join is None else _history(join.find(_HISTORY), now),
        _payload(xml) if type_ in ("", "unavailable") else (),
        decode.presence_condition(xml) if type_ == "error" else "",
    )


def message(xml: ET.Element) -> RoomMessage:
    """Takes a message stanza apart."""
    stanza = decode.message(xml)
    subject: str | None = None
    chats = bool(stanza.body)
    for child in xml:
        name = child.tag.rpartition("}")[2]
        if decode.is_plain(child.tag) and name == "subject":
            subject = child.text or "" if subject is None else subject
        elif decode.is_plain(child.tag) and name in ("body", "thread"):
            chats = True
    return RoomMessage(stanza, subject, chats, xml)


def changes(query: ET.Element) -> list[Change]:
    """What an admin's request asks for (§8.5, §9.2). Raises Reject `bad_request`."""
    items = query.findall(_ITEM)
    if not items or len(items) > MOST_ITEMS:
        raise Reject("bad_request", f"A request has 1 to {MOST_ITEMS} items.")
    return [_change(one) for one in items]


def _change(item: ET.Element) -> Change:
    try:
        role = Role(item.attrib["role"]) if "role" in item.attrib else None
        affiliation = Affiliation(item.attrib["affiliation"]) if role is None else None
    except (KeyError, ValueError):
        raise Reject("bad_request", "There is no such role or affiliation.") from None
    jid = item.get("jid")
    address = parse(jid).bare if jid is not None else None
    reason = " ".join((item.findtext(f"{{{ns.MUC_ADMIN}}}reason") or "").split())
    return Change(item.get("nick"), address, role, affiliation, reason[:REASON_CHARS])


def _history(history: ET.Element | None, now: int) -> History:
    if history is None:
        return History()
    seconds = _number(history.get("seconds"))
    since = _date(history.get("since"))
    if seconds is not None:
        since = max(since or 0, now - seconds * 1000)
    return History(_number(history.get("maxchars")), _number(history.get("maxstanzas")), since)


def _number(digits: str | None) -> int | None:
    if digits is None or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits[:12])


def _date(stamp: str | None) -> int | None:
    """XEP-0082 §3.2, in ms."""
    if stamp is None:
        return None
    try:
        read = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return int(read.timestamp() * 1000) if read.tzinfo is not None else None


def _payload(xml: ET.Element) -> tuple[Xml, ...]:
    found: list[Xml] = []
    for child in xml:
        name = child.tag.rpartition("}")[2]
        words = (child.text or "").strip()
        if decode.is_plain(child.tag) and name == "show" and words in _SHOWS:
            found.append(text("show", words))
        elif decode.is_plain(child.tag) and name == "status" and words:
            if len(words) > STATUS_CHARS:
                raise Reject("too_long", f"A status has at most {STATUS_CHARS} characters.")
            found.append(text("status", words))
        elif child.tag == _CAPS:
            attributes = {one: child.get(one) for one in ("hash", "node", "ver")}
            found.append(element("c", {"xmlns": ns.CAPS, **attributes}))
        elif child.tag == _PHOTO:
            photo = child.find(f"{{{ns.VCARD_UPDATE}}}photo")
            inside = [] if photo is None else [text("photo", photo.text or "")]
            found.append(element("x", {"xmlns": ns.VCARD_UPDATE}, *inside))
    if sum(map(len, found)) > PAYLOAD_CHARS:
        raise Reject("too_long", "This presence is too large.")
    return tuple(found)
