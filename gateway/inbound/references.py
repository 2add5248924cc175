"""What a message says of other messages, and the file that it points to: pure.

Corrections (XEP-0308), retractions (XEP-0424, and the form of its version 0), reactions
(XEP-0444), replies (XEP-0461) with the quotation for clients that know none (XEP-0428), and files
by link (XEP-0066, XEP-0447).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard.model import Attachment
from switchboard.text import clean_line

from .. import namespaces as ns

_REPLACE = f"{{{ns.REPLACE}}}replace"
_RETRACT = f"{{{ns.RETRACT}}}retract"
_RETRACT_BEFORE = f"{{{ns.RETRACT_BEFORE}}}retract"
_APPLY_TO = f"{{{ns.FASTEN}}}apply-to"
_REACTIONS = f"{{{ns.REACTIONS}}}reactions"
_REACTION = f"{{{ns.REACTIONS}}}reaction"
_REPLY = f"{{{ns.REPLY}}}reply"
_FALLBACK = f"{{{ns.FALLBACK}}}fallback"
_FALLBACK_BODY = f"{{{ns.FALLBACK}}}body"
_OOB = f"{{{ns.OOB}}}x"
_FILE_SHARING = f"{{{ns.FILE_SHARING}}}file-sharing"
_FILE = f"{{{ns.FILE_METADATA}}}"

TAGS = frozenset(
    {
        _REPLACE,
        _RETRACT,
        _APPLY_TO,
        _REACTIONS,
        _REPLY,
        _FALLBACK,
        _OOB,
        _FILE_SHARING,
    }
)
"""The children of a message that `read` knows."""

RANGES_MOST = 16
"""Quotations in one message."""
REACTIONS_MOST = 32
"""More than anybody may choose; what comes behind is not looked at."""
LINK_CHARS = 2000
FILE_NAME_CHARS = 120
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]{0,60}/[A-Za-z0-9][\w.+-]{0,60}", re.ASCII)


class References(Struct, frozen=True):
    """The ids are those of messages, "" if there is none."""

    replaces: str = ""
    retracts: str = ""
    reacts_to: str = ""
    reactions: tuple[str, ...] = ()
    """All that the sender now has on the message `reacts_to`; none takes them back."""
    replies_to: str = ""
    own_words: str = ""
    """The body without what it quotes of the message `replies_to`."""
    attachment: Attachment | None = None


NONE = References()


def read(children: Iterable[ET.Element], body: str) -> References:
    """Takes the children apart whose tags are in TAGS; `body` is the message's."""
    ids: dict[str, str] = {}
    reactions: tuple[str, ...] = ()
    quoted: list[tuple[int, int]] = []
    link = ""
    file: ET.Element | None = None
    for child in children:
        id = child.get("id") or ""
        tag = child.tag
        if tag == _REPLACE:
            ids["replaces"] = id
        elif tag == _RETRACT or (tag == _APPLY_TO and child.find(_RETRACT_BEFORE) is not None):
            ids["retracts"] = id
        elif tag == _REACTIONS:
            ids["reacts_to"] = id
            chosen = child.findall(_REACTION)[:REACTIONS_MOST]
            reactions = tuple("".join((one.text or "").split()) for one in chosen)
        elif tag == _REPLY:
            ids["replies_to"] = id
        elif tag == _FALLBACK and child.get("for") == ns.REPLY:
            quoted += _ranges(child, len(body))
        elif tag == _OOB:
            link = (child.findtext(f"{{{ns.OOB}}}url") or "").strip()
        elif tag == _FILE_SHARING:
            file = child
    return References(
        **ids,
        reactions=reactions,
        own_words=_without(body, quoted),
        attachment=_attachment(link, file),
    )


def _ranges(fallback: ET.Element, length: int) -> list[tuple[int, int]]:
    """What of the body is there for other clients only (XEP-0428 §2.2), in Unicode code points.

    Without any range it is all; a range that makes no sense is none.
    """
    bodies = fallback.findall(_FALLBACK_BODY)
    if not len(fallback):
        return [(0, length)]
    found = []
    for body in bodies[:RANGES_MOST]:
        start, end = _number(body.get("start"), 0), _number(body.get("end"), length)
        if start is not None and end is not None and start < end and start < length:
            found.append((start, min(end, length)))
    return found


def _number(digits: str | None, otherwise: int) -> int | None:
    if digits is None:
        return otherwise
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _without(body: str, ranges: Sequence[tuple[int, int]]) -> str:
    """The body without those ranges; all of it if nothing else would be left."""
    kept, place = [], 0
    for start, end in sorted(ranges):
        if start > place:
            kept.append(body[place:start])
        place = max(place, end)
    kept.append(body[place:])
    words = "".join(kept)
    return words if words.strip() else body


def _attachment(link: str, file: ET.Element | None) -> Attachment | None:
    """The file behind a link; what its sender tells of it is taken as told."""
    known: ET.Element | None = None
    if file is not None:
        known = file.find(f"{_FILE}file")
        data = file.find(f".//{{{ns.URL_DATA}}}url-data")
        if not link and data is not None:
            link = (data.get("target") or "").strip()
    if not _is_link(link):
        return None

    def told(name: str) -> str:
        return "" if known is None else (known.findtext(_FILE + name) or "").strip()

    name = clean_line(told("name"), FILE_NAME_CHARS) or _name_in(link)
    kind = told("media-type")
    return Attachment(
        link,
        name,
        kind if _MEDIA_TYPE.fullmatch(kind) else "",
        _number(told("size") or None, 0) or 0,
    )


def _is_link(link: str) -> bool:
    if len(link) > LINK_CHARS or link != clean_line(link, LINK_CHARS) or " " in link:
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _name_in(link: str) -> str:
    """The last segment of the link's path, as people read it."""
    segment = unquote(urlsplit(link).path.rpartition("/")[2], errors="replace")
    return clean_line(segment.replace("/", " ").replace("\\", " "), FILE_NAME_CHARS) or "file"
