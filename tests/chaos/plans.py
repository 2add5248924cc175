"""The two forms of the chaos test."""

from __future__ import annotations

from tests.chaos.run import Plan
from tests.chaos.storm import Blow

SHORT = Plan(
    visitors=12,
    messages=6,
    seconds=32.0,
    profanity=False,
    blows=(
        Blow(4.0, "kill", "prosody", 1.0),
        Blow(12.0, "kill", "parley", 1.0),
        Blow(18.0, "freeze", "prosody", 3.0),
        Blow(23.0, "freeze", "parley", 3.0),
        Blow(28.0, "cut", "gateway"),
        Blow(30.0, "cut", "operators"),
    ),
)

LONG = Plan(
    visitors=50,
    messages=20,
    seconds=230.0,
    blows=(
        Blow(15.0, "kill", "prosody", 3.0),
        Blow(40.0, "kill", "parley", 2.0),
        Blow(70.0, "freeze", "prosody", 10.0),
        Blow(95.0, "freeze", "parley", 10.0),
        Blow(120.0, "kill", "prosody", 1.0),
        Blow(160.0, "kill", "parley", 5.0),
        Blow(190.0, "cut", "gateway"),
        Blow(205.0, "cut", "operators"),
    ),
)
