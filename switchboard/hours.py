"""When a site is open: pure, time is an argument.

A site's hours are times of the wall clock in its time zone, `09:00-17:30`, any number of them a
weekday, none of them over midnight: `24:00` ends a day. An hour that the clock leaps over begins or
ends when the clock is past it; one that it shows twice is meant the first time (PEP 495).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_DAY = timedelta(days=1)


class HoursSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When somebody is to be expected; without any the site is open as its operators are."""

    time_zone: str = "UTC"
    """Of the IANA database, such as `Europe/Berlin`."""
    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in sum(self.week, ()):
            _minutes(text)

    def __bool__(self) -> bool:
        """Whether any are set."""
        return any(self.week)

    @property
    def week(self) -> tuple[tuple[str, ...], ...]:
        """A weekday's times each, Monday first."""
        days = (self.monday, self.tuesday, self.wednesday, self.thursday)
        return (*days, self.friday, self.saturday, self.sunday)

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone; None if the system does not know it, and then the hours mean nothing."""
        try:
            return ZoneInfo(self.time_zone)
        except (ValueError, OSError, LookupError):
            return None


def is_open(hours: HoursSettings, now: int) -> bool:
    """Whether the site is open at `now`, in ms since 1970 UTC; always, if no hours are set."""
    if not hours or (zone := hours.zone) is None:
        return True
    return any(start <= now < end for start, end in _spans(hours, zone, now))


def next_opening(hours: HoursSettings, now: int) -> int | None:
    """When the site opens again, if it is closed at `now`; both in ms since 1970 UTC."""
    zone = hours.zone
    if zone is None or is_open(hours, now):
        return None
    return min((start for start, _ in _spans(hours, zone, now) if start > now), default=None)


def _spans(hours: HoursSettings, zone: ZoneInfo, now: int) -> Iterator[tuple[int, int]]:
    """From when to when the site is open, in ms: yesterday and the eight days from then on."""
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone).date()
    for ahead in range(-1, 9):
        day = today + ahead * _DAY
        for text in hours.week[day.weekday()]:
            start, end = (_instant(day, minute, zone) for minute in _minutes(text))
            if start < end:
                yield start, end


def _instant(day: date, minute: int, zone: ZoneInfo) -> int:
    local = datetime.combine(day + minute // 1440 * _DAY, time(minute // 60 % 24, minute % 60))
    return int(local.replace(tzinfo=zone).timestamp() * 1000)


def _minutes(text: str) -> tuple[int, int]:
    """Both ends of a span, in minutes of the day. Raises ValueError."""
    found = _SPAN.fullmatch(text)
    if found is not None:
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = hour * 60 + minute, last_hour * 60 + last_minute
        if start < end <= 1440:
            return start, end
    raise ValueError(f"{text!r} is not a time of one day such as 09:00-17:30")
