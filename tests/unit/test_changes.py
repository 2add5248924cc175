"""What corrections, retractions and reactions do to a line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from switchboard.changes import changed
from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.model import Act, Attachment, Message, Reaction, Sender, SenderKind

EVE = Sender(SenderKind.VISITOR, "v-eve", "Eve")
ANN = Sender(SenderKind.OPERATOR, "o-ann", "Ann")
FILE = Attachment("https://files.example/a.pdf", "a.pdf")
LINE = Message("v-eve", 1, "c1", EVE, "helo", 1000, attachment=FILE)


def change(act: Act, sender: Sender = EVE, body: str = "") -> Message:
    """A change of LINE."""
    return Message("v-eve", 2, "c2", sender, body, 2000, act=act, target=1)


def test_a_correction_replaces_the_body() -> None:
    """The line has the new text and says when it was changed."""
    after = changed(LINE, change(Act.EDIT, body="hello"))
    assert after == replace(LINE, body="hello", edited_at=2000)


def test_a_correction_that_changes_nothing_is_none() -> None:
    """The same text again is the same line."""
    assert changed(LINE, change(Act.EDIT, body="helo")) is LINE


def test_a_retraction_leaves_nothing_behind() -> None:
    """Text, file and reactions go; nothing changes it any more, and to retract again is nothing."""
    liked = changed(LINE, change(Act.REACT, ANN, "👍"))
    after = changed(liked, change(Act.RETRACT))
    assert (after.body, after.attachment, after.reactions, after.retracted) == ("", None, (), True)
    assert changed(after, change(Act.RETRACT)) is after
    for act, who in ((Act.EDIT, EVE), (Act.REACT, EVE), (Act.RETRACT, ANN)):
        with pytest.raises(Reject):
            changed(after, change(act, who, "👍"))


@pytest.mark.parametrize("act", [Act.EDIT, Act.RETRACT])
@pytest.mark.parametrize("who", [ANN, Sender(SenderKind.OPERATOR, "v-eve", "Eve")])
def test_only_who_wrote_it_may_change_it(act: Act, who: Sender) -> None:
    """Another sender, or another kind of sender with the same id, is refused."""
    with pytest.raises(Forbidden):
        changed(LINE, change(act, who, "mine now"))


def test_only_lines_are_changed() -> None:
    """A note, a push or a change has no changes of its own, and is no message."""
    for act in set(Act) - {Act.SAY}:
        with pytest.raises(NotFound):
            changed(replace(LINE, act=act), change(Act.REACT, ANN, "👍"))


def test_reactions_are_replaced_by_sender() -> None:
    """Each sender has the emoji named last, in the order in which each emoji was first chosen."""
    one = changed(LINE, change(Act.REACT, ANN, "👍 🎉"))
    assert one.reactions == (Reaction("👍", (ANN,)), Reaction("🎉", (ANN,)))
    two = changed(one, change(Act.REACT, EVE, "🎉"))
    assert two.reactions == (Reaction("👍", (ANN,)), Reaction("🎉", (ANN, EVE)))
    three = changed(two, change(Act.REACT, ANN, "🎉"))
    assert three.reactions == (Reaction("🎉", (EVE, ANN)),)
    assert changed(three, change(Act.REACT, ANN, "🎉")) is three
    assert changed(changed(three, change(Act.REACT, ANN)), change(Act.REACT, EVE)).reactions == ()
