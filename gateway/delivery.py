"""Lines to operators: which, to which resource, and when.

An operator is a cursor into the log. What is past it is sent once; it is sent again, with the
same stanza id, only when link, resource or gateway were lost in between. The cursor moves when
the resource has confirmed (clients.py).
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from switchboard import events
from switchboard.conversation import Ended, newcomers
from switchboard.lanes import Lanes
from switchboard.model import Message, Operator, Rating, SenderKind, TalkState
from switchboard.ports import Clock
from switchboard.reception import Directory, Talks

from . import outbound, rows
from .asking import Asking
from .backlog import Backlog
from .clients import Clients
from .component import Link
from .crew import Crew
from .held import READ_LIMIT, HeldTalks
from .jids import Jid, visitor_full
from .operators import Operators, Resource
from .replay import Replay
from .talk import Talk
from .xml import Xml

LATE_AFTER_MS = 30_000
"""A line older than this is marked as delayed, and so is what was said before one came."""


class Lists(Protocol):
    """The operators' contact lists, as far as lines wait for them."""

    def listed(self, address: str, visitor: str) -> bool:
        """Whether the visitor's lines may go to the operator."""

    async def place(self, address: str, visitor: str) -> None:
        """Makes `listed` true, within a bounded time."""


class Delivery:
    """The lines of one domain's talks, on their way to operators; `clients`: what has arrived."""

    def __init__(
        self,
        domain: str,
        link: Link,
        operators: Operators,
        crew: Crew,
        directory: Directory,
        held: HeldTalks,
        talks: Talks,
        clock: Clock,
        lanes: Lanes,
        lists: Lists,
    ) -> None:
        self._domain = domain
        self._link = link
        self._operators = operators
        self._crew = crew
        self._directory = directory
        self._held = held
        self._service = talks
        self._clock = clock
        self._lanes = lanes
        self._lists = lists
        self._backlog = Backlog(talks, lanes, self.offer)
        self.clients = Clients(
            domain,
            link,
            operators,
            directory,
            held,
            talks,
            clock,
            self.offer,
            self.operator_here,
            self._confirmed,
        )
        self._replay = Replay(
            domain,
            link,
            directory,
            talks,
            lanes,
            lambda talk, operator: self._choose(talk, operator),
        )
        self._asking = Asking(
            domain, operators, crew, directory, held, talks, clock, lanes, self.offer, self.tell
        )

    def visitor_types(self, event: events.Typing) -> None:
        """The visitor writes, or has stopped to."""
        talk = self._held.get(event.conversation)
        if talk is None or not self._link.up:
            return
        for operator in self._asking.recipients(talk):
            resource = self._choose(talk, operator)
            if resource is not None:
                sender = visitor_full(talk.visitor, self._domain)
                self._link.send(outbound.typing(sender, resource.jid.full, event.composing))

    def changed(self, talk: Talk, before: TalkState) -> None:
        """A talk began, ended or changed hands, or others came into it."""
        self._asking.changed(talk, before)
        for id in newcomers(before, talk.state):
            operator = self._directory.operator_of_id(talk.site, id)
            if operator is not None:
                talk.came_at[id] = talk.head
                self._replay.show_before(talk, operator)
        self.offer(talk)

    def operators_changed(self) -> None:
        """Somebody answers, or does not answer any more, for a site."""
        for talk in self._held.all():
            self.offer(talk)

    def operator_here(self, address: str) -> None:
        """An operator came or takes chats again: whatever waits for them goes out."""
        sites = set(self._directory.sites_of(address))
        for talk in self._held.all():
            if talk.open and talk.site in sites:
                self.offer(talk)

    def wrote(self, visitor: str, jid: Jid) -> None:
        """A resource wrote to the visitor: whatever it refused before, it takes now."""
        talk = self._held.get(visitor)
        operator = None if talk is None else self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            self._crew.answered(operator.id)
        if talk is not None and jid in talk.lost:
            talk.lost.discard(jid)
            self.offer(talk)

    async def end(self, talk: Talk, jid: Jid) -> bool:
        """Ends a talk, or notes that it ends once an operator has all its lines: then False.

        Raises NotFound or IllegalEvent.
        """
        got = max(talk.state.since, *talk.confirmed.values(), 0)
        lines = await self._service.read(talk.visitor, got, READ_LIMIT)
        if talk.open and any(line.sender.kind is SenderKind.VISITOR for line in lines):
            talk.ending = jid
            return False
        talk.ending = None
        await self._service.change(talk.visitor, self._domain, Ended())
        return True

    def tick(self) -> None:
        """To be called twice a second: pings what is not confirmed in time."""
        if not self._link.up:
            return  # who was not asked is not silent
        self._asking.tick()
        self.clients.tick()

    def notice(self, talk: Talk, jid: str, body: str) -> None:
        """A word of the desk in the visitor's window."""
        sender = visitor_full(talk.visitor, self._domain)
        self._link.send(outbound.notice(sender, jid, body))

    def offer(self, talk: Talk) -> None:
        """Sends whatever the talk's operators have not got yet."""
        if not self._link.up or not talk.open:
            return
        for operator in self._asking.recipients(talk):
            resource = self._choose(talk, operator)
            if resource is None or (talk.answered and not talk.has(operator.id)):
                # What was answered is no colleague's business, until the visitor writes again.
                continue
            after = talk.due(operator.id)
            if after < talk.head and not self._lists.listed(operator.address, talk.visitor):
                lane = f"list {operator.address} {talk.visitor}"
                self._lanes.put(lane, partial(self._place, talk, operator.address))
                continue
            if talk.recovering and talk.state.operator == operator.id:
                talk.recovering = False
                self._lanes.put(talk.visitor, partial(self._replay.tell_last_line, talk))
            while after < talk.head:
                found = talk.lines_after(after)
                if found is None:
                    # One read at a time: each ends here again, for every operator behind.
                    self._backlog.read(talk, after)
                    break
                lines, reach = found
                if self._backlog.lacks(talk, operator, lines):
                    break
                tried = talk.tried[operator.id]
                for message in lines:
                    if not talk.concerns(operator.id, message):
                        continue
                    void = message.seq in talk.void[operator.id]
                    if void or rows.is_void(talk, message, tried):
                        talk.pass_over(operator.id, message.seq)
                        self.clients.confirm(talk, operator, (message.seq,))
                    else:
                        self._send(talk, operator, resource, message)
                after = talk.pushed[operator.id] = reach
                talk.referred.clear()

    async def rated(self, rating: Rating) -> None:
        """The operators who are, or were, in the talk learn what the visitor thinks of it."""
        talk = await self._held.find(rating.conversation)
        if talk is None:
            return
        words = f"Rated {rating.score} of 5"
        words += f": {rating.comment}" if rating.comment else "."
        for id in (rating.operator, *talk.state.others):
            operator = self._directory.operator_of_id(talk.site, id or "")
            if operator is not None:
                self.tell(talk, operator, words)

    def tell(self, talk: Talk, operator: Operator, words: str) -> None:
        """A word of the desk to an operator who is there, in the visitor's window."""
        jid = self._reached(talk, operator)
        if jid is not None:
            self.notice(talk, jid.full, words)

    def invite(self, talk: Talk, operator: Operator, words: str, direct: Xml) -> bool:
        """Asks an operator into a room, as from the visitor; False: they are not there."""
        jid = self._reached(talk, operator)
        if jid is not None:
            sender = visitor_full(talk.visitor, self._domain)
            self._link.send(outbound.invitation(sender, jid.full, words, direct))
        return jid is not None

    # Inside

    async def _place(self, talk: Talk, address: str) -> None:
        await self._lists.place(address, talk.visitor)
        self.offer(talk)

    def _reached(self, talk: Talk, operator: Operator) -> Jid | None:
        """Where an operator who is there gets what the desk says in the talk."""
        resource = self._choose(talk, operator) if self._link.up else None
        return None if resource is None else resource.jid

    def _choose(self, talk: Talk, operator: Operator) -> Resource | None:
        usable = [
            resource
            for resource in self._operators.resources(operator.address)
            if resource.jid not in talk.lost and not resource.asleep
        ]
        preferred = talk.prefers.get(operator.id)

        def claim(resource: Resource) -> tuple[bool, bool, tuple[int, int, int]]:
            # Where earlier lines are on their way, or a later one would be read before them.
            confirmation = talk.confirmations.get(resource.jid)
            waited_for = confirmation is not None and confirmation.outstanding
            return (resource.jid == preferred, waited_for, resource.rank)

        return max(usable, key=claim, default=None)

    def _send(self, talk: Talk, operator: Operator, resource: Resource, message: Message) -> None:
        if self.clients.had(talk, resource.jid, message.seq):
            return
        late = self._clock.now() - message.at > LATE_AFTER_MS
        late = late or message.seq <= talk.came_at.get(operator.id, 0)
        to = resource.jid.full
        self._link.send(rows.stanza(talk, self._domain, operator, to, message, late))
        if message.sender.kind is not SenderKind.VISITOR:
            talk.overheard[operator.id] = message.seq
        self.clients.sent(talk, operator, resource.jid, message.seq)

    def _confirmed(self, talk: Talk) -> None:
        if talk.ending is not None:
            self._lanes.put(talk.visitor, partial(self._end_now, talk))

    async def _end_now(self, talk: Talk) -> None:
        jid = talk.ending
        if jid is not None and talk.open and await self.end(talk, jid):
            self.notice(talk, jid.full, "The talk is ended.")
