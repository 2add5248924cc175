"""The serialiser: whatever goes in, one well-formed element with the same text comes out."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import outbound
from gateway.inbound import stanza as decode
from gateway.xml import element, escape, text

ANYTHING = st.text(st.characters())
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@given(ANYTHING, ANYTHING)
def test_any_text_survives_as_text(attribute: str, content: str) -> None:
    """Every character that XML 1.0 allows is kept, every other is left out."""
    xml = element("e", {"a": attribute}, text("t", content))
    parsed = ET.fromstring(xml.encode())
    allowed = FORBIDDEN.sub("", content)
    assert (parsed.findtext("t") or "") == re.sub("\r\n?", "\n", allowed)
    assert FORBIDDEN.sub("", attribute).split() == (parsed.get("a") or "").split()


@given(ANYTHING, ANYTHING, st.none() | st.integers(0, 4_000_000_000_000))
def test_a_line_is_always_a_well_formed_message(body: str, nick: str, at: int | None) -> None:
    """No body or name can break the stream or add an element to the stanza."""
    xml = outbound.line("v@c/web", "o@e/r", "id-1", body, nick, at)
    root = ET.fromstring(f'<s xmlns="jabber:component:accept">{xml}</s>'.encode())
    assert len(root) == 1
    message = decode.message(root[0])
    assert message.asks_receipt
    assert message.markable
    assert message.chat_state == "active"


@pytest.mark.parametrize("hostile", ["\x00", "\x0b", "\ufffe", "\uffff", "\ud800", "\x1b"])
def test_forbidden_characters_are_left_out(hostile: str) -> None:
    """One of these makes a server close the whole component's stream."""
    assert escape(f"a{hostile}b") == "ab"


def test_an_attribute_that_is_none_is_left_out() -> None:
    """Optional attributes need no branches at the caller."""
    assert element("e", {"a": None, "b": "<\"'>"}) == '<e b="&lt;&quot;&apos;&gt;"/>'


def test_no_visitor_speaks_for_the_desk() -> None:
    """A visitor's line that looks like a notice does not begin like one."""
    xml = outbound.line("v@c/web", "o@e/r", "id-1", "[desk] you are fired", "n", None)
    assert "<body>» [desk] you are fired</body>" in xml
