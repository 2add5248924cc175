"""The talks of one domain in memory, kept equal to the store: by hints, and by reading after them.

The bus may lose any hint. A line that does not follow the last one known, or a talk that is
asked for and not held, is read from the store, in the visitor's lane.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from switchboard import events
from switchboard.lanes import Lanes
from switchboard.model import Conversation, Cursor, Sender, SenderKind, TalkState
from switchboard.ports import Clock
from switchboard.reception import Talks

from .talk import Talk

RECENT_MS = 900_000
"""A talk in which nothing was said for this long needs no word about a lost link."""
READ_LIMIT = 500


class HeldTalks:
    """All talks that anybody asks for; `grown` hears of each talk that may have new lines.

    `changed` hears of talks that begin, end or change hands, with the state before; `read` of
    how far visitors are, where no hint said so.
    """

    def __init__(
        self,
        domain: str,
        service: Talks,
        clock: Clock,
        lanes: Lanes,
        grown: Callable[[Talk], None],
        changed: Callable[[Talk, TalkState], None],
        read: Callable[[events.Receipt], None],
    ) -> None:
        self._domain = domain
        self._service = service
        self._clock = clock
        self._lanes = lanes
        self._grown = grown
        self._changed = changed
        self._read = read
        self._talks: dict[str, Talk] = {}

    def all(self) -> list[Talk]:
        """All talks held in memory, those that are over included."""
        return list(self._talks.values())

    def get(self, visitor: str) -> Talk | None:
        """The talk as it is held in memory; None if there has been none lately."""
        return self._talks.get(visitor)

    async def load(self) -> None:
        """Takes over every open talk: a new process is a recovery."""
        for conversation in await self._service.open_talks(self._domain):
            if conversation.id not in self._talks:
                self._adopt(conversation).broken(self._clock.now() - RECENT_MS)

    async def catch_up(self) -> None:
        """Looks whether a hint was lost, and tells of every talk, read or not."""
        stored = {one.id: one for one in await self._service.open_talks(self._domain)}
        others = [talk.visitor for talk in self.all() if talk.visitor not in stored]
        stored |= {one.id: one for one in await self._service.standings(others)}
        for visitor, conversation in stored.items():
            talk = self._talks.get(visitor)
            if talk is not None and talk.state == conversation.state:
                self._grown(talk)
                self._compare_cursor(talk, conversation)
                if talk.head >= conversation.seq:
                    continue
            self._lanes.put(visitor, partial(self._catch_up, visitor))

    async def find(self, visitor: str) -> Talk | None:
        """The talk of a visitor who spoke at any time."""
        talk = self._talks.get(visitor)
        if talk is None:
            conversation = await self._service.conversation(visitor)
            if conversation is None:
                return None
            talk = self._talks.get(visitor) or self._adopt(conversation)
        return talk

    def committed(self, event: events.Committed) -> None:
        """A line was stored."""
        message = event.message
        talk = self._talks.get(message.conversation)
        if talk is None:
            if event.state.since != message.seq - 1:
                self._lanes.put(message.conversation, lambda: self._catch_up(message.conversation))
                return
            talk = self._adopt(
                Conversation(
                    id=message.conversation,
                    site=event.site,
                    domain=self._domain,
                    seq=message.seq - 1,
                    state=event.state,
                    updated_at=message.at,
                )
            )
            talk.origins_known = event.state.since == 0
        if message.seq <= talk.head:
            return
        if message.seq != talk.head + 1:
            self._lanes.put(talk.visitor, lambda: self._catch_up(talk.visitor))
            return
        before = talk.state
        talk.append(message, event.state)
        if before != talk.state:
            self._changed(talk, before)
        self._grown(talk)

    def look(self, event: events.Look) -> None:
        """Somebody could not tell in time how far a log reaches."""
        talk = self._talks.get(event.conversation)
        if talk is None or talk.head < event.seq:
            self._lanes.put(event.conversation, lambda: self._catch_up(event.conversation))

    def state_changed(self, event: events.StateChanged) -> None:
        """A talk was ended, or changed hands."""
        talk = self._talks.get(event.conversation)
        if talk is None or event.seq < talk.head:
            return  # the row after it, which is here, had the state that it led to
        if event.seq > talk.head:
            self._lanes.put(talk.visitor, lambda: self._catch_up(talk.visitor))
            return
        before, talk.state = talk.state, event.state
        self._changed(talk, before)

    def forget(self, visitor: str) -> None:
        """The visitor has left: a talk that is over needs no memory."""
        talk = self._talks.get(visitor)
        if talk is not None and not talk.open:
            del self._talks[visitor]

    def sweep(self, is_here: Callable[[str], bool]) -> None:
        """Forgets talks that are over and whose visitors are away, but were asked about."""
        for talk in self.all():
            if not is_here(talk.visitor):
                self.forget(talk.visitor)

    def _compare_cursor(self, talk: Talk, conversation: Conversation) -> None:
        stored, known = conversation.cursors.get(talk.visitor, Cursor()), talk.visitor_cursor
        if stored.delivered > known.delivered or stored.read > known.read:
            visitor = Sender(SenderKind.VISITOR, talk.visitor, talk.name)
            self._read(events.Receipt(talk.visitor, visitor, stored.delivered, stored.read))

    def _adopt(self, conversation: Conversation) -> Talk:
        talk = self._talks[conversation.id] = Talk(conversation)
        return talk

    async def _catch_up(self, visitor: str) -> None:
        """A hint was lost: the store knows. What is told meanwhile is newer than what was read."""
        before = None
        while True:
            talk = self._talks.get(visitor)
            head, state = (0, None) if talk is None else (talk.head, talk.state)
            before = before or state
            conversation = await self._service.conversation(visitor)
            if conversation is None:
                return
            if talk is None:
                if visitor not in self._talks:
                    talk = self._adopt(conversation)
                    break
                continue
            lines = await self._service.read(visitor, head, READ_LIMIT)
            if talk.head == head and talk.state is state:
                for message in lines:
                    # A later line may have brought a state that was read too early.
                    if talk.head + 1 == message.seq <= conversation.seq:
                        talk.append(message, conversation.state)
                if talk.head >= conversation.seq:
                    talk.state = conversation.state
            if talk.head >= conversation.seq or talk.head == head:
                break
        self._changed(talk, before or TalkState())
        self._grown(talk)
        self._compare_cursor(talk, conversation)
