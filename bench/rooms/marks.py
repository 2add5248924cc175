"""What has to hold of a room, and whether it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SHARE = 0.25
"""Of what a delivery costs the Jabber server, ours may cost so much."""
DELIVERIES = 20_000
"""So many a second for one core."""


@dataclass(frozen=True)
class Mark:
    """`found` may be `bound` at most, or where `at_least` is set it may not be less."""

    what: str
    found: float
    bound: float
    at_least: bool = False

    @property
    def held(self) -> bool:
        """Whether it is met."""
        return self.found >= self.bound if self.at_least else self.found <= self.bound


def marks(runs: Sequence[dict[str, Any]]) -> list[Mark]:
    """All of them, met or not; a share needs both sides of a room of that size."""
    sides = {(run["side"], run["members"]): run for run in runs}
    found = []
    for side, members in sides:
        if side != "ours":
            continue
        ours, theirs = sides[side, members], sides.get(("muc", members))
        if theirs is not None:
            share = ours["paced"]["cpu_us"] / theirs["paced"]["cpu_us"]
            found.append(
                Mark(f"CPU of a delivery to {members:,}, of Prosody's", round(share, 3), SHARE)
            )
        for what, rate in (
            ("deliveries a second", ours["flood"]["a_second"]),
            ("deliveries for a second of CPU", round(1e6 / ours["flood"]["cpu_us"], 1)),
        ):
            found.append(Mark(f"{what} to {members:,}", rate, DELIVERIES, at_least=True))
    return found


def faults(runs: Sequence[dict[str, Any]]) -> list[str]:
    """Where a line did not come to everybody once and in order, or one was refused."""
    return [
        f"{run.get('side') or run.get('way')}, {phase}: {fault}"
        for run in runs
        for phase, said in run.items()
        if isinstance(said, dict)
        for fault in (*said.get("faults", ()), *said.get("refusals", ()))
    ]
