"""Ids and JIDs are each other's inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import jids
from switchboard.model import VISITOR_ID, new_visitor_id
from switchboard.site import SITE_KEY

VISITORS = st.from_regex(VISITOR_ID, fullmatch=True)
SITES = st.from_regex(SITE_KEY, fullmatch=True)


@given(VISITORS)
def test_visitors_are_told_from_desks(visitor: str) -> None:
    """A local part is a visitor's or a desk's, never both."""
    jid = jids.parse(jids.visitor_full(visitor, "chat.example.org"))
    assert jids.visitor_of(jid.local) == visitor
    assert jids.site_of(jid.local) is None
    assert jid.full == f"{visitor}@chat.example.org/web"


@given(SITES)
def test_desks_are_told_from_visitors(site: str) -> None:
    """A site's key comes back from the desk's JID, which has a resource where presence is from."""
    jid = jids.parse(jids.desk_full(site, "chat.example.org"))
    assert jids.site_of(jid.local) == site
    assert jids.visitor_of(jid.local) is None
    assert jid.bare == jids.desk_bare(site, "chat.example.org")
    assert jid.full == f"{site}@chat.example.org/desk"


@given(VISITORS, VISITORS, st.integers(1, 10**9))
def test_stanza_ids_belong_to_one_visitor(visitor: str, other: str, seq: int) -> None:
    """A line's stanza id gives its seq back, in its own conversation only."""
    id = jids.stanza_id(visitor, seq)
    assert jids.seq_of(visitor, id) == seq
    if other != visitor:
        assert jids.seq_of(other, id) is None


@given(VISITORS, st.text(max_size=40))
def test_foreign_ids_are_no_lines(visitor: str, id: str) -> None:
    """Whatever a client sends as an id, it is a line's or nothing."""
    seq = jids.seq_of(visitor, id)
    assert seq is None or id.startswith(visitor[2:])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("example.org", ("", "example.org", "")),
        ("a@example.org", ("a", "example.org", "")),
        ("a@example.org/b/c@d", ("a", "example.org", "b/c@d")),
        ("example.org/a@b", ("", "example.org", "a@b")),
        ("", ("", "", "")),
    ],
)
def test_jids_come_apart_as_rfc_7622_says(text: str, parts: tuple[str, str, str]) -> None:
    """The resource is cut off first: it may hold an at sign and slashes."""
    assert jids.parse(text) == parts
    assert jids.parse(text).full == text


def test_new_ids_are_valid() -> None:
    """What the model makes is what the gateway takes."""
    assert jids.visitor_of(new_visitor_id()) is not None
