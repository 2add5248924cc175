"""Visits in this process's memory."""

from __future__ import annotations

from collections import OrderedDict

from ..model import Visit

MAX_ENTRIES = 100_000


class MemorySessions:
    """Implements ports.Sessions; of more than `max_entries` visits the longest unused are lost."""

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._max_entries = max_entries
        # In the order of use. In a plain dict finding the first of many takes long.
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def __len__(self) -> int:
        return len(self._visits)

    async def get(self, visitor: str) -> Visit | None:
        """See ports.Sessions."""
        visit = self._visits.get(visitor)
        if visit is not None:
            self._visits.move_to_end(visitor)
        return visit

    def put(self, visit: Visit) -> None:
        """See ports.Sessions."""
        self._visits[visit.visitor] = visit
        self._visits.move_to_end(visit.visitor)
        if len(self._visits) > self._max_entries:
            self._visits.popitem(last=False)
