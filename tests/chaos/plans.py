"""The two forms of the chaos test, over either server."""

from __future__ import annotations

from dataclasses import replace

from tests.chaos.house import ServerName
from tests.chaos.run import Plan
from tests.chaos.storm import Blow

SHORT = Plan(
    visitors=12,
    messages=6,
    seconds=32.0,
    profanity=False,
    blows=(
        Blow(4.0, "kill", "server", 1.0),
        Blow(12.0, "kill", "parley", 1.0),
        Blow(18.0, "freeze", "server", 3.0),
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
        Blow(15.0, "kill", "server", 3.0),
        Blow(40.0, "kill", "parley", 2.0),
        Blow(70.0, "freeze", "server", 10.0),
        Blow(95.0, "freeze", "parley", 10.0),
        Blow(120.0, "kill", "server", 1.0),
        Blow(160.0, "kill", "parley", 5.0),
        Blow(190.0, "cut", "gateway"),
        Blow(205.0, "cut", "operators"),
    ),
)


def over(server: ServerName, plan: Plan) -> Plan:
    """The same over that server; over ejabberd all operators are scripted."""
    return replace(plan, server=server, profanity=plan.profanity and server == "prosody")
