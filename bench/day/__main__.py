"""`python -m bench.day`: one JSON object on standard output, progress on standard error.

Exit status 1 if a mark is missed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cluster.cluster import HOST
from parley.config import load

from ..house import PASSWORD, House, house
from ..process import allow_files, cpu_seconds
from . import report
from .counts import Counters
from .kinds import OTHER, by_kind, kind_of
from .marks import Facts, Mark, marks, most_writes, writes
from .operators import Desk
from .player import WINDOW, Played, Player
from .traffic import DAY, DEEPEST, OPERATORS, SITES, Day, Kind, Shape, day

GRACE = 15.0
LEAST_GRACE = 0.5
SETTLE_SECONDS = 3.0
OPEN_FILES = 8_000
PEAK = (DEEPEST + 12) * 3600
HOUR = 3600.0
"""Of the peak, played slowly enough that hardly two lines share a commit."""
MONTH_CALLS = 18_000_000
MONTH_DAYS = 30
MONTH_PEAK = 4.0
"""A month's busiest minute, for its mean: a day's peak is nearly twice its mean, and so is a busy
day the mean day."""
MONTH_SECONDS = 60.0
SITE_KEYS = {
    f"shop{site}": [f"desk{site}-{operator}" for operator in range(OPERATORS)]
    for site in range(SITES)
}


async def replay(what: Day, speed: float) -> dict[str, Any]:
    """What was played on a fresh house, what it took, what the stores were asked; and the marks."""
    grace = max(GRACE / speed, LEAST_GRACE)
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        async with house(Path(folder), SITE_KEYS, web=1, grace=grace, counted=True) as on:
            cluster = on.cluster
            counters = Counters(
                load(cluster.config).store.url,
                [cache.port for cache in cluster.caches],
                cluster.redis.port,
            )
            desks = await _log_in(on)
            await asyncio.sleep(SETTLE_SECONDS)
            player = Player(cluster.port, list(SITE_KEYS), desks, speed)
            await counters.reset()
            before = _cpu(on)
            played = await player.play(what)
            # The last flush is due.
            await asyncio.sleep(WINDOW)
            used = {name: seconds - before[name] for name, seconds in _cpu(on).items()}
            counts = await counters.take()
            counters.close()
            await asyncio.gather(*(desk.disconnect() for row in desks for desk in row))
    tallies = by_kind(counts.digests)
    facts = _facts(played, len(on.nodes))
    found = marks(facts, tallies)
    return {
        "speed": round(speed, 2),
        "grace_seconds": grace,
        **_seen(played),
        "statements": [
            {
                "what": kind.what,
                "does": kind.does.value,
                "why": kind.why.value,
                "count": tally.count,
                "rows": tally.rows,
            }
            for kind, tally in tallies.items()
        ],
        "anything_else": [one.text for one in counts.digests if kind_of(one.text) is OTHER],
        "processes": len(on.nodes),
        "writes": writes(tallies),
        "most_writes": most_writes(facts),
        "mariadb": counts.commands,
        "memcached": counts.memcached,
        "redis": counts.redis,
        "cpu_seconds": {name: round(seconds, 2) for name, seconds in used.items()},
        "marks": [_told(mark) for mark in found],
    }


def _as_busy(day_: Day, rate: float) -> tuple[Day, float]:
    """A part of the peak, and the speed at which it has that rate for MONTH_SECONDS."""
    speed = 1.0
    while True:
        half = MONTH_SECONDS * speed / 2
        part = day_.between(PEAK - half, PEAK + half)
        if sum(event.kind is not Kind.ANSWER for event in part.events) >= rate * MONTH_SECONDS:
            return part, speed
        speed *= 1.02


async def _log_in(on: House) -> list[list[Desk]]:
    """Of each site, the first asks for receipts and markers and gives them, the others do not."""
    desks = []
    for names in SITE_KEYS.values():
        row = [
            Desk(f"{name}@{HOST}/desk", PASSWORD, number == 0) for number, name in enumerate(names)
        ]
        for desk in row:
            await desk.log_in(on.cluster.prosody.c2s_port)
        desks.append(row)
    return desks


def _cpu(on: House) -> dict[str, float]:
    members = [*on.nodes, *(m for m in on.cluster.members if m not in on.nodes)]
    return {m.name: cpu_seconds(m.pid) for m in members if m.pid is not None}


def _facts(played: Played, processes: int) -> Facts:
    return Facts(
        messages=played.done[Kind.SAY] + played.done[Kind.ANSWER],
        talks=played.talks,
        known=played.known,
        active=len(played.windows) * WINDOW,
        processes=processes,
    )


def _seen(played: Played) -> dict[str, Any]:
    return {
        "seconds": round(played.seconds, 1),
        "visitors": played.visitors,
        "calls": played.done.total() - played.done[Kind.ANSWER] + played.extra,
        "messages": played.done[Kind.SAY] + played.done[Kind.ANSWER],
        "talks": played.talks,
        "known": played.known,
        "done": {kind.value: count for kind, count in sorted(played.done.items())},
        "failures": dict(played.failures),
        "late_ms": _quantiles(played.late),
        "ms": {kind.value: _quantiles(times) for kind, times in sorted(played.times.items())},
    }


def _quantiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
    return {f"p{cut}": round(cuts[cut - 1] * 1000, 2) for cut in (50, 99)}


def _told(mark: Mark) -> dict[str, Any]:
    return {**asdict(mark), "held": mark.held}


async def measure(seed: int, seconds: float, hour: float, month: bool) -> dict[str, Any]:
    """All that was asked for."""
    shape = Shape()
    whole = day(seed, shape)
    found: dict[str, Any] = {
        "seed": seed,
        "shape": asdict(shape),
        "windows": {
            "lines": whole.windows(WINDOW, Kind.SAY, Kind.ANSWER, Kind.SEEN),
            "arrivals": whole.arrivals(WINDOW),
            "any": whole.windows(WINDOW, *Kind),
        },
    }
    if seconds:
        click.echo(f"a day in {seconds:g} s", err=True)
        found["day"] = await replay(whole, DAY / seconds)
    if hour:
        click.echo(f"its busiest hour in {hour:g} s", err=True)
        part = whole.between(PEAK - HOUR / 2, PEAK + HOUR / 2)
        found["hour"] = await replay(part, HOUR / hour)
    if month:
        rate = MONTH_CALLS / MONTH_DAYS / DAY * MONTH_PEAK
        click.echo(f"a minute of {rate:.1f} calls a second", err=True)
        share = MONTH_CALLS / MONTH_DAYS / shape.calls
        busy = day(seed, Shape(*(round(count * share) for count in asdict(shape).values())))
        found["month"] = await replay(*_as_busy(busy, rate))
    return found


@click.command()
@click.option("--seed", default=7, show_default=True)
@click.option("--seconds", default=240.0, show_default=True, help="For the day; 0: none of it.")
@click.option(
    "--hour", default=240.0, show_default=True, help="Seconds for its busiest hour; 0: none of it."
)
@click.option("--month", is_flag=True, help="Also a minute of a month of 18 million calls.")
@click.option("--write", is_flag=True, help="Put the tables into docs/performance.md.")
def main(seed: int, seconds: float, hour: float, month: bool, write: bool) -> None:
    """Replays a day of 200,000 calls, 12,000 visitors and 3,000 messages, and counts."""
    allow_files(OPEN_FILES)
    found = asyncio.run(measure(seed, seconds, hour, month))
    click.echo(json.dumps(found, indent=2))
    if write:
        report.write(found, Path("docs/performance.md"))
    whole = found.get("day")
    if whole is not None and whole["writes"] > whole["most_writes"]:
        sys.exit(1)
    parts = [found[part] for part in ("day", "hour", "month") if part in found]
    if any(part["failures"] or not all(mark["held"] for mark in part["marks"]) for part in parts):
        sys.exit(1)


if __name__ == "__main__":
    main()
