"""Hostile text, made safe."""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switchboard.errors import Reject
from switchboard.text import clean_body, clean_line

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)


def allowed_by_xml(character: str) -> bool:
    """XML 1.0 §2.2, the production Char."""
    code = ord(character)
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


def cleaned(text: str) -> str:
    """The body as it is stored; empty if it is refused."""
    try:
        return clean_body(text, 0)
    except Reject:
        return ""


@given(ANY_TEXT)
@example("\x00\x08\x0b\x1f\ud800\udfff\ufffe\uffff]]>")
def test_what_xml_forbids_is_gone(text: str) -> None:
    """No body and no line holds a character that would close an XML stream."""
    assert all(map(allowed_by_xml, cleaned(text) + clean_line(text, 60)))


@given(ANY_TEXT)
@example("<&>\"'\r\n\t]]>")
def test_escaped_text_comes_out_of_xml_as_it_went_in(text: str) -> None:
    """Clean text, escaped, can be parsed and is the same afterwards."""
    body, line = cleaned(text), clean_line(text, 60)
    element = ElementTree.fromstring(f"<a b={quoteattr(line)}>{escape(body)}</a>")
    assert (element.text or "", element.get("b")) == (body, line)


@given(ANY_TEXT)
def test_cleaning_again_changes_nothing(text: str) -> None:
    """Clean text is clean."""
    body, line = cleaned(text), clean_line(text, 60)
    assert cleaned(body) == body
    assert clean_line(line, 60) == line


@given(ANY_TEXT)
def test_clean_text_can_be_encoded(text: str) -> None:
    """Nothing is left that UTF-8 cannot hold."""
    (cleaned(text) + clean_line(text, 60)).encode()


@given(ANY_TEXT, st.integers(0, 20))
def test_a_line_is_one_short_line(text: str, limit: int) -> None:
    """A name has no line break, no direction mark, and fits."""
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert not set(line) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("  code\n\tblock", "  code\n\tblock"),
        ("a\x00b\x1bc", "abc"),
        ("\u202egnp.exe\u202c", "gnp.exe\u202c"),
        (
            "\u0634\u200f\u200d\u0645 \U0001f469\u200d\U0001f4bb",
            "\u0634\u200f\u200d\u0645 \U0001f469\u200d\U0001f4bb",
        ),
    ],
    ids=["breaks", "indent", "controls", "override", "scripts"],
)
def test_bodies(text: str, expected: str) -> None:
    """A body keeps what people mean, and loses what programs abuse."""
    assert clean_body(text, 0) == expected


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x01", "\u202e\u202d "])
def test_a_body_needs_text(text: str) -> None:
    """A body of which nothing visible is left is refused."""
    with pytest.raises(Reject) as caught:
        clean_body(text, 0)
    assert caught.value.reason == "invalid"


def test_a_body_has_a_limit_in_characters() -> None:
    """As many characters as the limit pass, one more is refused; 0 is no limit."""
    woman = "\U0001f469"
    assert clean_body(woman * 10, 10) == woman * 10
    assert clean_body("a\x00" * 10, 10) == "a" * 10
    assert clean_body("a" * 100_000, 0)
    with pytest.raises(Reject) as caught:
        clean_body(woman * 11, 10)
    assert caught.value.reason == "too_long"


def test_a_name_is_straightened() -> None:
    """Breaks and runs of blanks in a name become one blank; too long is cut."""
    assert clean_line(" Ann\n\u202eof\t \u00a0Acme ", 80) == "Ann of Acme"
    assert clean_line("abcdef", 3) == "abc"
