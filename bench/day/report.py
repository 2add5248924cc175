"""What was found, as tables for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..page import Row, put, table
from .kinds import CURSORS, GONE, SHOWN, Does, Why
from .traffic import DAY, LINES_OF_A_TALK

HABLA_BEFORE, HABLA_AFTER = 400_000, 15_000
MONTH_CALLS = 18_000_000

Found = dict[str, Any]


def write(found: Found, page: Path) -> None:
    """Puts the tables into the page; the day and its hour must have been played."""
    put(page, "the day", text(found))


def text(found: Found) -> str:
    """All tables."""
    blocks = [_played(found), _statements(found), _marks(found), _stores(found)]
    if "month" in found:
        blocks.append(_month(found["day"], found["month"]))
    return "\n\n".join(blocks)


def _both(found: Found, cell: Callable[[Found], object]) -> Row:
    return (cell(found["day"]), cell(found["hour"]))


def _played(found: Found) -> str:
    def row(what: str, cell: Callable[[Found], object]) -> Row:
        return (what, *_both(found, cell))

    rows = [
        row("times as fast as it is", lambda part: f"{part['speed']:g}"),
        row("seconds that it took", lambda part: f"{part['seconds']:.0f}"),
        row("visitors", lambda part: f"{part['visitors']:,}"),
        row("RPC calls", lambda part: f"{part['calls']:,}"),
        row("messages, both ways", lambda part: f"{part['messages']:,}"),
        row("talks", lambda part: f"{part['talks']:,}"),
        row("calls and lines that failed", lambda part: sum(part["failures"].values())),
    ]
    rows += [
        row(f"`{method}`: p50, p99", lambda part, method=method: _pair(part["ms"][method]))  # type: ignore[misc]
        for method in ("hello", "page", "say")
    ]
    return table(("Played", "The day", "Its busiest hour"), rows)


def _pair(cuts: dict[str, float]) -> str:
    return f"{cuts['p50']:.1f} ms, {cuts['p99']:.1f} ms"


def _statements(found: Found) -> str:
    keys = list(
        dict.fromkeys(
            (one["why"], one["what"], one["does"])
            for part in (found["day"], found["hour"])
            for one in part["statements"]
        )
    )
    order = [why.value for why in Why]
    rows: list[Row] = []
    for key in sorted(keys, key=lambda key: order.index(key[0])):
        if key[2] != Does.NEITHER.value:
            cells = [_cell(part, key) for part in (found["day"], found["hour"])]
            rows.append((*key, *cells, _real(found, key)))
    head = ("Because of", "Statements", "Kind", "The day", "Its busiest hour", "A real day")
    return table(head, rows)


def _count(part: Found, key: Row) -> int:
    return sum(
        one["count"] for one in part["statements"] if (one["why"], one["what"], one["does"]) == key
    )


def _cell(part: Found, key: Row) -> str:
    count = _count(part, key)
    if key[0] == Why.CLOCK.value:
        return f"{count:,} ({count / part['seconds']:.2f} a second)"
    return f"{count:,} ({count / part['messages']:.2f} a message)"


def _real(found: Found, key: Row) -> str:
    """Reckoned from the hour, in which lines stand alone as they do in a real day."""
    hour, day, messages = found["hour"], found["day"], found["shape"]["messages"]
    count, why = _count(hour, key), key[0]
    if key[1] == CURSORS.what:
        return f"at most {found['windows']['lines'] * day['processes']:,}"
    if key[1] == SHOWN.what:
        talks = round(messages / LINES_OF_A_TALK)
        return f"at most {found['windows']['arrivals'] + talks:,}"
    if key[1] == GONE.what:
        return f"at most {DAY / 60:,.0f}"
    if why == Why.CLOCK.value:
        return f"{count / hour['seconds'] * DAY:,.0f}"
    if why == Why.LINE.value:
        return f"{count / hour['messages'] * messages:,.0f}"
    if why == Why.TALK.value and key[2] == Does.WRITES.value:
        return f"{count / hour['talks'] * messages / LINES_OF_A_TALK:,.0f}"
    return f"{_count(day, key):,}"


def _marks(found: Found) -> str:
    rows: list[Row] = [
        (
            mark["what"],
            *_both(
                found,
                lambda part, n=number: (  # type: ignore[misc]
                    f"{part['marks'][n]['found']:,} of {part['marks'][n]['most']:,}"
                ),
            ),
            "",
        )
        for number, mark in enumerate(found["day"]["marks"])
    ]
    played = _both(found, lambda part: f"{part['writes']:,}")
    most = _both(found, lambda part: f"{part['most_writes']:,}")
    rows += [
        ("statements that write, the clock's aside", *played, f"at most {_real_writes(found):,}"),
        ("a message, two a talk, one in 5 s of activity", *most, f"{_real_most(found):,}"),
        ("Hab.la's before memcached: statements", "", "", f"{HABLA_BEFORE:,}"),
        ("Hab.la's after it: writes", "", "", f"{HABLA_AFTER:,}"),
    ]
    return table(
        ("Found, of the most that may be", "The day", "Its busiest hour", "A real day"), rows
    )


def _real_writes(found: Found) -> int:
    keys = {
        (one["why"], one["what"], one["does"])
        for one in found["hour"]["statements"]
        if one["does"] == Does.WRITES.value and one["why"] != Why.CLOCK.value
    }
    return sum(int(_real(found, key).rpartition(" ")[2].replace(",", "")) for key in keys)


def _real_most(found: Found) -> int:
    messages: int = found["shape"]["messages"]
    windows: int = found["windows"]["any"]
    return messages + 2 * round(messages / LINES_OF_A_TALK) + windows


def _stores(found: Found) -> str:
    parts = (found["day"], found["hour"])
    rows: list[Row] = [
        (f"{store}: `{name}`", *(f"{part[store].get(name, 0):,}" for part in parts))
        for store in ("memcached", "redis")
        for name in dict.fromkeys(name for part in parts for name in part[store])
    ]
    rows += [
        (
            f"CPU of {name}, ms a call",
            *(f"{part['cpu_seconds'][name] / part['calls'] * 1000:.3f}" for part in parts),
        )
        for name in found["day"]["cpu_seconds"]
    ]
    return table(("Beside SQL", "The day", "Its busiest hour"), rows)


def _month(day: Found, month: Found) -> str:
    rate = f"{month['calls'] / month['seconds']:.1f} for {month['seconds']:.0f} s"
    rows: list[Row] = [
        ("played: calls a second", rate),
        ("played: calls and lines that failed", sum(month["failures"].values())),
        ("played: `page`, p50 and p99", _pair(month["ms"]["page"])),
        ("played: late by, p50 and p99", _pair(month["late_ms"])),
    ]
    rows += [
        (f"multiplied: hours of {name}'s CPU", f"{seconds / day['calls'] * MONTH_CALLS / 3600:.2f}")
        for name, seconds in day["cpu_seconds"].items()
    ]
    return table(("The month", "18,000,000 calls"), rows)
