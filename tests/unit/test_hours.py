"""When a site is open, in its own time zone, whatever its clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.hours import HoursSettings, is_open, next_opening

BERLIN = HoursSettings("Europe/Berlin", monday=("09:00-12:00", "13:00-17:30"))
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
YEAR_2026 = 1_767_225_600_000


def ms(text: str, zone: str = "UTC") -> int:
    """A moment by its wall clock."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] < span[1])
weeks = st.dictionaries(
    st.sampled_from(DAYS), st.lists(spans, min_size=1, max_size=2), min_size=1, max_size=7
)
hours = st.builds(
    lambda zone, week: HoursSettings(
        zone,
        **{day: tuple(f"{clock(a)}-{clock(b)}" for a, b in found) for day, found in week.items()},
    ),
    st.sampled_from(ZONES),
    weeks,
)
moments = st.integers(0, 365 * 24 * 60).map(lambda minute: YEAR_2026 + minute * MINUTE)


@pytest.mark.parametrize(
    ("at", "open", "opens"),
    [
        ("2026-01-05T08:59", False, "2026-01-05T09:00"),
        ("2026-01-05T09:00", True, None),
        ("2026-01-05T12:00", False, "2026-01-05T13:00"),
        ("2026-01-05T17:29", True, None),
        ("2026-01-05T17:30", False, "2026-01-12T09:00"),
        ("2026-03-28T12:00", False, "2026-03-30T09:00"),
    ],
)
def test_a_week_in_berlin(at: str, open: bool, opens: str | None) -> None:
    """Each end counts by the wall clock there; over the change to summer time too."""
    now = ms(at, "Europe/Berlin")
    assert is_open(BERLIN, now) is open
    assert next_opening(BERLIN, now) == (ms(opens, "Europe/Berlin") if opens else None)


def test_without_hours_it_is_always_open() -> None:
    """And never opens."""
    assert is_open(HoursSettings(), YEAR_2026)
    assert next_opening(HoursSettings(), YEAR_2026) is None
    assert not HoursSettings("Europe/Berlin")


def test_a_day_ends_at_midnight() -> None:
    """Two days without a gap are open without a gap."""
    night = HoursSettings(monday=("20:00-24:00",), tuesday=("00:00-02:00",))
    midnight = ms("2026-01-06T00:00")
    assert all(is_open(night, midnight + minute * MINUTE) for minute in range(-240, 120))
    assert not is_open(night, midnight + 2 * HOUR)


@pytest.mark.parametrize(
    "span", ["9-17", "09:00", "17:00-09:00", "09:00-24:01", "09:00-09:00", "aa:bb-cc:dd", ""]
)
def test_what_is_no_span_is_refused(span: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="such as 09:00-17:30"):
        HoursSettings(friday=(span,))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "/etc/localtime"])
def test_a_time_zone_that_is_not_known(zone: str) -> None:
    """A system without it, to which a store was moved, still serves: the hours mean nothing."""
    hours = HoursSettings(zone, friday=("09:00-17:30",))
    assert hours.zone is None
    assert is_open(hours, YEAR_2026)
    assert next_opening(hours, YEAR_2026) is None


@given(hours, moments)
def test_the_next_opening_is_the_first(found: HoursSettings, now: int) -> None:
    """It is open then and not a moment before, nor at any time between; over any change."""
    opens = next_opening(found, now)
    if opens is None:
        assert is_open(found, now)
        return
    assert now < opens <= now + 9 * DAY
    assert is_open(found, opens)
    steps = range(now, opens, max(MINUTE, (opens - now) // 50))
    assert not any(is_open(found, moment) for moment in (*steps, opens - 1))


@given(hours, moments)
def test_the_wall_clock_decides(found: HoursSettings, now: int) -> None:
    """On a day on which no clock is changed, open is what a person reads off the wall."""
    zone = ZoneInfo(found.time_zone)
    local = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    around = {(local + timedelta(hours=hour)).utcoffset() for hour in range(-48, 49, 12)}
    if len(around) > 1:
        return
    wall = f"{local:%H:%M}"
    ends = [span.split("-") for span in found.week[local.weekday()]]
    assert is_open(found, now) == any(start <= wall < end for start, end in ends)
