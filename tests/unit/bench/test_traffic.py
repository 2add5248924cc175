"""The day that is replayed has the published shape, and is what our widget would make of it."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from bench.day.traffic import DAY, Day, Event, Kind, Shape, day

SHAPE = Shape(calls=20_000, visitors=1_200, messages=300)


@pytest.fixture(scope="module")
def played() -> Day:
    return day(1, SHAPE)


def by_visitor(of: Day) -> dict[int, list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    for event in of.events:
        found[event.visitor].append(event)
    return found


def test_has_exactly_the_shape(played: Day) -> None:
    """Calls, visitors and messages are as many as were asked for."""
    kinds = Counter(event.kind for event in played.events)
    assert kinds.total() - kinds[Kind.ANSWER] == SHAPE.calls
    assert kinds[Kind.SAY] + kinds[Kind.ANSWER] == SHAPE.messages
    assert len(by_visitor(played)) == len(played.visitors) == SHAPE.visitors


def test_the_published_shape_can_be_made() -> None:
    """A day of 200,000 calls, 12,000 visitors and 3,000 messages has as many."""
    events = day(1, Shape()).events
    assert sum(event.kind is not Kind.ANSWER for event in events) == 200_000


def test_is_the_seeds(played: Day) -> None:
    """The same seed gives the same day, another seed another."""
    assert day(1, SHAPE) == played
    assert day(2, SHAPE) != played


def test_is_in_times_order_within_a_day(played: Day) -> None:
    """Events follow each other, from midnight to midnight."""
    times = [event.at for event in played.events]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= DAY


def test_has_a_night_and_a_peak(played: Day) -> None:
    """In the afternoon ten times as many come as in the dead of night."""
    night = sum(2 * 3600 <= event.at < 4 * 3600 for event in played.events)
    peak = sum(14 * 3600 <= event.at < 16 * 3600 for event in played.events)
    assert peak > 8 * night


def test_every_page_view_begins_with_hello_and_ends_with_bye(played: Day) -> None:
    """A visitor's calls are between `hello` and `bye`, which take turns."""
    for events in by_visitor(played).values():
        ends = [event.kind for event in events if event.kind in (Kind.HELLO, Kind.BYE)]
        assert ends == [Kind.HELLO, Kind.BYE] * (len(ends) // 2)
        assert events[0].kind is Kind.HELLO
        assert events[-1].kind is Kind.BYE


def test_talks_begin_with_the_visitor_and_are_answered(played: Day) -> None:
    """The first line is the visitor's, the second the operator's, and lines are numbered."""
    for number, events in by_visitor(played).items():
        lines = [event for event in events if event.kind in (Kind.SAY, Kind.ANSWER)]
        assert bool(lines) == played.visitors[number].talks
        if lines:
            assert [line.kind for line in lines[:2]] == [Kind.SAY, Kind.ANSWER]
        for kind in (Kind.SAY, Kind.ANSWER):
            numbers = [line.number for line in lines if line.kind is kind]
            assert numbers == list(range(1, len(numbers) + 1))


def test_each_answer_is_acknowledged_once(played: Day) -> None:
    """`seen` follows each line of an operator's before the next."""
    for events in by_visitor(played).values():
        pairs = [event for event in events if event.kind in (Kind.ANSWER, Kind.SEEN)]
        for answer, seen in zip(pairs[::2], pairs[1::2], strict=True):
            assert (answer.kind, seen.kind) == (Kind.ANSWER, Kind.SEEN)
            assert answer.number == seen.number


def test_only_who_has_no_socket_polls(played: Day) -> None:
    """Polls come from visitors without a WebSocket, and from each of them."""
    polling = {event.visitor for event in played.events if event.kind is Kind.POLL}
    without = {number for number, one in enumerate(played.visitors) if not one.socket}
    assert polling == without


def test_a_part_begins_with_whole_page_views(played: Day) -> None:
    """A part of the day begins with whole page views, and nothing of it comes after its end."""
    part = played.between(DAY / 2, DAY / 2 + 1800)
    whole = by_visitor(played)
    assert part.events
    for number, events in by_visitor(part).items():
        assert (
            events
            == [event for event in whole[number] if event.at < DAY / 2 + 1800][-len(events) :]
        )
        assert events[0].kind is Kind.HELLO


def test_too_few_calls_are_refused() -> None:
    """Fewer calls than the visitors and their talks need are an error."""
    with pytest.raises(ValueError, match="too few"):
        day(1, Shape(calls=100, visitors=1_200, messages=300))
