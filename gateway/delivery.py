"""Lines to operators: to which resource, and until they have it.

An operator is a cursor into the log. What is past it is sent once; it is sent again, with the
same stanza id, only when link, resource or gateway were lost in between. The cursor moves when
the resource has confirmed (confirm.py).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Protocol

from switchboard import events
from switchboard.conversation import Ended, newcomers
from switchboard.lanes import Lanes
from switchboard.model import Cursor, Message, Operator, Rating, SenderKind, TalkState
from switchboard.ports import Clock
from switchboard.reception import Directory, Talks
from switchboard.reception.talks import operator_sender

from . import outbound, rows
from .asking import Asking
from .component import Link
from .confirm import Confirmation, Confirmed, PingDue, Verdict
from .crew import Crew
from .held import READ_LIMIT, RECENT_MS, HeldTalks
from .jids import Jid, seq_of, visitor_full
from .operators import Operators, Resource
from .replay import Replay
from .talk import Talk

LATE_AFTER_MS = 30_000
"""A line older than this is marked as delayed, and so is what was said before one came."""


class Lists(Protocol):
    """The operators' contact lists, as far as lines wait for them."""

    def listed(self, address: str, visitor: str) -> bool:
        """Whether the visitor's lines may go to the operator."""

    async def place(self, address: str, visitor: str) -> None:
        """Makes `listed` true, within a bounded time."""


