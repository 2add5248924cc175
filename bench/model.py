"""What nodes cost, as a model: a part that is there anyway, and a part of each web node."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .page import put

KINDS = {
    "rpc": "web nodes, all together",
    "gateway": "gateway",
    "haproxy": "haproxy",
    "mariadb": "MariaDB",
    "redis": "Redis",
    "memcached": "memcached, both",
    "prosody": "Prosody",
}


def by_kind(each: dict[str, float]) -> dict[str, float]:
    """Processes of a kind added up."""
    found: defaultdict[str, float] = defaultdict(float)
    for name, value in each.items():
        kind = name.rstrip("0123456789")
        if kind in KINDS:
            found[kind] += value
    return dict(found)


def predicted(one: float, two: float) -> float:
    """With three nodes, from one and two: a part that is there anyway, and a part of each node."""
    return 2 * two - one


def compare(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """CPU milliseconds of a round trip, by kind and number of nodes, and what the model says."""
    costs: defaultdict[int, list[dict[str, float]]] = defaultdict(list)
    for run in runs:
        costs[run["web"]].append(by_kind(run["talk"]["each"]))
    rows = []
    for kind in [*KINDS, "all"]:
        mean = {
            web: statistics.mean(
                sum(cost.values()) if kind == "all" else cost.get(kind, 0.0) for cost in found
            )
            for web, found in costs.items()
        }
        guess = predicted(mean[1], mean[2])
        rows.append(
            {
                "kind": kind,
                **{f"nodes_{web}": round(mean[web], 4) for web in (1, 2, 3)},
                "predicted_3": round(guess, 4),
                "error_percent": round((guess / mean[3] - 1) * 100, 1) if mean[3] else 0.0,
            }
        )
    return rows


def tables(found: dict[str, Any]) -> str:
    """For people: what is in `model`, and the means of what was measured beside it."""
    lines = [
        "| CPU of a round trip, ms | 1 node | 2 nodes | 3 nodes | 3 by the model | Error |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["model"]:
        cells = [f"{row[key]:.3f}" for key in ("nodes_1", "nodes_2", "nodes_3", "predicted_3")]
        name = KINDS.get(row["kind"], "all of them")
        lines.append(f"| {name} | {' | '.join(cells)} | {row['error_percent']:+.0f} % |")
    lines += ["", "| Beside it | 1 node | 2 nodes | 3 nodes |", "|---|---|---|---|"]
    for what, value in _BESIDE.items():
        means = [
            statistics.mean(value(run) for run in found["runs"] if run["web"] == web)
            for web in (1, 2, 3)
        ]
        lines.append(f"| {what} | {' | '.join(f'{mean:.3g}' for mean in means)} |")
    return "\n".join(lines)


def write(found: dict[str, Any], page: Path) -> None:
    """Puts the tables into the page."""
    put(page, "nodes", tables(found))


def _for_idle(run: dict[str, Any], kind: str) -> float:
    idle = run["idle"]
    used = by_kind(idle["a_second"])[kind] - by_kind(idle["a_second_without"])[kind]
    return used / float(idle["visitors"]) * 1000


_BESIDE: dict[str, Callable[[dict[str, Any]], float]] = {
    "round trips a second": lambda run: run["talk"]["a_second"],
    "p50 of a round trip, ms": lambda run: run["talk"]["p50_ms"],
    "SQL statements of a round trip": lambda run: run["talk"]["each"]["statements"],
    "Redis commands of a round trip": lambda run: run["talk"]["each"]["redis commands"],
    "of which messages published": lambda run: run["talk"]["each"]["redis messages"],
    "an empty web node, MiB": lambda run: run["idle"]["empty_mib"]["rpc1"],
    "an idle visitor in the web nodes, KiB": lambda run: run["idle"]["web_kib_a_visitor"],
    "an idle visitor in the gateway, KiB": lambda run: run["idle"]["kib_a_visitor"]["gateway1"],
    "1,000 idle visitors in the web nodes, ms of CPU a second": lambda run: _for_idle(run, "rpc"),
    "1,000 idle visitors in the gateway, ms of CPU a second": lambda run: _for_idle(run, "gateway"),
    "SQL statements a second, with nobody there": (
        lambda run: run["idle"]["a_second_without"]["statements"]
    ),
    "Redis commands a second, with nobody there": (
        lambda run: run["idle"]["a_second_without"]["redis commands"]
    ),
    "Redis bytes out a second for 1,000 idle visitors": (
        lambda run: run["idle"]["a_second"]["redis bytes out"] / run["idle"]["visitors"] * 1000
    ),
}
