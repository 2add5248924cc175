"""Whose turn each talk is: asks the next operator in time, and gives talks back.

`switchboard/routing.py` decides; here are the operators' presence, the time, and who is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from switchboard.conversation import HandedBack, IllegalEvent
from switchboard.lanes import Lanes
from switchboard.model import DeskState, Operator, Phase, TalkState
from switchboard.ports import Clock
from switchboard.reception import Directory, Talks
from switchboard.routing import Turn, desk_state, missed, turn
from switchboard.site import RoutingSettings

from .crew import Crew
from .held import HeldTalks
from .operators import Operators
from .talk import Talk

SET_AWAY = (
    "You have left two visitors unanswered, so you count as away: others are asked before you. "
    "Write !back to take chats again."
)


class Asking:
    """The turns of one domain's talks.

    `offer` is called when it may be somebody else's turn, `tell` has a word for an operator in
    the visitor's window.
    """

    def __init__(
        self,
        domain: str,
        operators: Operators,
        crew: Crew,
        directory: Directory,
        held: HeldTalks,
        talks: Talks,
        clock: Clock,
        lanes: Lanes,
        offer: Callable[[Talk], None],
        tell: Callable[[Talk, Operator, str], None],
    ) -> None:
        self._domain = domain
        self._operators = operators
        self._crew = crew
        self._directory = directory
        self._held = held
        self._service = talks
        self._clock = clock
        self._lanes = lanes
        self._offer = offer
        self._tell = tell

    def recipients(self, talk: Talk) -> list[Operator]:
        """Who gets the talk's lines now; empty: the log keeps them."""
        if not talk.state.others:
            return self._asked(talk)
        others = [
            operator
            for id in talk.state.others
            if (operator := self._directory.operator_of_id(talk.site, id)) is not None
            and self._crew.availability(operator, talk.lost)
        ]
        owner = self._available_owner(talk)
        if owner is not None:
            return [owner, *others]
        return others or self._asked(talk)

    def changed(self, talk: Talk, before: TalkState) -> None:
        """A talk began, ended or changed hands: whoever was asked, or had it, hears who has it."""
        state = talk.state
        self._tell_of_others(talk, before)
        if state.phase is not before.phase:
            talk.turn = None
            if state.phase is not Phase.WAITING:
                talk.declined = frozenset()
            if before.phase is Phase.TAKEN:
                self._room_for_one(talk.site)
        owner = self._owner(talk)
        if owner is None or state.phase is not Phase.TAKEN or before.phase is Phase.QUIET:
            return
        if before.phase is Phase.TAKEN and before.operator == state.operator:
            return
        for operator in self._directory.operators(talk.site):
            if operator.id != owner.id and operator.id in talk.pushed:
                self._tell(talk, operator, f"{owner.name} answers {talk.name}.")

    def _tell_of_others(self, talk: Talk, before: TalkState) -> None:
        """Who is in the talk hears of others who come and go."""
        if talk.state.phase is Phase.QUIET or talk.state.others == before.others:
            return
        came = set(talk.state.others) - set(before.others)
        went = set(before.others) - set(talk.state.others) - {talk.state.operator}
        for operator in self._directory.operators(talk.site):
            if not talk.has(operator.id):
                continue
            for id in (came | went) - {operator.id}:
                who = self._directory.operator_of_id(talk.site, id)
                if who is not None:
                    what = "is in this talk too" if id in came else "has left this talk"
                    self._tell(talk, operator, f"{who.name} {what}.")

    def tick(self) -> None:
        """To be called twice a second while the link is up."""
        now = self._clock.monotonic()
        for talk in self._held.all():
            if not talk.open:
                continue
            if talk.turn is not None and len(talk.turn.asked) == 1:
                self._offer(talk)
            if talk.state.phase is Phase.TAKEN:
                self._look_for_owner(talk, now)

    def _look_for_owner(self, talk: Talk, now: float) -> None:
        owner, site = self._owner(talk), self._directory.find(talk.site)
        if site is None or (owner is not None and self._operators.is_there(owner.address)):
            talk.unattended_since = None
        elif talk.unattended_since is None:
            talk.unattended_since = now
        elif now - talk.unattended_since >= site.settings.routing.hand_back_seconds:
            talk.unattended_since = None
            self._lanes.put(talk.visitor, partial(self._hand_back, talk))

    async def _hand_back(self, talk: Talk) -> None:
        with contextlib.suppress(IllegalEvent):
            await self._service.change(talk.visitor, self._domain, HandedBack())

    def _asked(self, talk: Talk) -> list[Operator]:
        owner = self._available_owner(talk)
        if owner is not None:
            return [owner]
        site = self._directory.find(talk.site)
        if site is None:
            return []
        routing = site.settings.routing
        standings = self._crew.standings(site, talk.lost)
        if talk.declined:
            asked = {id: one for id, one in standings.items() if id not in talk.declined}
            if desk_state(one.availability for one in asked.values()) is DeskState.ONLINE:
                standings = asked
        now = self._clock.monotonic()
        before, talk.turn = talk.turn, turn(talk.turn, routing, standings, talk.state.operator, now)
        if talk.turn is not before:
            self._turned(talk, before, talk.turn, routing)
        operators = (self._directory.operator_of_id(talk.site, id) for id in talk.turn.asked)
        return [operator for operator in operators if operator is not None]

    def _available_owner(self, talk: Talk) -> Operator | None:
        owner = self._owner(talk) if talk.state.phase is Phase.TAKEN else None
        return owner if owner is not None and self._crew.availability(owner, talk.lost) else None

    def _owner(self, talk: Talk) -> Operator | None:
        return self._directory.operator_of_id(talk.site, talk.state.operator or "")

    def _turned(
        self, talk: Talk, before: Turn | None, after: Turn, routing: RoutingSettings
    ) -> None:
        if len(after.asked) == 1:
            self._crew.asked(after.asked[0], after.since)
        if before is None or not missed(before, after, routing):
            return
        operator = self._directory.operator_of_id(talk.site, before.asked[0])
        if operator is not None and self._crew.missed(operator.id):
            self._tell(talk, operator, SET_AWAY)

    def _room_for_one(self, site: str) -> None:
        """An operator has a talk less: one that nobody had room for may be theirs."""
        for talk in self._held.all():
            if talk.site == site and talk.turn is not None and not talk.turn.asked:
                self._offer(talk)
