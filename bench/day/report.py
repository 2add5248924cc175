"""What was found, as tables for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- the day: begin -->", "<!-- the day: end -->"
DAY = 86_400
HABLA_BEFORE, HABLA_AFTER = 400_000, 15_000
MONTH_CALLS = 18_000_000


def write(found: dict[str, Any], page: Path) -> None:
    """Puts the tables between the page's markers."""
    before, there, rest = page.read_text("utf-8").partition(BEGIN)
    _, closed, after = rest.partition(END)
    assert there, f"{page} has no {BEGIN}"
    assert closed, f"{page} has no {END}"
    page.write_text(f"{before}{BEGIN}\n\n{text(found)}\n\n{END}{after}", "utf-8")


def text(found: dict[str, Any]) -> str:
    """All tables, of what was played."""
    parts = [(name, found[name]) for name in ("day", "stretch") if name in found]
    blocks = [_played(parts), _statements(parts), _writes(parts), _stores(parts)]
    if "day" in found and "month" in found:
        blocks.append(_month(found["day"], found["month"]))
    return "\n\n".join(blocks)


_NAMES = {"day": "The day, sped up", "stretch": "A part of it, as it is"}


def _head(parts: list[tuple[str, Any]], first: str, *more: str) -> list[str]:
    names = [_NAMES[name] for name, _ in parts]
    return [
        "| " + " | ".join([first, *names, *more]) + " |",
        "|---" * (1 + len(names) + len(more)) + "|",
    ]


def _rows(rows: list[tuple[Any, ...]]) -> list[str]:
    return ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def _played(parts: list[tuple[str, Any]]) -> str:
    def row(what: str, key: str) -> tuple[Any, ...]:
        return (what, *(f"{part[key]:,}" for _, part in parts))

    rows: list[tuple[Any, ...]] = [
        ("times as fast as a day", *(f"{part['speed']:g}" for _, part in parts)),
        row("seconds that it took", "seconds"),
        row("visitors", "visitors"),
        row("RPC calls", "calls"),
        row("messages, both ways", "messages"),
        row("talks", "talks"),
        ("calls that failed", *(sum(part["failures"].values()) for _, part in parts)),
    ]
    rows += [
        (f"`{method}`: p50, p99", *(_pair(part["ms"].get(method)) for _, part in parts))
        for method in ("hello", "page", "say")
    ]
    return "\n".join([*_head(parts, "Played"), *_rows(rows)])


def _pair(cuts: dict[str, float] | None) -> str:
    return f"{cuts['p50']:g} ms, {cuts['p99']:g} ms" if cuts else "–"


def _statements(parts: list[tuple[str, Any]]) -> str:
    tables = [
        {(one["why"], one["what"], one["does"]): one for one in part["statements"]}
        for _, part in parts
    ]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    order = list(dict.fromkeys(why for why, _, _ in keys))
    rows = []
    for why, what, does in sorted(keys, key=lambda key: order.index(key[0])):
        cells = []
        for (_, part), table in zip(parts, tables, strict=True):
            one = table.get((why, what, does), {"count": 0})
            per = one["count"] / part["messages"] if part["messages"] else 0
            by_clock = f"{one['count'] / part['seconds']:.2f} a second"
            cells.append(f"{one['count']:,} ({by_clock if why == 'the clock' else f'{per:.2f}'})")
        rows.append((why, what, does, *cells))
    heads = [f"{_NAMES[name]} (per message)" for name, _ in parts]
    head = "| " + " | ".join(["Because of", "Statement", "Kind", *heads]) + " |"
    return "\n".join([head, "|---" * (3 + len(parts)) + "|", *_rows(rows)])


def _writes(parts: list[tuple[str, Any]]) -> str:
    rows = [
        (
            mark["what"],
            *(
                f"{part['marks'][n]['found']:,} of {part['marks'][n]['most']:,}"
                for _, part in parts
            ),
        )
        for n, mark in enumerate(parts[0][1]["marks"])
    ]
    rows.append(
        ("Hab.la's day before memcached: statements", f"{HABLA_BEFORE:,}", *[""] * (len(parts) - 1))
    )
    rows.append(("Hab.la's day after it: writes", f"{HABLA_AFTER:,}", *[""] * (len(parts) - 1)))
    return "\n".join([*_head(parts, "Found, and the most that the mark allows"), *_rows(rows)])


def _stores(parts: list[tuple[str, Any]]) -> str:
    rows: list[tuple[Any, ...]] = []
    for store in ("memcached", "redis"):
        for name in dict.fromkeys(name for _, part in parts for name in part[store]):
            rows.append(
                (f"{store}: `{name}`", *(f"{part[store].get(name, 0):,}" for _, part in parts))
            )
    for name in dict.fromkeys(name for _, part in parts for name in part["cpu_seconds"]):
        rows.append(
            (f"CPU of {name}, ms a call", *(_cpu(part, name) for _, part in parts)),
        )
    return "\n".join([*_head(parts, "Beside SQL"), *_rows(rows)])


def _cpu(part: dict[str, Any], name: str) -> str:
    return f"{part['cpu_seconds'].get(name, 0) / part['calls'] * 1000:.3f}"


def _month(day: dict[str, Any], month: dict[str, Any]) -> str:
    rate = month["calls"] / month["seconds"]
    rows: list[tuple[Any, ...]] = [
        ("played: calls a second, for how many seconds", f"{rate:.1f}, {month['seconds']:g}"),
        ("played: calls that failed", sum(month["failures"].values())),
        ("played: `say`, p50 and p99", _pair(month["ms"].get("say"))),
    ]
    rows += [
        (
            f"multiplied: CPU hours of {name} in a month",
            f"{seconds / day['calls'] * MONTH_CALLS / 3600:.1f}",
        )
        for name, seconds in day["cpu_seconds"].items()
    ]
    return "\n".join(["| The month | |", "|---|---|", *_rows(rows)])