class Delivery:
    """The lines of one domain's talks, on their way to operators."""

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
        self._unconfirmed: set[str] = set()
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

    # What the link tells

    def link_down(self) -> None:
        """Nothing that was not confirmed counts as sent."""
        self._unconfirmed.clear()
        for talk in self._held.all():
            talk.broken(self._clock.now() - RECENT_MS)

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

    def resource_came(self, jid: Jid, repeated: bool) -> None:
        """A resource is available: whatever it refused before, it may take now.

        `repeated`: it was, and says so again, as a stream does that took the place of one that
        was lost. ejabberd 23.01 tells no `unavailable` then, and lines on the way may be lost.
        """
        now = self._clock.monotonic()
        for talk in self._held.all():
            confirmation = talk.confirmations.get(jid)
            if repeated and confirmation is not None and confirmation.outstanding:
                self._again(talk, jid)
                continue
            if confirmation is not None:
                confirmation.woke(now)
            if jid in talk.lost:
                talk.lost.discard(jid)
                self.offer(talk)

    def resource_gone(self, jid: Jid) -> None:
        """A resource has left: what it had not confirmed goes to another one."""
        for talk in self._held.all():
            talk.lost.discard(jid)
            if jid in talk.confirmations:
                self._again(talk, jid)

    def bounced(self, visitor: str, jid: Jid) -> None:
        """A message came back: the resource is lost to this talk."""
        talk = self._held.get(visitor)
        if talk is not None:
            self._lose(talk, jid)

    def awake(self, jid: Jid) -> None:
        """A resource that was silent gave a sign of life."""
        resource = self._operators.resource(jid)
        if resource is not None and resource.asleep:
            resource.asleep = False
            now = self._clock.monotonic()
            for talk in self._held.all():
                if (confirmation := talk.confirmations.get(jid)) is not None:
                    confirmation.woke(now)
            self.operator_here(jid.bare)

    def wrote(self, visitor: str, jid: Jid) -> None:
        """A resource wrote to the visitor: whatever it refused before, it takes now."""
        talk = self._held.get(visitor)
        operator = None if talk is None else self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            self._crew.answered(operator.id)
        if talk is not None and jid in talk.lost:
            talk.lost.discard(jid)
            self.offer(talk)

    def receipt(self, visitor: str, jid: Jid, id: str, displayed: bool) -> None:
        """XEP-0184 §5.4, or XEP-0333's displayed: the resource has the line of that id."""
        talk, seq = self._held.get(visitor), seq_of(visitor, id)
        if talk is None or seq is None or seq > talk.head:
            return
        resource, confirmation = self._operators.resource(jid), talk.confirmations.get(jid)
        if resource is not None and not displayed:
            resource.receipts = True
        if confirmation is not None and (news := confirmation.receipt(seq)) is not None:
            self._confirm(talk, jid, news)
        operator = self._directory.operator(talk.site, jid.bare)
        if displayed and operator is not None and seq <= talk.confirmed.get(operator.id, 0):
            self._seen(talk, operator, Cursor(seq, seq))

    def pong(self, visitor: str, jid: Jid, id: str) -> None:
        """XEP-0199's result, which confirms all that went before the ping."""
        talk = self._held.get(visitor)
        confirmation = None if talk is None else talk.confirmations.get(jid)
        if talk is None or confirmation is None:
            return
        match confirmation.pong(id):
            case Confirmed() as news:
                resource = self._operators.resource(jid)
                if resource is not None and resource.receipts is None:
                    resource.receipts = False
                self._confirm(talk, jid, news)
            case Verdict.BROKEN:
                self._again(talk, jid)
            case _:
                pass

    def ping_failed(self, visitor: str, jid: Jid, id: str, unsupported: bool) -> None:
        """A ping's error: it confirms nothing unless the client simply knows no pings."""
        talk = self._held.get(visitor)
        confirmation = None if talk is None else talk.confirmations.get(jid)
        if talk is None or confirmation is None:
            return
        match confirmation.ping_failed(id, unsupported):
            case Confirmed() as news:
                self._confirm(talk, jid, news)
            case Verdict.LOST:
                self._lose(talk, jid)
            case Verdict.BROKEN:
                self._again(talk, jid)
            case _:
                pass

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
        now = self._clock.monotonic()
        self._asking.tick()
        for visitor in list(self._unconfirmed):
            talk = self._held.get(visitor)
            if talk is None or not talk.outstanding:
                self._unconfirmed.discard(visitor)
                continue
            for jid, confirmation in list(talk.confirmations.items()):
                self._tick(talk, jid, confirmation, now)

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
                    if not talk.reading:
                        talk.reading = True
                        self._lanes.put(talk.visitor, partial(self._read_back, talk, after))
                    break
                lines, reach = found
                if self._lacks(talk, operator, lines):
                    break
                tried = talk.tried[operator.id]
                for message in lines:
                    if not talk.concerns(operator.id, message):
                        continue
                    void = message.seq in talk.void[operator.id]
                    if void or rows.is_void(talk, message, tried):
                        talk.pass_over(operator.id, message.seq)
                        self._had(talk, operator, (message.seq,))
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
        resource = self._choose(talk, operator) if self._link.up else None
        if resource is not None:
            self.notice(talk, resource.jid.full, words)

    # Inside

    async def _place(self, talk: Talk, address: str) -> None:
        await self._lists.place(address, talk.visitor)
        self.offer(talk)

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
        confirmation = talk.confirmations.get(resource.jid)
        if confirmation is None:
            prefix = f"{talk.visitor[2:]}-{secrets.token_hex(4)}"
            confirmation = talk.confirmations[resource.jid] = Confirmation(prefix)
        if confirmation.went(message.seq):
            return
        late = self._clock.now() - message.at > LATE_AFTER_MS
        late = late or message.seq <= talk.came_at.get(operator.id, 0)
        to = resource.jid.full
        self._link.send(rows.stanza(talk, self._domain, operator, to, message, late))
        if message.sender.kind is not SenderKind.VISITOR:
            talk.overheard[operator.id] = message.seq
        confirmation.sent(message.seq, self._clock.monotonic())
        talk.sent(operator.id, message.seq)
        self._unconfirmed.add(talk.visitor)

    def _tick(self, talk: Talk, jid: Jid, confirmation: Confirmation, now: float) -> None:
        resource = self._operators.resource(jid)
        match confirmation.tick(now, None if resource is None else resource.receipts):
            case PingDue(id):
                sender = visitor_full(talk.visitor, self._domain)
                self._link.send(outbound.ping(sender, jid.full, id))
            case Verdict.ASLEEP:
                if resource is not None:
                    resource.asleep = True
                self._take_back(talk, jid)
            case _:
                pass

    def _confirm(self, talk: Talk, jid: Jid, news: Confirmed) -> None:
        operator = self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            self._had(talk, operator, news.seqs)

    def _had(self, talk: Talk, operator: Operator, seqs: Iterable[int]) -> None:
        """The operator has these rows, or needs them no more."""
        if not talk.confirm(operator.id, seqs):
            return
        seq = talk.confirmed[operator.id]
        for resource, confirmation in talk.confirmations.items():
            if resource.bare == operator.address:
                confirmation.forget(seq)
        self._seen(talk, operator, Cursor(seq, 0))
        if talk.ending is not None:
            self._lanes.put(talk.visitor, partial(self._end_now, talk))

    async def _end_now(self, talk: Talk) -> None:
        jid = talk.ending
        if jid is not None and talk.open and await self.end(talk, jid):
            self.notice(talk, jid.full, "The talk is ended.")

    def _seen(self, talk: Talk, operator: Operator, cursor: Cursor) -> None:
        self._service.seen(talk.visitor, self._domain, operator_sender(operator), cursor)

    def _lose(self, talk: Talk, jid: Jid) -> None:
        talk.lost.add(jid)
        self._again(talk, jid)

    def _again(self, talk: Talk, jid: Jid) -> None:
        """The resource's stream broke: it may itself get again what it has not confirmed."""
        talk.confirmations.pop(jid, None)
        self._take_back(talk, jid)

    def _take_back(self, talk: Talk, jid: Jid) -> None:
        """What the resource has not confirmed counts as not sent."""
        operator = self._directory.operator(talk.site, jid.bare)
        if operator is not None:
            talk.pushed.pop(operator.id, None)
        self.offer(talk)

    async def _read_back(self, talk: Talk, after: int) -> None:
        head = talk.head
        try:
            lines = await self._service.read(talk.visitor, after, READ_LIMIT)
        finally:
            talk.reading = False
        talk.page = (after, lines[-1].seq if len(lines) == READ_LIMIT else max(head, after), lines)
        self.offer(talk)
        talk.page = None

    def _lacks(self, talk: Talk, operator: Operator, lines: Iterable[Message]) -> bool:
        """Whether rows speak of lines that only the store knows: they are offered once it told."""
        wanted = set()
        for row in lines:
            seq = rows.refers_to(row)
            if seq is not None and not talk.knows(seq) and talk.concerns(operator.id, row):
                wanted.add(seq)
        if wanted and not talk.reading:
            talk.reading = True
            self._lanes.put(talk.visitor, partial(self._look_up, talk, sorted(wanted)))
        return bool(wanted)

    async def _look_up(self, talk: Talk, wanted: list[int]) -> None:
        try:
            for seq in wanted:
                found = await self._service.read(talk.visitor, seq - 1, 1)
                talk.referred[seq] = found[0] if found and found[0].seq == seq else None
        finally:
            talk.reading = False
        self.offer(talk)
