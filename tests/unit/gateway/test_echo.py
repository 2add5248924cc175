"""Whether another connection has part of what comes for us."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.echo import ECHOES, Echo


def test_all_of_it_comes_back() -> None:
    """We are alone, and always were."""
    echo = Echo()
    assert [echo.heard(number) for number in echo.batch()] == [False] * ECHOES
    assert echo.alone


def test_late_is_not_lost() -> None:
    """A server that is slow for a while answers in order."""
    echo = Echo()
    late = [*echo.batch(), *echo.batch(), *echo.batch()]
    assert not any(echo.heard(number) for number in late)
    assert echo.alone


@given(st.sets(st.integers(0, ECHOES - 1), min_size=1, max_size=ECHOES - 1))
def test_what_another_got_does_not_come_back(lost: set[int]) -> None:
    """We are told once that the other is gone, when nothing is missing any more."""
    echo = Echo()
    assert not any(echo.heard(number) for number in echo.batch() if number not in lost)
    heard = []
    while not echo.alone:
        heard += [echo.heard(number) for number in echo.batch() if not echo.alone]
    assert heard.count(True) == 1
    assert heard[-1]


def test_another_that_gets_all_is_noticed_when_it_goes() -> None:
    """As where a server gives all that one sends to the same connection."""
    echo = Echo()
    echo.batch()
    assert not echo.alone
    assert [echo.heard(number) for number in echo.batch()][-1]
