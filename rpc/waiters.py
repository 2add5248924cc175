"""Who is waiting for what.

A `Seat` stands for each visitor that is here on this node; a `Reader` (a socket, a stream of
server-sent events, a waiting poll) is a position in the log. The seat listens to the bus once for
all of them, and stays a while longer than the grace period, so that it knows where the log ends:
a poll with nothing new and an idle socket cost no SQL.

Delivery: the seat listens before anything is read. A row that comes by the bus and stands right
after a reader's position is pushed as it is; whoever stands elsewhere reads the bus's recent rows,
or the store, one read at a time per reader, until it is at the end again. So a lost hint only
delays, and a full connection holds a position instead of a queue. A position moves over every row,
whatever a visitor is told of it (`rows.event_of`).

The recent rows may lack the newest, where whoever stored it could not tell. Then a Look follows, or
the bus says that something was missed; and no row is ever passed over, since rows are given in
their order without a hole. When a row is due that the bus has not, the store is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from switchboard import events
from switchboard.errors import RetryLater
from switchboard.model import (
    CHANGES,
    Act,
    Conversation,
    Message,
    Phase,
    SenderKind,
    TalkState,
    Visit,
)
from switchboard.ports import Unsubscribe
from switchboard.reception.talks import visitor_sender

from . import wire
from .composing import Composing
from .readers import Reader
from .receipts import Receipts
from .rows import event_of
from .standing import Standing, news, news_for
from .tokens import Place, StreamCursor, mark_of

if TYPE_CHECKING:
    from .desk_watch import DeskWatch
    from .seats import Seats

MOST_READERS = 100
"""Open streams and waiting polls of one visitor on this node."""

_CHUNK = 50


class Seat:
    """A visitor who is here on this node."""

    __slots__ = (
        "_composing",
        "_doubted",
        "_end",
        "_known",
        "_receipts",
        "_seats",
        "_state",
        "_state_seq",
        "_topic",
        "_unsubscribe",
        "_whole",
        "head",
        "readers",
        "visitor",
        "watch",
    )

    def __init__(self, seats: Seats, visitor: str, watch: DeskWatch) -> None:
        self.visitor = visitor
        self.watch = watch
        self.head = 0
        """The seq of the last row that this node knows of."""
        self.readers: tuple[Reader, ...] = ()
        self._known = False
        """Whether the log's end is known…"""
        self._whole = False
        """… and all receipts, which the bus has of late only."""
        self._doubted = False
        self._end = (0, 0)
        """The last row read or heard of: its seq and mark."""
        self._receipts = Receipts(visitor)
        self._composing: Composing | None = None
        """None until somebody writes, or polls: most never do."""
        self._state = TalkState()
        self._state_seq = 0
        """The row after which the talk came to that state: of two processes the later one may be
        heard first."""
        self._seats = seats
        watch.add(self)
        self._topic = events.conversation_topic(visitor)
        self._unsubscribe: Unsubscribe = seats.bus.subscribe(self._topic, self._heard)

    @property
    def state(self) -> TalkState:
        """Where the talk stands, as far as is known."""
        return self._state

    @property
    def waits(self) -> bool:
        """Whether the visitor's talk waits for an operator."""
        return self._state.phase is Phase.WAITING

    @property
    def desk(self) -> wire.DeskData:
        """The desk as this visitor is told of it."""
        place = self.watch.places.get(self.visitor, 0) if self.waits else 0
        return replace(self.watch.desk, queue=place) if place else self.watch.desk

    @property
    def talk(self) -> wire.TalkData:
        """Where the visitor's talk stands."""
        phase, operator = self._state.phase, self._state.operator
        if phase is not Phase.TAKEN:
            return wire.TalkData(phase)
        return wire.TalkData(phase, self._seats.operator_name(self.watch.site, operator or ""))

    @property
    def standing(self) -> Standing:
        """What a reader who was away is told anew, as far as it is different."""
        return self.desk, self.talk

    def unread(self, lines: Sequence[Message]) -> int:
        """How many of these are operators' and seen by nobody yet; the log's end is known."""
        fresh = [line for line in lines if line.seq > self._receipts.own.read]
        return sum(line.sender.kind is SenderKind.OPERATOR for line in fresh)

    def push(self, data: wire.EventData) -> None:
        """Tells every reader that can take it."""
        for reader in self.readers:
            if reader.ready():
                reader.push(data)

    async def learn(self, spoken: bool, place: Place | None = None) -> None:
        """Makes sure that the log's end is known: for who never spoke it is 0, without SQL.

        For who comes back to a `place` the bus may know it, and what was said since. Raises
        RetryLater.
        """
        await self._seats.bus.listening(self._topic)
        if self._known or not (spoken or self._doubted):
            return
        if place is None or not await self._recall(place):
            await self.consult()

    async def consult(self) -> None:
        """Learns from the store. Raises RetryLater."""
        head, state = self.head, self._state
        found = await self._seats.talks.conversation(self.visitor)
        stored = found.seq if found is not None else 0
        if self.head == head:
            # A hint may have been wrong, and what was heard in its shadow is right.
            self.head = max(stored, self._end[0])
        else:
            self.head = max(self.head, stored)
        if found is not None:
            if self._state is state:
                self._advance(found.state, found.seq)
            self._receipts.stored(found.cursors)
        self._known = self._whole = True
        self._doubted = False

    def doubt(self) -> None:
        """Hints may have been lost, and nobody waits for them: who comes asks again."""
        self._known = self._whole = False
        self._doubted = True

    def stands(self, found: Conversation, asked_in: TalkState) -> None:
        """What the store says, which was asked in that state, since hints may have been lost."""
        if self._state is asked_in:
            self._advance(found.state, found.seq)
        self._receipts.stored(found.cursors)
        self._receipts_moved()
        self._reaches(found.seq)

    async def _recall(self, place: Place) -> bool:
        """Learns from the bus what was told from the line at `place` on, if it has that line."""
        state = self._state
        told = await self._seats.bus.recent(self.visitor, max(place.seq - 1, 0))
        if told is None:
            return False
        rows = [event.message for event in told if isinstance(event, events.Committed)]
        if place.seq and (not rows or (place.mark and place.mark != mark_of(rows[0]))):
            return False
        for event in told:
            match event:
                case events.Receipt():
                    self._receipts.heard(event)
                case events.StateChanged(state=now, seq=seq) if self._state is state:
                    self._advance(now, seq)
                case _:
                    pass
        if rows:
            self.has(rows[-1])
            self.head = max(self.head, rows[-1].seq)
        self._known = True
        return True

    async def _rows(self, after: int) -> list[Message]:
        """Rows after a seq: the bus's, if it has any, else the store's. Raises RetryLater.

        Of lines that were changed meanwhile only the store knows how they stand.
        """
        told = await self._seats.bus.recent(self.visitor, after) or []
        rows = [event.message for event in told if isinstance(event, events.Committed)]
        if rows and not any(row.act in CHANGES for row in rows):
            return rows
        return await self._seats.talks.read(self.visitor, after, _CHUNK)

    async def holds(self, place: Place) -> bool:
        """Whether the place is one of this log, as far as the log is kept.

        Its end must be known (`learn`). Raises RetryLater.
        """
        if not 0 <= place.seq <= self.head:
            return False
        if place.mark and place.seq != self._end[0]:
            lines = await self._rows(place.seq - 1)
            if not lines or lines[0].seq != place.seq:
                return True
            if place.seq < self.head:
                return place.mark == mark_of(lines[0])
            self.has(lines[0])
        return not place.mark or place.mark == self._end[1]

    async def end(self) -> Place:
        """The log's end by the store, for a reader to begin at. Raises RetryLater."""
        await self._seats.bus.listening(self._topic)
        if not self._whole:
            await self.consult()
        while head := self.head:
            rows = await self._seats.talks.read(self.visitor, head - 1, _CHUNK)
            if rows:
                self.has(rows[-1])
                self.head = max(self.head, rows[-1].seq)
                if len(rows) < _CHUNK:
                    return Place(rows[-1].seq, mark=mark_of(rows[-1]))
            else:
                # A hint was wrong, or the rows have been removed.
                await self.consult()
                if self.head == head:
                    return Place(head)
        return Place(0)

    def has(self, message: Message) -> None:
        """A row of the log that was read; the last one is remembered."""
        if message.seq >= self._end[0]:
            self._end = (message.seq, mark_of(message))

    def add(self, reader: Reader) -> None:
        """A reader comes; it gets nothing before it calls `catch_up`.

        Raises RetryLater if there are MOST_READERS.
        """
        if len(self.readers) >= MOST_READERS:
            raise RetryLater("rate_limited", "Too many of this visitor's pages are open.", 30)
        self.readers = (*self.readers, reader)
        self._seats.awake(self)

    def remove(self, reader: Reader) -> None:
        """A reader goes."""
        self.readers = tuple(r for r in self.readers if r is not reader)
        if not self.readers:
            self._seats.asleep(self)

    async def catch_up(self, reader: Reader) -> None:
        """Brings a reader to the log's end, or as far as it can take; not twice at a time.

        Raises RetryLater.
        """
        while reader.seq < self.head and reader.ready():
            head = self.head
            lines = await self._rows(reader.seq)
            if not lines and self.head == head:
                # The store is the truth: a hint was wrong, or the lines have been removed.
                await self.consult()
                if self.head == head:
                    reader.lose_place()
                continue
            for line in lines:
                if not reader.ready():
                    return
                if line.seq != reader.seq + 1:
                    reader.lose_place()
                    return
                self._give(reader, line)
                if line.act is not Act.NOTE:
                    self._seats.spoken(self.visitor, line.sender.kind)
            if lines:
                self.has(lines[-1])
            self.head = max(self.head, reader.seq)
        if reader.ready():
            reader.following = True
            self._receipts.give(reader)

    def acknowledge(self, visit: Visit, delivered: int, read: int) -> None:
        """The visitor's browser has, or the visitor has read, the log up to there."""
        read = min(read, self.head)
        cursor = self._receipts.acknowledge(min(delivered, self.head), read)
        if cursor is not None:
            self._seats.talks.seen(self.visitor, visit.domain, visitor_sender(visit), cursor)

    def passing(self, cursor: StreamCursor) -> list[wire.EventData]:
        """Typing since that page polled last, desk and talk if it does not know them so."""
        found = news_for(cursor.told, self.standing)
        if self._composing is not None:
            found += self._composing.unknown(cursor.tag, self._seats.clock.monotonic())
        return found

    def told(self, tag: int) -> None:
        """The page with that tag knows of all typing up to now."""
        self._whoever_composes().told(tag)

    def close(self) -> None:
        """Stops listening."""
        self._unsubscribe()
        self.watch.discard(self)

    def _heard(self, event: events.Event) -> None:
        match event:
            case events.Committed(message=message, state=state):
                self._committed(message, state)
            case events.StateChanged(state=state, seq=seq):
                self._reaches(seq)
                if seq >= self._state_seq:
                    self._advance(state, seq)
            case events.Look(seq=seq):
                self._reaches(seq)
            case events.Receipt():
                self._receipts.heard(event)
                self._receipts_moved()
            case events.Described(details=details):
                self._seats.described(self.visitor, details)
            case events.Typing() if event.sender.id != self.visitor:
                self._typed(event)
            case _:
                pass

    def _committed(self, message: Message, state: TalkState) -> None:
        if self._composing is not None and message.act is Act.SAY:
            self._composing.said(message.sender.id)
        if message.act is not Act.NOTE:  # operators among themselves are no talk with the visitor
            self._seats.spoken(self.visitor, message.sender.kind)
        self.has(message)
        if message.seq == 1:
            self._known = self._whole = True  # the log begins before our eyes
        for reader in self.readers:
            if reader.following and reader.ready() and reader.seq == message.seq - 1:
                self._give(reader, message)
        self._reaches(message.seq)
        if message.seq > self._state_seq:
            self._advance(state, message.seq)

    def _advance(self, state: TalkState, seq: int) -> None:
        """The talk goes on, after the row `seq`; readers are told what is different for them."""
        self._state_seq = seq
        if state == self._state:
            return
        before, self._state = self.standing, state
        for data in news(before, self.standing):
            self.push(data)

    def _reaches(self, seq: int) -> None:
        self.head = max(self.head, seq)
        for reader in self.readers:
            if reader.following and reader.seq < self.head:
                reader.following = False
                reader.fall_behind()

    def _typed(self, event: events.Typing) -> None:
        data = wire.TypingData(
            wire.DESK,
            wire.sender(event.sender, self.visitor),
            "composing" if event.composing else "paused",
        )
        now = self._seats.clock.monotonic()
        self._whoever_composes().typed(event.sender.id, data, now)
        self.push(data)

    def _whoever_composes(self) -> Composing:
        if self._composing is None:
            self._composing = Composing()
        return self._composing

    def _give(self, reader: Reader, row: Message) -> None:
        reader.seq, reader.mark = row.seq, mark_of(row)
        event = event_of(row, self.visitor, self._seats.clock)
        if event is not None:
            reader.push(event)

    def _receipts_moved(self) -> None:
        for reader in self.readers:
            if reader.following and reader.ready():
                self._receipts.give(reader)
