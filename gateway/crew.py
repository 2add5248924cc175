"""The operators of a site as routing sees them: their presence, their word, their talks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from switchboard.model import Operator, Phase
from switchboard.reception import Directory
from switchboard.routing import Availability, Standing
from switchboard.site import RoutingPolicy, Site

from .held import HeldTalks
from .jids import Jid
from .operators import Operators

MISSES = 2
"""Visitors in a row left unanswered, after which an operator counts as away."""


class Crew:
    """All operators of one domain's sites. What they said by command lasts as long as we run."""

    def __init__(self, directory: Directory, operators: Operators, held: HeldTalks) -> None:
        self._directory = directory
        self._operators = operators
        self._held = held
        self._said: dict[str, Availability] = {}
        self._asked_at: dict[str, float] = {}
        self._missed: Counter[str] = Counter()

    def availability(self, operator: Operator, without: Collection[Jid] = ()) -> Availability:
        """How far the operator takes chats; a resource in `without` does not count."""
        there = max(
            (
                resource.availability
                for resource in self._operators.resources(operator.address)
                if resource.jid not in without
            ),
            default=Availability.GONE,
        )
        return min(there, self._said.get(operator.id, there))

    def standings(self, site: Site, without: Collection[Jid] = ()) -> dict[str, Standing]:
        """The site's operators by id, within its capacity."""
        routing = site.settings.routing
        counts = routing.capacity or routing.policy is RoutingPolicy.LEAST_BUSY
        talks = self._talks(site.key) if counts else Counter[str]()
        return {
            operator.id: Standing(
                self.availability(operator, without),
                talks[operator.id],
                self._asked_at.get(operator.id, 0.0),
            ).within(routing.capacity)
            for operator in self._directory.operators(site.key)
        }

    def says(self, operator: str, most: Availability | None) -> None:
        """The operator takes chats that far at `most`, whatever their presence; None: as it is."""
        self._missed.pop(operator, None)
        if most is None:
            self._said.pop(operator, None)
        else:
            self._said[operator] = most

    def asked(self, operator: str, now: float) -> None:
        """The operator alone is asked to take a talk; `now` in seconds, monotonic."""
        self._asked_at[operator] = now

    def answered(self, operator: str) -> None:
        """The operator wrote to a visitor."""
        self._missed.pop(operator, None)

    def missed(self, operator: str) -> bool:
        """The operator let a visitor wait too long; True if they count as away from now on."""
        self._missed[operator] += 1
        if self._missed[operator] < MISSES:
            return False
        self.says(operator, Availability.AWAY)
        return True

    def _talks(self, site: str) -> Counter[str]:
        return Counter(
            talk.state.operator
            for talk in self._held.all()
            if talk.site == site and talk.state.phase is Phase.TAKEN and talk.state.operator
        )
