"""Who is in a room: the gateway's numbered words and the node's own guests, as one list."""

from __future__ import annotations

import pytest

from rpc.gathering import Gathering, Word, gathered
from rpc.roster import Roster
from switchboard import events
from switchboard.model import Occupant, SenderKind
from switchboard.rooms import Role
from tests.unit.rpc.conftest import ManualClock

ROOM = "lobby%acme"
ANN = Occupant("g-ann", SenderKind.OPERATOR, "Ann", Role.MODERATOR)


def visitor(name: str, role: Role = Role.PARTICIPANT) -> Occupant:
    return Occupant(f"g-{name.lower()}", SenderKind.VISITOR, name, role)


ZOE, MAX, EVE = visitor("Zoe"), visitor("Max"), visitor("Eve")


def page(number: int, at: int, last: bool, *who: Occupant, epoch: int = 1) -> events.RoomPage:
    return events.RoomPage(ROOM, epoch, number, at, last, who)


def changed(number: int, epoch: int = 1, **changes: tuple[Occupant, ...]) -> events.RoomChanged:
    return events.RoomChanged(ROOM, epoch, number, **changes)


def whole(roster: Roster) -> bool:
    return roster.whole


def names(roster: Roster) -> list[str]:
    return [who.name for who in roster.listed("", None, 100)[0]]


@pytest.fixture
def roster() -> Roster:
    """Of a room with two in it, as a gateway told it in two pages."""
    roster = Roster(Role.PARTICIPANT)
    roster.page(page(1, 0, False, ZOE))
    roster.page(page(2, 1, True, ANN))
    return roster


def test_pages(roster: Roster) -> None:
    """They are all who are there, operators first, and nobody else any more."""
    assert names(roster) == ["Ann", "Zoe"]
    roster.page(page(3, 0, True, MAX))
    assert names(roster) == ["Max"]


def test_words_after_pages(roster: Roster) -> None:
    """Who came, went or changed, told in order, is so."""
    roster.changed(changed(3, came=(MAX, EVE)))
    roster.changed(changed(4, left=(ZOE,), changed=(visitor("Max", Role.VISITOR),)))
    roster.changed(changed(5, expelled=(EVE,)))
    assert names(roster) == ["Ann", "Max"]
    assert roster["g-max"] == visitor("Max", Role.VISITOR)
    assert whole(roster)


def test_a_missed_word(roster: Roster) -> None:
    """What is missing is known by the numbers; what is heard counts all the same."""
    roster.changed(changed(4, came=(MAX,)))
    assert not whole(roster)
    assert names(roster) == ["Ann", "Max", "Zoe"]
    roster.page(page(5, 0, True, ANN))
    assert whole(roster)
    assert names(roster) == ["Ann"]


def test_a_missed_page(roster: Roster) -> None:
    """A list that lacks a page is none; what was known stays."""
    roster.page(page(3, 0, False, MAX))
    roster.page(page(5, 2, True, EVE))
    assert not whole(roster)
    assert names(roster) == ["Ann", "Zoe"]


def test_changes_between_pages(roster: Roster) -> None:
    """A change that is told between two pages of a list counts in it."""
    roster.page(page(3, 0, False, ZOE))
    roster.changed(changed(4, left=(ZOE,), came=(MAX,)))
    roster.page(page(5, 1, True, ANN))
    assert whole(roster)
    assert names(roster) == ["Ann", "Max"]


def test_another_gateway(roster: Roster) -> None:
    """A newer one is asked for all; an older one is not listened to any more."""
    roster.changed(changed(1, epoch=2, came=(MAX,)))
    assert not whole(roster)
    roster.page(page(2, 0, True, EVE, epoch=2))
    roster.changed(changed(9, epoch=1, came=(ZOE,)))
    assert names(roster) == ["Eve"]
    assert whole(roster)


def test_own_guests(roster: Roster) -> None:
    """A guest of the node is there under the name it knows; the role is the gateway's to give."""
    roster.seat("g-max", "Max")
    roster.changed(changed(3, came=(Occupant("g-max", SenderKind.VISITOR, "Maxine", Role.NONE),)))
    assert roster["g-max"] == Occupant("g-max", SenderKind.VISITOR, "Max", Role.NONE)
    roster.unseat("g-max")
    assert names(roster) == ["Ann", "Maxine", "Zoe"]
    roster.unseat("g-zoe", gone=True)
    assert names(roster) == ["Ann", "Maxine"]


