"""What a client asks of an archive is taken apart; what is wrong in it is refused."""

from __future__ import annotations

import contextlib
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import namespaces as ns
from gateway.muc.archive_query import PAGE_MOST, Query, form, read
from gateway.muc.ids import archive_id
from gateway.xml import Xml, element, text
from switchboard.errors import NotFound, Reject, SwitchboardError
from switchboard.rooms import Room, RoomId, RoomSettings

ROOM = Room(RoomId("lobby", "shop"), RoomSettings(salt="s"))
OWN = "lobby%shop@chat.example"
THIRD = archive_id(ROOM, 3)


def fields(**values: str) -> Xml:
    """A form to submit; an underscore stands for a dash."""
    found = [element("field", {"var": "FORM_TYPE"}, text("value", ns.ARCHIVE))]
    for var, value in values.items():
        found.append(element("field", {"var": var.replace("_", "-")}, text("value", value)))
    return element("x", {"xmlns": ns.FORMS, "type": "submit"}, *found)


def page(*children: Xml) -> Xml:
    """A part of a result set (XEP-0059 §2)."""
    return element("set", {"xmlns": ns.RESULT_SETS}, *children)


def asked(*children: Xml) -> Query:
    """The query with those children."""
    query = element("query", {"xmlns": ns.ARCHIVE, "queryid": "q"}, *children)
    return read(ROOM, OWN, ET.fromstring(query))


def test_everything_is_asked_for_by_nothing() -> None:
    """XEP-0313 §4."""
    assert asked() == Query(id="q")


def test_times() -> None:
    """XEP-0313 §4.1.2, both among what is asked for, in any zone."""
    query = asked(fields(start="1970-01-01T00:00:01Z", end="1970-01-01T01:00:02.5+01:00"))
    assert (query.start, query.end) == (1000, 2500)
    assert [query.holds(at) for at in (999, 1000, 2500, 2501)] == [False, True, True, False]


def test_ids() -> None:
    """XEP-0313 §4.1.3."""
    query = asked(fields(after_id=THIRD, before_id=archive_id(ROOM, 9), ids=THIRD))
    assert (query.after, query.before, query.rows) == (3, 9, (3,))


def test_pages() -> None:
    """XEP-0059 §2.2 to §2.5."""
    assert asked(page(text("max", "10"), text("after", THIRD))) == Query(
        id="q", most=10, page_after=3
    )
    assert asked(page(text("before", ""))) == Query(id="q", backwards=True)
    assert asked(page(text("before", THIRD))) == Query(id="q", backwards=True, page_before=3)
    assert asked(page(text("max", "0"))).most == 0
    assert asked(page(text("max", "99999999999"))).most == PAGE_MOST


def test_a_flipped_page() -> None:
    """XEP-0313 §4.3.4."""
    assert asked(element("flip-page", {})).flipped


def test_all_of_it_is_the_rooms() -> None:
    """XEP-0313 §4.1.1: the room itself is with every message in its archive."""
    assert asked(fields(**{"with": OWN})) == Query(id="q")


@pytest.mark.parametrize(
    "children",
    [
        fields(start="yesterday"),
        fields(start="2020-01-01T00:00:00"),
        fields(end="0000-00-00T00:00:00Z"),
        page(text("max", "many")),
        page(text("max", "-1")),
        element("x", {"xmlns": ns.FORMS, "type": "submit"}),
        Xml(fields().replace("submit", "form")),
        Xml(fields().replace(ns.ARCHIVE, "x")),
    ],
)
def test_what_makes_no_sense(children: Xml) -> None:
    """Is refused as a bad request."""
    with pytest.raises(Reject) as refusal:
        asked(children)
    assert refusal.value.reason == "bad_request"


@pytest.mark.parametrize(
    "children",
    [
        fields(text="x"),
        fields(**{"with": f"{OWN}/Ann"}),
        fields(**{"with": "ann@example.org"}),
        page(text("index", "3")),
    ],
)
def test_what_cannot_be_asked(children: Xml) -> None:
    """Is not taken for something else (XEP-0313 §4.1.5)."""
    with pytest.raises(Reject) as refusal:
        asked(children)
    assert refusal.value.reason == "not_implemented"


@pytest.mark.parametrize(
    "children",
    [
        fields(after_id="x"),
        fields(before_id="3"),
        fields(ids="x"),
        page(text("after", "x")),
        page(text("before", "x")),
    ],
)
def test_ids_that_were_never_given(children: Xml) -> None:
    """Are not found (XEP-0313 §4.1.3, §4.3.2)."""
    with pytest.raises(NotFound):
        asked(children)


def test_the_form_has_all_fields() -> None:
    """XEP-0313 §4.1.5: none is required, and ids are of the client's own choice."""
    shown = ET.fromstring(form())
    names = {field.get("var"): field.get("type") for field in shown}
    assert names["FORM_TYPE"] == "hidden"
    assert {"with", "start", "end", "before-id", "after-id", "ids"} < set(names)
    assert shown.find(f".//{{{ns.FORM_VALIDATION}}}open") is not None


@given(
    var=st.sampled_from(["start", "end", "after_id", "ids", "with", "x"]),
    value=st.text(),
    most=st.text(),
)
def test_anything_is_refused_or_read(var: str, value: str, most: str) -> None:
    """No text does more than to be refused."""
    with contextlib.suppress(SwitchboardError):
        asked(fields(**{var: value}), page(text("max", most)))
