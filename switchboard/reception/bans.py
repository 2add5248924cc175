"""Who is not served any more, and for how long."""

from __future__ import annotations

import re

from ..errors import Reject
from ..model import Ban
from ..ports import Clock, Store
from .sites import Directory

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"([1-9][0-9]{0,3})([mhdw])")


def duration(text: str) -> int:
    """`30m`, `2h`, `7d` or `1w` in milliseconds; "" is 0: for good. Raises Reject."""
    if not text:
        return 0
    found = _DURATION.fullmatch(text.lower())
    if found is None:
        raise Reject("invalid", f"{text!r} is no duration such as 30m, 2h, 7d or 1w.")
    return int(found[1]) * _UNITS[found[2]]


class Bans:
    """Bans of one store; this process knows at once, others with their next refresh."""

    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def ban(self, site: str, visitor: str, name: str, by: str, lasts: int) -> Ban:
        """Serves a visitor no more; `lasts` in milliseconds, 0 is for good."""
        now = self._clock.now()
        ban = Ban(site, visitor, now + lasts if lasts else 0, by, now, name)
        await self._store.save_ban(ban)
        await self._directory.refresh()
        return ban

    async def lift(self, site: str, visitor: str) -> None:
        """Serves a visitor again. Raises NotFound."""
        await self._store.remove_ban(site, visitor)
        await self._directory.refresh()

    async def holding(self, site: str) -> list[Ban]:
        """The site's bans that are not over, oldest first."""
        now = self._clock.now()
        found = (ban for ban in await self._store.bans() if ban.site == site and ban.holds(now))
        return sorted(found, key=lambda ban: ban.at)

    def of(self, site: str, visitor: str) -> Ban | None:
        """The visitor's ban, if one holds."""
        ban = self._directory.ban(site, visitor)
        return ban if ban is not None and ban.holds(self._clock.now()) else None
