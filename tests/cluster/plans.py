"""The two forms of the cluster's test."""

from __future__ import annotations

from typing import get_args

from tests.cluster.run import Plan
from tests.cluster.storm import Hit, Whom

LONG = Plan(
    visitors=200,
    every=10.0,
    hits=tuple(Hit(what, whom) for what in ("kill", "freeze") for whom in get_args(Whom)),
)

SHORT = Plan(
    visitors=30,
    every=4.0,
    hits=(
        Hit("kill", "a web node"),
        Hit("kill", "the active gateway"),
        Hit("freeze", "Redis"),
    ),
)
