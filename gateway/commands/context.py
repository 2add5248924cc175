"""What commands work with."""

from __future__ import annotations

from collections.abc import Callable

from switchboard.census import Census
from switchboard.conversation import Event, IllegalEvent
from switchboard.model import Details, Operator, Phase, TalkState, Visit
from switchboard.ports import Clock
from switchboard.reception import Bans, Directory, Rooms, Talks
from switchboard.reception.talks import visitor_name
from switchboard.routing import Availability
from switchboard.site import Site

from ..crew import Crew
from ..delivery import Delivery
from ..held import HeldTalks
from ..talk import Talk
from .command import Refused, Request


class Context:
    """The parts of one domain's gateway that commands may use."""

    def __init__(
        self,
        domain: str,
        directory: Directory,
        talks: Talks,
        rooms: Rooms,
        bans: Bans,
        census: Census,
        held: HeldTalks,
        delivery: Delivery,
        crew: Crew,
        clock: Clock,
        lists_changed: Callable[[], None],
    ) -> None:
        self.domain = domain
        self.directory = directory
        self.talks = talks
        self.rooms = rooms
        self.bans = bans
        self.census = census
        self.held = held
        self.delivery = delivery
        self.crew = crew
        self.clock = clock
        self.lists_changed = lists_changed

    def site(self, request: Request) -> Site:
        """The operator's site."""
        return self.directory.site(request.operator.site)

    def visit(self, request: Request) -> Visit | None:
        """The visitor, if on the site now."""
        return self.census.visit(request.visitor)

    def present(self, visitor: str) -> Visit:
        """The visitor, who is on the site now. Raises Refused."""
        visit = self.census.visit(visitor)
        if visit is None:
            raise Refused("The visitor is not on the site now.")
        return visit

    async def details(self, request: Request) -> Details:
        """What is known of the visitor."""
        visit = self.visit(request)
        if visit is not None:
            return visit.details
        return await self.talks.details(request.visitor) or Details()

    async def name(self, request: Request) -> str:
        """What the visitor is called."""
        return visitor_name(await self.details(request), request.visitor)

    def colleagues(self, request: Request) -> list[Operator]:
        """The site's other operators, by name."""
        operators = self.directory.operators(request.operator.site)
        others = (one for one in operators if one.id != request.operator.id)
        return sorted(others, key=lambda one: one.name.lower())

    def colleague(self, request: Request, id: str) -> Operator:
        """The other operator of that id. Raises Refused."""
        found = next((one for one in self.colleagues(request) if one.id == id), None)
        if found is None:
            raise Refused(
                "That is you." if id == request.operator.id else "There is no such operator."
            )
        if self.crew.availability(found) is Availability.GONE:
            raise Refused(f"{found.name} is not online.")
        return found

    def open_talk(self, request: Request) -> Talk:
        """The window's talk, which is under way. Raises Refused."""
        if request.talk is None or not request.talk.open:
            raise Refused("No talk is open here.")
        return request.talk

    def is_in(self, talk: Talk, operator: Operator) -> bool:
        """Whether the operator has the talk, or takes part in it."""
        has_it = talk.state.phase is Phase.TAKEN and talk.state.operator == operator.id
        return has_it or operator.id in talk.state.others

    async def happens(self, talk: Talk, event: Event) -> TalkState:
        """Takes a talk on. Raises Refused if it is over by now."""
        try:
            return await self.talks.change(talk.visitor, self.domain, event)
        except IllegalEvent:
            raise Refused("No talk is open here any more.") from None
