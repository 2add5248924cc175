"""How often somebody may do something."""

from __future__ import annotations

import pytest

from gateway.muc.often import Often
from switchboard.errors import RetryLater


class HandClock:
    """Time that the test moves."""

    seconds = 1000.0

    def now(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


def test_so_often_and_no_more() -> None:
    """Each for themselves, until the first time is long enough ago."""
    clock = HandClock()
    often = Often(clock, 3, 60, "Too often.")
    often.count("a", 2)
    clock.seconds += 10
    often.count("a")
    often.count("b")
    with pytest.raises(RetryLater) as refused:
        often.count("a")
    assert refused.value.retry_after == 50
    clock.seconds += 50
    often.count("a", 2)
    with pytest.raises(RetryLater):
        often.count("a")


def test_too_much_at_once_counts_nothing() -> None:
    """Less of it may be done instead."""
    often = Often(HandClock(), 3, 60, "Too often.")
    with pytest.raises(RetryLater):
        often.count("a", 4)
    often.count("a", 3)


def test_who_does_nothing_is_forgotten() -> None:
    """Memory holds those of the last while alone."""
    clock = HandClock()
    often = Often(clock, 3, 60, "Too often.")
    for number in range(100):
        often.count(str(number))
    clock.seconds += 60
    often.count("a")
    assert list(often._times) == ["a"]
