"""What is asked of a room's archive: pure (XEP-0313 §4, XEP-0059 §2)."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard.errors import NotFound, Reject
from switchboard.rooms import Room

from .. import namespaces as ns
from ..xml import Xml, element, text
from .ids import archived

PAGE_MOST = 100
"""Rows in one answer."""
MOST_IDS = 1000
ID_CHARS = 200
"""Of the id that a client gives its query."""

_FORM = f"{{{ns.FORMS}}}x"
_FIELD = f"{{{ns.FORMS}}}field"
_VALUE = f"{{{ns.FORMS}}}value"
_SET = f"{{{ns.RESULT_SETS}}}set"
_FLIP = f"{{{ns.ARCHIVE}}}flip-page"

FIELDS = {
    "with": "jid-single",
    "start": "text-single",
    "end": "text-single",
    "before-id": "text-single",
    "after-id": "text-single",
    "ids": "list-multi",
}
"""Of the form, by what each may hold (§4.1)."""


class Query(Struct, frozen=True):
    """Rows are named by seq; of bounds, the row itself is not among what is asked for."""

    id: str | None = None
    """What the client calls it."""
    start: int | None = None
    """In ms since 1970 UTC, as `end`; both times are among what is asked for."""
    end: int | None = None
    after: int | None = None
    before: int | None = None
    rows: tuple[int, ...] | None = None
    """These and no others."""
    page_after: int | None = None
    """Where the page begins; unlike `after` it is no part of what is counted."""
    page_before: int | None = None
    backwards: bool = False
    """Whether the page is the last one before `page_before`, or of all."""
    most: int = PAGE_MOST
    flipped: bool = False

    def holds(self, at: int) -> bool:
        """Whether a row of that time is asked for."""
        return (self.start is None or at >= self.start) and (self.end is None or at <= self.end)


def read(room: Room, own: str, query: ET.Element) -> Query:
    """Takes a query of the room with the bare JID `own` apart.

    Raises Reject `bad_request` or `not_implemented`, and NotFound for an id that was never given.
    """
    asked: dict[str, object] = {}
    form = query.find(_FORM)
    if form is not None:
        asked |= _filters(room, own, _fields(form))
    page = query.find(_SET)
    if page is not None:
        asked |= _page(room, page)
    id = query.get("queryid")
    asked["id"] = None if id is None else id[:ID_CHARS]
    asked["flipped"] = query.find(_FLIP) is not None
    return Query(**asked)  # type: ignore[arg-type]


def form() -> Xml:
    """The fields that may be asked with (§4.1.5)."""
    any_id = element(
        "validate", {"xmlns": ns.FORM_VALIDATION, "datatype": "xs:string"}, element("open", {})
    )
    fields = [
        element("field", {"var": var, "type": kind}, *([any_id] if var == "ids" else ()))
        for var, kind in FIELDS.items()
    ]
    hidden = {"var": "FORM_TYPE", "type": "hidden"}
    return element(
        "x",
        {"xmlns": ns.FORMS, "type": "form"},
        element("field", dict(hidden), text("value", ns.ARCHIVE)),
        *fields,
    )


def _fields(form: ET.Element) -> dict[str, list[str]]:
    values = {
        field.get("var") or "": [(value.text or "").strip() for value in field.findall(_VALUE)]
        for field in form.findall(_FIELD)
    }
    if form.get("type") != "submit" or values.pop("FORM_TYPE", []) != [ns.ARCHIVE]:
        raise Reject("bad_request", "This is no form of an archive's.")
    return values


def _filters(room: Room, own: str, fields: dict[str, list[str]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for var, values in fields.items():
        if var not in FIELDS:
            raise Reject("not_implemented", "The archive cannot be asked by this field.")
        if var == "ids":
            if len(values) > MOST_IDS:
                raise Reject("bad_request", f"At most {MOST_IDS} ids can be asked for.")
            found["rows"] = tuple(_row(room, value) for value in values)
            continue
        if len(values) != 1:
            raise Reject("bad_request", "This field has one value.")
        (value,) = values
        if var == "with":
            # Who is behind a name is nobody's to know, and names change: all of it is the room's.
            if value != own:
                raise Reject("not_implemented", "The archive is of the whole room.")
        elif var in ("start", "end"):
            found[var] = _time(value)
        else:
            found[var.removesuffix("-id")] = _row(room, value)
    return found


def _page(room: Room, page: ET.Element) -> dict[str, object]:
    found: dict[str, object] = {}
    for child in page:
        value = (child.text or "").strip()
        match child.tag.rpartition("}")[2]:
            case "max":
                if not (value.isascii() and value.isdigit()):
                    raise Reject("bad_request", "How many at most has to be a number.")
                found["most"] = min(int(value[:9]), PAGE_MOST)
            case "after":
                found["page_after"] = _row(room, value)
            case "before":
                found["backwards"] = True
                if value:
                    found["page_before"] = _row(room, value)
            case "index":
                raise Reject("not_implemented", "Pages are found by ids, not by number.")
    return found


def _row(room: Room, id: str) -> int:
    seq = archived(room, id)
    if seq is None:
        raise NotFound("not_found", "There is no such message in the archive.")
    return seq


def _time(stamp: str) -> int:
    """XEP-0082 §3.2, in ms."""
    try:
        read = datetime.fromisoformat(stamp)
    except ValueError:
        raise Reject("bad_request", "This is no date and time.") from None
    if read.tzinfo is None:
        raise Reject("bad_request", "A time needs its zone.")
    return round(read.timestamp() * 1000)