def test_own_guests_of_whom_a_gateway_has_not_heard(roster: Roster) -> None:
    """Who has no voice has none while the next gateway does not know them; then it says what is."""
    roster.seat("g-max", "Max")
    roster.changed(changed(3, came=(visitor("Max", Role.VISITOR),)))
    roster.page(page(1, 0, True, ANN, epoch=2))
    assert roster["g-max"] == visitor("Max", Role.VISITOR)
    roster.changed(changed(2, epoch=2, came=(visitor("Max"),)))
    assert roster["g-max"] == visitor("Max")


def test_names_are_found(roster: Roster) -> None:
    """Whoever has a name, or one that looks like it, as long as they have it."""
    assert roster.called("ZOE") == ("g-zoe",)
    roster.seat("g-b", "zoe")
    assert set(roster.called("Zoe")) == {"g-zoe", "g-b"}
    roster.seat("g-b", "Bea")
    assert roster.called("Zoe") == ("g-zoe",)
    roster.changed(changed(3, left=(ZOE,)))
    assert roster.called("Zoe") == ()


def test_listed_in_parts(roster: Roster) -> None:
    """Each part begins after the one before; a search is within names, whatever the case."""
    roster.changed(changed(3, came=(MAX, EVE)))
    first, more = roster.listed("", None, 3)
    assert ([who.name for who in first], more) == (["Ann", "Eve", "Max"], True)
    second, more = roster.listed("", first[-1].id, 3)
    assert ([who.name for who in second], more) == (["Zoe"], False)
    found, more = roster.listed("E", None, 1)
    assert ([who.name for who in found], more) == (["Eve"], True)
    with pytest.raises(KeyError):
        roster.listed("", "g-nobody", 3)


def test_who_was_there_before(roster: Roster) -> None:
    """The first list of all is no news; what a later one has otherwise is."""
    assert gathered(roster) == []
    roster.page(page(3, 0, True, ANN, MAX))
    words = {(word.op, word.who.name) for word in gathered(roster)}
    assert words == {("join", "Max"), ("leave", "Zoe")}


def test_what_is_told(roster: Roster) -> None:
    """Who came, went, was made to go or has another name; not who came and went between."""
    roster.seat("g-max", "Max")
    roster.changed(changed(3, came=(EVE, visitor("Bob")), expelled=(ZOE,)))
    roster.changed(changed(4, left=(EVE,), changed=(Occupant("g-ann", ANN.kind, "Anna"),)))
    words = {(word.op, word.who.name) for word in gathered(roster)}
    assert words == {("join", "Max"), ("join", "Bob"), ("kick", "Zoe"), ("rename", "Anna")}
    assert gathered(roster) == []


def test_many_are_summed(roster: Roster) -> None:
    """More than five changes are one word of each kind, with how many others did so."""
    for number in range(7):
        roster.seat(f"g-{number}", f"Guest {number}")
    roster.changed(changed(3, left=(ZOE,)))
    words = gathered(roster)
    assert [(word.op, word.more) for word in words] == [("join", 6), ("leave", 0)]


@pytest.mark.parametrize(("guests", "seconds"), [(1, 1), (600, 10)])
def test_now_and_then(clock: ManualClock, guests: int, seconds: int) -> None:
    """At most one word a second, or in ten where very many are."""
    roster = Roster(Role.PARTICIPANT)
    gathering = Gathering("lobby", roster, clock)
    for number in range(guests):
        roster.seat(f"g-{number}", f"Guest {number}")
    clock.seconds += seconds - 1
    assert gathering.due() == []
    clock.seconds += 1
    before = clock.now() - 1
    assert len(gathering.due()) == 1
    assert len(gathering.since(before)) == 1
    assert gathering.since(clock.now()) == []
    assert gathering.due() == []


def test_a_word_to_who_it_is_about(clock: ManualClock) -> None:
    """Only they are told that it is themselves."""
    roster = Roster(Role.PARTICIPANT)
    event = Gathering("lobby", roster, clock).event(Word("kick", ZOE))
    told = [event.data(own) for own in ("g-zoe", "g-max", "g-eve")]
    assert [getattr(data, "who").own for data in told] == [True, False, False]  # noqa: B009
    assert told[1] is told[2]
