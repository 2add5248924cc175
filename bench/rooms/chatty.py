"""A room whose guests ask every 2 s, as Chatty's did, and the same room on our push."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from ..house import house
from ..load import Load
from ..nodes import Usage
from ..socket import SITE
from .sides import SETTLE_SECONDS, UNLIMITED

OPERATOR = "desk"
WAYS = {"polls": ("bench.rooms.pollers",), "push": ("bench.rooms.crowd", "ours")}
_KNOWN_SECONDS = 3.0
"""By then the site's new settings are everywhere."""
_EMPTY_SECONDS = 10.0


async def measure(way: str, guests: int, rate: float, seconds: float) -> dict[str, Any]:
    """What the parts used while nobody spoke, and while somebody did, on a fresh house.

    `way` is `polls` or `push`; `rate` is in lines a second.
    """
    with tempfile.TemporaryDirectory(prefix="rooms-") as folder:
        async with house(Path(folder), {SITE: [OPERATOR]}, web=1) as on:
            await on.cluster.parley("site", "set", SITE, *UNLIMITED)
            await asyncio.sleep(_KNOWN_SECONDS)
            usage = Usage(on)
            await asyncio.sleep(_EMPTY_SECONDS)
            empty = {name: used / _EMPTY_SECONDS for name, used in usage.since().items()}
            phases = {"quiet": f"paced:0:{seconds}", "talk": f"paced:{rate}:{seconds}"}
            module, *kind = WAYS[way]
            load = await Load.start(
                module, *kind, str(on.cluster.port), str(guests), *phases.values()
            )
            await load.says()
            await asyncio.sleep(SETTLE_SECONDS)
            found: dict[str, Any] = {"way": way, "guests": guests, "empty": told(empty)}
            for name in phases:
                usage = Usage(on)
                load.go_on()
                await load.says()
                used = usage.since()
                said = await load.says()
                # By push only those who speak ask for anything.
                said.setdefault("requests", said["lines"])
                took = said.pop("seconds")
                crowd = said.pop("crowd_cpu")
                found[name] = {
                    **said,
                    "requests_a_second": round(said["requests"] / took, 1),
                    "crowd_cores": round(crowd / took, 3),
                    **told({part: amount / took for part, amount in used.items()}),
                }
            await load.end()
            return found


def told(used: dict[str, float]) -> dict[str, Any]:
    """What was used a second: cores by process and together, statements, Redis' commands."""
    stores = ("statements", "redis commands", "redis messages", "redis bytes out")
    cores = {name: value for name, value in used.items() if name not in stores}
    return {
        "cores": {name: round(value, 3) for name, value in cores.items()},
        "all_cores": round(sum(cores.values()), 3),
        "statements_a_second": round(used["statements"], 1),
        "redis_commands_a_second": round(used["redis commands"], 1),
    }
