"""`python -m bench.nodes`: what each process costs with one, two and three web nodes.

The load is the same each time and far below what the machine can do: two cores tell costs, not
throughput. One JSON object on standard output, progress on standard error.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import redis
from sqlalchemy import create_engine, text

from cluster.cluster import HOST
from parley.config import load

from .house import PASSWORD, House, house
from .load import Load
from .model import compare, write
from .process import allow_files, cpu_seconds, resident_kib
from .socket import SITE

OPERATOR = "echo"
PACE = 1.0
"""Seconds from one line of a visitor's to the next."""
WARM_UP = 5.0
SETTLE_SECONDS = 5.0
IDLE_SECONDS = 35.0
"""At least one full census is in it."""
SPARE_FILES = 1_000
STATEMENTS = ("select", "insert", "update", "delete")


class Usage:
    """What processes and stores have used since it was made."""

    def __init__(self, on: House) -> None:
        self._on = on
        self._began = self._now()

    def since(self) -> dict[str, float]:
        """CPU seconds by process, and the stores' statements and commands."""
        return {name: used - self._began[name] for name, used in self._now().items()}

    def _now(self) -> dict[str, float]:
        cluster = self._on.cluster
        used = {member.name: cpu_seconds(member.pid) for member in cluster.members if member.pid}
        engine = create_engine(load(cluster.config).store.url)
        with engine.connect() as connection:
            rows = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Com\\_%'")).all()
        engine.dispose()
        used["statements"] = sum(
            int(count) for name, count in rows if name.removeprefix("Com_") in STATEMENTS
        )
        with redis.Redis(port=cluster.redis.port) as server:
            stats = server.info("stats")
            commands = server.info("commandstats")
        used["redis commands"] = stats["total_commands_processed"]
        used["redis messages"] = commands.get("cmdstat_publish", {"calls": 0})["calls"]
        used["redis bytes out"] = stats["total_net_output_bytes"]
        return used


async def measure(web: int, talkers: int, seconds: float, idlers: int) -> dict[str, Any]:
    """Idle visitors first, then a steady load of round trips, on a fresh house."""
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        async with house(Path(folder), {SITE: [OPERATOR]}, web=web) as on, _echo(on):
            await asyncio.sleep(SETTLE_SECONDS)
            idle = await _idle(on, idlers)
            return {"web": web, "idle": idle, "talk": await _talk(on, talkers, seconds)}


async def _idle(on: House, visitors: int) -> dict[str, Any]:
    nodes = [node for node in on.nodes if node.pid]
    empty = {node.name: resident_kib(node.pid) for node in nodes if node.pid}
    bare = Usage(on)
    await asyncio.sleep(IDLE_SECONDS)
    without = bare.since()
    load_ = await Load.start("bench.visitors", "idle", str(on.cluster.port), str(visitors))
    await load_.says()
    await asyncio.sleep(SETTLE_SECONDS)
    open_ = Usage(on)
    await asyncio.sleep(IDLE_SECONDS)
    used = open_.since()
    grown = {node.name: resident_kib(node.pid) - empty[node.name] for node in nodes if node.pid}
    load_.go_on()
    await load_.end()
    await asyncio.sleep(SETTLE_SECONDS)
    return {
        "visitors": visitors,
        "empty_mib": {name: round(kib / 1024, 1) for name, kib in empty.items()},
        "kib_a_visitor": {name: round(kib / visitors, 2) for name, kib in grown.items()},
        "web_kib_a_visitor": round(
            sum(kib for name, kib in grown.items() if name.startswith("rpc")) / visitors, 2
        ),
        "a_second_without": _each(without, IDLE_SECONDS),
        "a_second": _each(used, IDLE_SECONDS),
    }


async def _talk(on: House, visitors: int, seconds: float) -> dict[str, Any]:
    load_ = await Load.start(
        "bench.visitors",
        *("talk", str(on.cluster.port), str(visitors), str(seconds), str(WARM_UP)),
        *("read", str(PACE)),
    )
    await load_.says()
    usage = Usage(on)
    measured = await load_.says()
    used = usage.since()
    await load_.end()
    times = measured["times"]
    return {
        "visitors": visitors,
        "round_trips": len(times),
        "a_second": round(len(times) / measured["seconds"], 1),
        "p50_ms": round(statistics.median(times) * 1000, 1),
        "p99_ms": round(statistics.quantiles(times, n=100)[98] * 1000, 1),
        "each": _each(used, len(times)),
    }


def _each(used: dict[str, float], count: float) -> dict[str, float]:
    """Of processes CPU milliseconds, of stores a number; for one of `count`."""
    stores = ("statements", "redis commands", "redis messages", "redis bytes out")
    return {
        name: round(value / count * (1 if name in stores else 1000), 4)
        for name, value in used.items()
    }


@asynccontextmanager
async def _echo(on: House) -> AsyncIterator[None]:
    echo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.echo", f"{OPERATOR}@{HOST}", PASSWORD),
        *(str(on.cluster.prosody.c2s_port), "marks"),
        stdout=subprocess.PIPE,
    )
    try:
        assert echo.stdout is not None
        await echo.stdout.readline()
        yield
    finally:
        echo.kill()
        await echo.wait()


@click.command()
@click.option(
    "--rounds", default=2, show_default=True, help="How often 1, 2 and 3 are gone through."
)
@click.option("--talkers", default=100, show_default=True, help="Each says a line a second.")
@click.option("--seconds", default=30.0, show_default=True, help="How long each is measured.")
@click.option("--idlers", default=4000, show_default=True)
@click.option("--write", "into", is_flag=True, help="Put the tables into docs/capacity.md.")
def main(rounds: int, talkers: int, seconds: float, idlers: int, into: bool) -> None:
    """Measures costs with 1, 2 and 3 web nodes at the same total load."""
    allow_files(idlers + SPARE_FILES)
    runs = []
    for turn in range(rounds):
        for web in (1, 2, 3):
            click.echo(f"round {turn + 1}: {web} web nodes", err=True)
            runs.append(asyncio.run(measure(web, talkers, seconds, idlers)))
    found = {"runs": runs, "model": compare(runs)}
    click.echo(json.dumps(found, indent=2))
    if into:
        write(found, Path("docs/capacity.md"))


if __name__ == "__main__":
    main()
