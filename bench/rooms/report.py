"""What was found, as tables for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..page import Row, put, table

Found = dict[str, Any]
SIDES = {"ours": "ours", "muc": "Prosody's"}
PHASES = {"paced": "5 lines a second", "flood": "as fast as it goes"}
BUSY = 0.9
"""Of a core: who uses more is what limits."""


def write(found: Found, page: Path) -> None:
    """Puts the tables of what was measured into the page."""
    if found.get("rooms"):
        put(page, "rooms", rooms(found))
    if found.get("chatty"):
        put(page, "pings", pings(found["chatty"]))


def rooms(found: Found) -> str:
    """Both sides of each room, and the marks."""
    head = (
        *("Room", "Members", "Load", "Deliveries a second", "Server's CPU a delivery"),
        *("p50", "p99", "Cores: server, crowd, others", "Limited by"),
    )
    rows: list[Row] = []
    for phase, load in PHASES.items():
        for run in found["rooms"]:
            said = run[phase]
            rows.append(
                (
                    SIDES[run["side"]],
                    f"{run['members']:,}",
                    load,
                    f"{said['a_second']:,.0f}",
                    f"{said['cpu_us']:.1f} µs",
                    *(_time(said.get(f"p{cut}_ms")) for cut in (50, 99)),
                    f"{said['server_cores']:.2f}, {said['crowd_cores']:.2f}, "
                    f"{said['other_cores']:.2f}",
                    limit(said),
                )
            )
    judged: list[Row] = [
        (
            mark["what"],
            f"{mark['found']:,}",
            f"at {'least' if mark['at_least'] else 'most'} {mark['bound']:,}",
            "yes" if mark["held"] else "**no**",
        )
        for mark in found["marks"]
    ]
    memory: list[Row] = [
        (SIDES[run["side"]], f"{run['members']:,}", f"{run['kib_a_member']:.1f} KiB")
        for run in found["rooms"]
    ]
    blocks = (
        table(head, rows),
        table(("Mark", "Found", "Bound", "Holds"), judged),
        table(("Room", "Members", "Memory a member"), memory),
    )
    return "\n\n".join(blocks)


def limit(said: Found) -> str:
    """What had nothing left, in a word."""
    if said["server_cores"] >= BUSY:
        return "server"
    if said["crowd_cores"] >= BUSY:
        return "crowd"
    together = said["server_cores"] + said["crowd_cores"] + said["other_cores"]
    return "the machine" if together >= 2 * BUSY else "nothing"


def pings(runs: list[Found]) -> str:
    """Polls beside push, while nobody speaks and while somebody does."""
    columns = [(run, phase) for phase in ("quiet", "talk") for run in runs]
    names = {"polls": "pings every 2 s", "push": "push"}
    when = {"quiet": "nobody speaks", "talk": "5 lines a second"}
    head = ("A second", *(f"{names[run['way']]}, {when[phase]}" for run, phase in columns))
    rows: list[Row] = [
        ("requests", *(f"{run[phase]['requests_a_second']:,}" for run, phase in columns)),
        ("of all requests, refused", *(run[phase]["refused"] for run, phase in columns)),
        ("SQL statements", *(run[phase]["statements_a_second"] for run, phase in columns)),
        (
            "of which with nobody there",
            *(run["empty"]["statements_a_second"] for run, phase in columns),
        ),
        ("Redis commands", *(run[phase]["redis_commands_a_second"] for run, phase in columns)),
        ("CPU of all parts, ms", *(_ms(run[phase]["all_cores"]) for run, phase in columns)),
    ]
    rows += [
        (f"CPU of {name}, ms", *(_ms(run[phase]["cores"][name]) for run, phase in columns))
        for name in runs[0]["empty"]["cores"]
        if any(run[phase]["cores"][name] >= 0.001 for run, phase in columns)
    ]
    rows += [
        (
            f"a line's way to a guest: p{cut}",
            *(_time(run[phase].get(f"p{cut}_ms")) for run, phase in columns),
        )
        for cut in (50, 99)
    ]
    return table(head, rows)


def _ms(cores: float) -> str:
    return f"{cores * 1000:.0f}"


def _time(ms: float | None) -> str:
    if ms is None:
        return ""
    return f"{ms:,.0f} ms" if ms < 10_000 else f"{ms / 1000:,.0f} s"
