"""What stanzas to operators say beside their text."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway import outbound

VISITOR = "v-abc@chat.localhost/web"
ANN = "ann@localhost/x"


def line(delayed_since: int | None = None) -> ET.Element:
    """A line of Zoë's, as it goes out."""
    return ET.fromstring(outbound.line(VISITOR, ANN, "abc-1", "hello", "Zoë", delayed_since))


def test_a_line_names_its_writer() -> None:
    """The name as typed, for clients that have no contact-list entry (XEP-0172 §4.2)."""
    assert line().findtext(f"{{{ns.NICK}}}nick") == "Zoë"


def test_a_line_tells_its_id_again() -> None:
    """The stanza's id is the origin's: the line is the same when it is sent again (XEP-0359)."""
    xml = line()
    origin = xml.find(f"{{{ns.STANZA_IDS}}}origin-id")
    assert origin is not None
    assert origin.get("id") == xml.get("id") == "abc-1"


def test_a_late_line_says_when_it_was_written() -> None:
    """In UTC, to the second; one that goes out at once has no delay (XEP-0203 §3)."""
    assert line().find(f"{{{ns.DELAY}}}delay") is None
    delay = line(1_795_516_808_129).find(f"{{{ns.DELAY}}}delay")
    assert delay is not None
    assert delay.get("stamp") == "2026-11-24T10:40:08Z"


@pytest.mark.parametrize(("composing", "state"), [(True, "composing"), (False, "active")])
def test_who_stops_typing_is_active(composing: bool, state: str) -> None:
    """`paused` would stay beside the contact's name; no archive keeps either (XEP-0334 §3)."""
    xml = ET.fromstring(outbound.typing(VISITOR, ANN, composing))
    assert {child.tag for child in xml} == {
        f"{{{ns.CHAT_STATES}}}{state}",
        f"{{{ns.HINTS}}}no-store",
    }
