"""Signed tokens and cursors."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.tokens import Cursors, Place, Signer, StreamCursor, Tokens, VisitorToken
from switchboard.model import Details, Visit
from tests.unit.rpc.conftest import ManualClock

DAY = 86_400
VISIT = Visit("v-aaaaaaaaaaaaaaaa", "acme", "chat.test")
CURSOR = StreamCursor(7, {"desk": Place(3, 2, 1)})


def test_a_token_comes_back(clock: ManualClock) -> None:
    """What was issued is read, for as long as it lives."""
    tokens = Tokens(("key",), 90, clock)
    token = tokens.issue(VISIT, epoch=3)
    text = tokens.text(token)
    assert token == VisitorToken("acme", VISIT.visitor, "chat.test", 3, False, clock.now())
    assert tokens.read(text) == token
    clock.seconds += 90 * DAY - 1
    assert tokens.read(text) == token
    clock.seconds += 1
    assert tokens.read(text) is None


def test_a_clock_that_is_behind(clock: ManualClock) -> None:
    """A token from a node whose clock is an hour ahead is good, from next week it is not."""
    tokens = Tokens(("key",), 90, clock)
    text = tokens.text(tokens.issue(VISIT))
    clock.seconds -= 3600
    assert tokens.read(text) is not None
    clock.seconds -= 7 * DAY
    assert tokens.read(text) is None


def test_keys_rotate(clock: ManualClock) -> None:
    """A new first key signs; what the old one signed is good as long as it is listed."""
    old = Tokens(("old",), 90, clock)
    both = Tokens(("new", "old"), 90, clock)
    new = Tokens(("new",), 90, clock)
    text = old.text(old.issue(VISIT))
    assert both.read(text) is not None
    assert new.read(text) is None
    assert new.read(both.text(both.issue(VISIT))) is not None


def test_no_keys() -> None:
    """Without a key nothing would be signed."""
    with pytest.raises(ValueError, match="key"):
        Cursors(())


def test_when_a_token_is_renewed(clock: ManualClock) -> None:
    """After a day, and at once when the visitor has spoken; not before, not twice."""
    tokens = Tokens(("key",), 90, clock)
    token = tokens.issue(VISIT, epoch=2)
    spoken = msgspec.structs.replace(VISIT, spoken=True)
    assert tokens.renewed(token, VISIT) is None
    learnt = tokens.renewed(token, spoken)
    assert learnt is not None
    assert (learnt.spoken, learnt.epoch) == (True, 2)
    assert tokens.renewed(learnt, spoken) is None
    clock.seconds += DAY
    assert tokens.renewed(learnt, spoken) is not None


def test_a_token_keeps_up_with_the_details(clock: ManualClock) -> None:
    """It is renewed when they have changed, and not for a visit that is behind."""
    tokens = Tokens(("key",), 90, clock)
    told = VISIT.described(Details("Zoe"))
    renewed = tokens.renewed(tokens.issue(VISIT), told)
    assert renewed is not None
    assert renewed.generation == told.generation == 1
    assert tokens.renewed(renewed, told.described(told.details)) is None
    assert tokens.renewed(renewed, VISIT) is None


def test_tokens_of_before_are_good(clock: ManualClock) -> None:
    """A token without a generation, as they were once, is one of the first."""
    token = ["acme", VISIT.visitor, "chat.test", 3, True, clock.now()]
    text = Signer(("key",), b"parley visitor token").sign(msgspec.msgpack.encode(token))
    read = Tokens(("key",), 90, clock).read(text)
    assert read is not None
    assert (read.epoch, read.spoken, read.generation) == (3, True, 0)


def test_a_cursor_comes_back_to_its_visitor_only() -> None:
    """Another visitor's is nothing; the same place gives the same text."""
    cursors = Cursors(("key",))
    text = cursors.text("v-a", CURSOR)
    assert cursors.read("v-a", text) == CURSOR
    assert cursors.read("v-b", text) is None
    assert cursors.text("v-a", CURSOR) == text


def test_a_cursor_in_rooms() -> None:
    """A room's part is everybody's, the rest is the visitor's; nothing else is taken for either."""
    cursors = Cursors(("key",))
    lobby, hall = Place(9, mark=3, heard=5), Place(1)
    cursor = StreamCursor(7, {"desk": Place(3), "lobby%acme": lobby, "hall%acme": hall}, {"a": "Z"})
    text = cursors.text("v-a", cursor)
    assert cursors.read("v-a", text) == cursor
    assert cursors.read("v-b", text) is None
    head, *parts = text.split(".")
    assert parts == [cursors.part("lobby%acme", lobby), cursors.part("hall%acme", hall)]
    for other in (f"{parts[0]}.{head}", f"{head}.{head}", f"{head}.", ".".join([head] * 999)):
        assert cursors.read("v-a", other) is None


def test_purposes_are_apart(clock: ManualClock) -> None:
    """A token is no cursor, and a cursor no token, whatever their content."""
    tokens, cursors = Tokens(("key",), 90, clock), Cursors(("key",))
    assert cursors.read("", tokens.text(tokens.issue(VISIT))) is None
    assert tokens.read(cursors.text("", CURSOR)) is None


def test_context_and_payload_do_not_run_together() -> None:
    """Octets cannot be moved from the visitor's id into the payload."""
    signer = Signer(("key",), b"test")
    text = signer.sign(b"bc", b"a")
    assert signer.open(text, b"a") == b"bc"
    assert signer.open(signer.sign(b"c", b"ab"), b"a") is None


@given(st.text() | st.text("ABCDabcd0123-_=", max_size=80))
def test_garbage_is_nothing(text: str) -> None:
    """Whatever a client sends as token or cursor, it is just not ours."""
    assert Cursors(("key",)).read("v-a", text) is None
    assert Tokens(("key",), 90, ManualClock()).read(text) is None


@given(st.data())
def test_any_change_is_seen(data: st.DataObject) -> None:
    """A token with one character changed, added or taken away is none."""
    tokens = Tokens(("key",), 90, ManualClock())
    text = tokens.text(tokens.issue(VISIT))
    at = data.draw(st.integers(0, len(text) - 1))
    char = data.draw(st.sampled_from("ABCxyz019-_") | st.just(""))
    changed = text[:at] + char + text[at + 1 :]
    # The last character of base64 may hold unused bits.
    if changed != text and at < len(text) - 1:
        assert tokens.read(changed) is None


def test_signed_by_us_but_of_another_shape() -> None:
    """What an older version signed and this one cannot read is nothing."""
    text = Signer(("key",), b"parley cursor").sign(b"\x93\x01\x02\x03", b"v-a")
    assert Cursors(("key",)).read("v-a", text) is None
    text = Signer(("key",), b"parley visitor token").sign(b"\xc1")
    assert Tokens(("key",), 90, ManualClock()).read(text) is None
