"""A room's lines are to reach everybody once, in one order."""

from __future__ import annotations

from bench.rooms.tally import Tally


def two_members() -> Tally:
    """Of whom both are owed the lines 7 and 8."""
    tally = Tally(2)
    tally.say(7, 1.0)
    tally.say(8, 2.0)
    return tally


def test_lines_that_come_to_all_in_one_order_are_well() -> None:
    """The order may be another than that in which they were sent."""
    tally = two_members()
    for number in (8, 7):
        tally.receive(0, number, 3.0)
        tally.receive(1, number, 4.0)
    assert tally.complete
    assert tally.faults() == []
    assert tally.result()["deliveries"] == 4


def test_a_line_that_is_missing_is_found() -> None:
    """One member lacks one line."""
    tally = two_members()
    tally.receive(0, 7, 3.0)
    tally.receive(0, 8, 3.0)
    tally.receive(1, 7, 3.0)
    assert not tally.complete
    assert tally.faults() == ["1 lines are missing"]


def test_lines_in_two_orders_are_found() -> None:
    """Both members have both lines, one of them the other way round."""
    tally = two_members()
    for member, numbers in enumerate(((7, 8), (8, 7))):
        for number in numbers:
            tally.receive(member, number, 3.0)
    assert tally.faults() == ["2 lines came out of order or were never said"]


def test_a_line_that_comes_twice_is_found() -> None:
    """To everybody, in the same order."""
    tally = two_members()
    for member in range(2):
        for number in (7, 7, 8):
            tally.receive(member, number, 3.0)
    assert tally.faults() == ["a line came twice", "somebody got more lines than were said"]


def test_a_line_of_nobody_is_found() -> None:
    """It has a number that was never said."""
    tally = two_members()
    for member in range(2):
        tally.receive(member, 7, 3.0)
        tally.receive(member, 8, 3.0)
    tally.receive(0, 9, 3.0)
    assert "1 lines came out of order or were never said" in tally.faults()


def test_who_follows_is_told_once_everybody_has_a_line() -> None:
    """Not when the first has it."""
    wholes: list[int] = []
    tally = Tally(2, lambda: wholes.append(tally.whole))
    tally.say(1, 0.0)
    tally.receive(1, 1, 0.5)
    assert wholes == []
    tally.receive(0, 1, 1.0)
    assert wholes == [1]


def test_times_run_from_sending_to_receipt() -> None:
    """In milliseconds, over all lines and members."""
    tally = Tally(2)
    tally.say(1, 10.0)
    tally.receive(0, 1, 10.5)
    tally.receive(1, 1, 10.5)
    assert tally.result()["p50_ms"] == tally.result()["p99_ms"] == 500.0
