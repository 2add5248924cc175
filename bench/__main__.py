"""`python -m bench`: one JSON object on standard output, progress on standard error."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click

from .load import Load
from .process import allow_files, cpu_seconds, resident_kib
from .stage import Stage, stage

SETTLE_SECONDS = 3.0
SLOW_SECONDS = 25.0
"""By then whoever does not read has been dropped."""
SPARE_FILES = 500
WARM_UP = "5"
"""Seconds before each loop is measured."""
MODES = {"plain": "delivered", "marks": "read"}
"""What the operator's client does, and how far the visitors acknowledge."""


async def round_trips(on: Stage, visitors: int, seconds: float, mode: str) -> dict[str, Any]:
    """Visitor to operator and back, both lines stored, in a closed loop."""
    load = await Load.start(
        "bench.visitors",
        *("talk", str(on.port), str(visitors), str(seconds), WARM_UP, MODES[mode], "0"),
    )
    await load.says()
    before = {pid: cpu_seconds(pid) for pid in (on.parley, on.prosody)}
    measured = await load.says()
    used = {pid: cpu_seconds(pid) - before[pid] for pid in before}
    await load.end()
    times = measured["times"]
    return {
        "mode": mode,
        "visitors": visitors,
        "seconds": round(measured["seconds"], 2),
        "round_trips": len(times),
        "per_second": round(len(times) / measured["seconds"], 1),
        "p50_ms": round(statistics.median(times) * 1000, 2),
        "p99_ms": round(statistics.quantiles(times, n=100)[98] * 1000, 2),
        "gateway_cpu_ms": round(used[on.parley] / len(times) * 1000, 3),
        "prosody_cpu_ms": round(used[on.prosody] / len(times) * 1000, 3),
    }


async def idle(on: Stage, steps: list[int]) -> list[dict[str, Any]]:
    """Memory of a visitor who has the page open and says nothing."""
    empty = resident_kib(on.parley)
    load = await Load.start("bench.visitors", "idle", str(on.port), *map(str, steps))
    rows = []
    for _ in steps:
        said = await load.says()
        await asyncio.sleep(SETTLE_SECONDS)
        sockets = said["sockets"]
        grown = resident_kib(on.parley) - empty
        rows.append({"sockets": sockets, "kib_per_visitor": round(grown / sockets, 2)})
        load.go_on()
    await load.end()
    return rows


async def unread(on: Stage, sockets: int, rounds: int = 2) -> list[dict[str, Any]]:
    """Memory while half of the sockets never read what is pushed, and when all are closed."""
    start = resident_kib(on.parley)
    load = await Load.start("bench.crowd", str(on.port), str(sockets), str(rounds))
    rows = []
    for _ in range(rounds):
        await load.says()
        row: dict[str, Any] = {"sockets": sockets, "start_mib": _mib(start)}
        row["open_mib"] = _mib(resident_kib(on.parley))
        load.go_on()
        peak, said = await _peak(on.parley, asyncio.create_task(load.says()))
        row |= {"lines": said["lines"]}
        later, _ = await _peak(on.parley, asyncio.create_task(asyncio.sleep(SLOW_SECONDS)))
        row |= {"peak_mib": _mib(max(peak, later)), "dropped_mib": _mib(resident_kib(on.parley))}
        load.go_on()
        said = await load.says()
        await asyncio.sleep(SETTLE_SECONDS)
        start = resident_kib(on.parley)
        row |= {key: said[key] for key in ("looked_at", "dropped", "complete_after_resuming")}
        rows.append(row | {"closed_mib": _mib(start)})
        load.go_on()
    await load.end()
    return rows


async def _peak(pid: int, work: asyncio.Task[Any]) -> tuple[int, Any]:
    """The most memory until the work is done, in KiB, and its result."""
    most = 0
    while not work.done():
        most = max(most, resident_kib(pid))
        await asyncio.wait([work], timeout=0.2)
    return most, work.result()


def _mib(kib: int) -> float:
    return round(kib / 1024, 1)


async def measure(
    seconds: float, modes: list[str], visitors: list[int], steps: list[int], crowd: int
) -> dict[str, Any]:
    """All measurements, each on a fresh stage."""
    result: dict[str, Any] = {"round_trips": [], "idle": [], "unread": []}
    for mode, count in itertools.product(modes, visitors):
        click.echo(f"round trips ({mode}), {count} visitors", err=True)
        with tempfile.TemporaryDirectory() as folder:
            async with stage(Path(folder), mode=mode) as on:
                result["round_trips"].append(await round_trips(on, count, seconds, mode))
    if steps:
        click.echo(f"idle sockets: {steps}", err=True)
        with tempfile.TemporaryDirectory() as folder:
            async with stage(Path(folder)) as on:
                result["idle"] = await idle(on, steps)
    if crowd:
        click.echo(f"{crowd} sockets, half of them unread", err=True)
        with tempfile.TemporaryDirectory() as folder:
            async with stage(Path(folder), answered=False) as on:
                result["unread"] = await unread(on, crowd)
    return result


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="How long each loop is measured.")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(list(MODES)),
    default=tuple(MODES),
    show_default=True,
    help="Whether receipts and markers are asked for and given, both ways.",
)
@click.option("--visitors", multiple=True, type=int, default=(50, 200), show_default=True)
@click.option("--idle", "steps", multiple=True, type=int, default=(1000, 5000), show_default=True)
@click.option("--unread", "crowd", default=10_000, show_default=True, help="In hundreds; 0: none.")
def main(
    seconds: float,
    modes: tuple[str, ...],
    visitors: tuple[int, ...],
    steps: tuple[int, ...],
    crowd: int,
) -> None:
    """Measures round trips and memory; compare figures of one run only."""
    allow_files(max([crowd, *steps]) + SPARE_FILES)
    idle_steps = sorted(step for step in steps if step)
    found = asyncio.run(measure(seconds, list(modes), list(visitors), idle_steps, crowd))
    click.echo(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
