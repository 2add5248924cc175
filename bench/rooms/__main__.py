"""`python -m bench.rooms`: one JSON object on standard output, progress on standard error.

Exit status 1 if a mark is missed, or a line did not come to everybody once and in order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..process import allow_files
from . import chatty, report
from .marks import faults, marks
from .sides import SIDES, measure

RATE = 5
"""Lines a second."""
UNDER_WAY = 8
"""Lines that not everybody has yet, where as many come as the server can deliver."""
FLOOD_SECONDS = 15
GUESTS = 1_000
"""Chatty's: each of them pings every 2 s."""
SPARE_FILES = 1_000


async def run(members: list[int], seconds: float, with_chatty: bool) -> dict[str, Any]:
    """All that was asked for, each on fresh servers."""
    rooms: list[dict[str, Any]] = []
    phases = [f"paced:{RATE}:{seconds:g}", f"flood:{UNDER_WAY}:{FLOOD_SECONDS}"]
    for count in members:
        for side in SIDES:
            click.echo(f"a room of {count:,}: {side}", err=True)
            rooms.append(await measure(side, count, phases))
            for name in ("paced", "flood"):
                said = rooms[-1][name]
                click.echo(
                    f"  {said['a_second']:,} deliveries a second, {said['cpu_us']} µs", err=True
                )
    pings = []
    for way in chatty.WAYS if with_chatty else ():
        click.echo(f"{GUESTS:,} guests: {way}", err=True)
        pings.append(await chatty.measure(way, GUESTS, RATE, seconds))
    return {
        "rooms": rooms,
        "chatty": pings,
        "marks": [{**asdict(mark), "held": mark.held} for mark in marks(rooms)],
        "faults": faults([*rooms, *pings]),
    }


@click.command()
@click.option("--members", multiple=True, type=int, default=(1000, 5000), show_default=True)
@click.option("--seconds", default=30.0, show_default=True, help="Of 5 lines a second each.")
@click.option("--chatty", "with_chatty", is_flag=True, help="Also a room whose guests ask.")
@click.option("--write", is_flag=True, help="Put the tables into docs/performance.md.")
def main(members: tuple[int, ...], seconds: float, with_chatty: bool, write: bool) -> None:
    """Measures rooms beside a Jabber server's own, and beside guests who ask again and again."""
    allow_files(2 * max(*members, GUESTS) + SPARE_FILES)
    found = asyncio.run(run([count for count in members if count], seconds, with_chatty))
    click.echo(json.dumps(found, indent=2))
    if write:
        report.write(found, Path("docs/performance.md"))
    if found["faults"] or not all(mark["held"] for mark in found["marks"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
