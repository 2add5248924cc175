"""One talk as the gateway holds it in memory: all of it can be built again from the store."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from switchboard.changes import changed
from switchboard.model import (
    TO_VISITOR,
    Act,
    Conversation,
    Cursor,
    Message,
    Phase,
    SenderKind,
    TalkState,
)
from switchboard.routing import Turn

from .confirm import Confirmation
from .jids import Jid

TAIL = 50
"""Lines kept in memory, for operators who come or lose a client a little later."""


class Origin(Struct, frozen=True, omit_defaults=True):
    """The stanza that an operator's row came in: to be acknowledged, and spoken of, by its id."""

    jid: str
    id: str
    receipt: bool = False
    marker: bool = False


_ORIGIN = msgspec.json.Decoder(Origin)


def encode_origin(origin: Origin) -> str:
    """As it is stored in a message."""
    return msgspec.json.encode(origin).decode()


def decode_origin(message: Message) -> Origin | None:
    """The origin of an operator's row, if its stanza had an id."""
    return None if message.origin is None else _ORIGIN.decode(message.origin)


class Talk:
    """A visitor's conversation with a desk, and how far each operator is in it."""

    __slots__ = (
        "away_told",
        "came_at",
        "confirmations",
        "confirmed",
        "declined",
        "ending",
        "head",
        "last_answer",
        "last_said",
        "last_word",
        "lost",
        "name",
        "origins",
        "origins_known",
        "overheard",
        "page",
        "prefers",
        "pushed",
        "reached",
        "reading",
        "recovering",
        "referred",
        "reminded",
        "site",
        "state",
        "tail",
        "tried",
        "turn",
        "unattended_since",
        "updated_at",
        "visitor",
        "visitor_cursor",
        "void",
        "waiting_since",
        "waits",
    )

    def __init__(self, conversation: Conversation) -> None:
        adopted = conversation.seq
        self.visitor = conversation.id
        self.site = conversation.site
        self.name = conversation.name
        self.state = conversation.state
        self.head = self.last_said = self.last_word = conversation.seq
        """The last row, and as far as they are known the visitor's last line, and their last row
        that is a line, changes one or takes one back."""
        self.last_answer = 0
        """An operator's last line, if it was said since this is held in memory."""
        self.updated_at = self.waiting_since = conversation.updated_at
        """The second: when the talk began to wait, or was taken over from the store."""
        self.visitor_cursor = conversation.cursors.get(conversation.id, Cursor())
        self.confirmed = {
            participant: cursor.delivered
            for participant, cursor in conversation.cursors.items()
            if participant != conversation.id
        }
        self.pushed: dict[str, int] = {}
        """By operator's id: the last line sent since anything broke."""
        self.waits: dict[str, set[int]] = {}
        """By operator's id: lines sent to any of the resources and confirmed by none."""
        self.reached: dict[str, int] = {}
        """By operator's id: the last line that any of the resources confirmed."""
        self.prefers: dict[str, Jid] = {}
        """By operator's id: the resource that last wrote here."""
        self.confirmations: dict[Jid, Confirmation] = {}
        self.lost: set[Jid] = set()
        """Resources that gave an error: not tried again until they come back."""
        self.tail: deque[Message] = deque(maxlen=TAIL)
        self.page: tuple[int, int, list[Message]] | None = None
        """While it is offered: all lines after the first seq up to the second, from the store."""
        self.reading = False
        """Whether such a page, or what is `referred` to, is on its way."""
        self.referred: dict[int, Message | None] = {}
        """Lines that rows to be sent speak of, from the store; None: there is no such line."""
        self.tried: defaultdict[str, int] = defaultdict(lambda: adopted)
        """By operator's id: no row after it was ever sent to them, by an earlier process either."""
        self.origins: dict[int, Origin] = {}
        self.origins_known = False
        """Whether `origins` holds all that the visitor has not read, or the store has to tell."""
        self.away_told = False
        self.came_at: dict[str, int] = {}
        """By operator's id: the last line when they came into the talk."""
        self.overheard: dict[str, int] = {}
        """By operator's id: the last line of a colleague's that was sent to them."""
        self.void: defaultdict[str, set[int]] = defaultdict(set)
        """By operator's id: rows not confirmed that are never sent to them, see rows.is_void."""
        self.turn: Turn | None = None
        """Who is asked, as long as nobody has the talk."""
        self.declined: frozenset[str] = frozenset()
        """Who gave it away, as long as nobody has it: they are asked after everybody else."""
        self.unattended_since: float | None = None
        """Since when its operator is offline, in seconds, monotonic."""
        self.ending: Jid | None = None
        """Who has ended the talk, as long as a line of the visitor's is still on its way."""
        self.recovering = False
        self.reminded = 0
        """The operator's line of which they were told last that it was stored."""

    @property
    def open(self) -> bool:
        """Whether a talk is under way."""
        return self.state.phase is not Phase.QUIET

    @property
    def outstanding(self) -> bool:
        """Whether anything sent is not confirmed."""
        return any(confirmation.outstanding for confirmation in self.confirmations.values())

    @property
    def answered(self) -> bool:
        """Whether an operator wrote after the visitor, and all that the visitor said was had."""
        return self.last_said < self.last_answer and self.last_word <= max(
            self.confirmed.values(), default=0
        )

    def append(self, message: Message, state: TalkState) -> None:
        """The log grew by the row after `head`."""
        self.head = message.seq
        self.state = state
        self.updated_at = message.at
        if message.target is not None:
            self._change(message)
        self.tail.append(message)
        if message.sender.kind is SenderKind.VISITOR:
            self.name = message.sender.name
            if message.act is Act.SAY:
                self.last_said = message.seq
            if message.act is not Act.REACT:
                self.last_word = message.seq
            return
        if message.act is Act.SAY:
            self.ending = None
            self.last_answer = message.seq
        self._expect(message)

    def row(self, seq: int) -> Message | None:
        """The row of that number as it stands, if it is in memory."""
        place = seq - self.tail[0].seq if self.tail else -1
        return self.tail[place] if 0 <= place < len(self.tail) else self.referred.get(seq)

    def knows(self, seq: int) -> bool:
        """Whether `row` needs no store to tell of that row."""
        return seq in self.referred or (bool(self.tail) and seq >= self.tail[0].seq)

    def _change(self, change: Message) -> None:
        """Lines in memory are as those in the store: as they stand after all changes."""
        target = change.target or 0
        self.referred.pop(target, None)
        line = self.row(target)
        if line is None or line.retracted:
            return
        first = self.tail[0].seq
        self.tail[target - first] = changed(line, change)
        if change.act is Act.RETRACT:
            for place, row in enumerate(self.tail):
                if row.act is Act.EDIT and row.target == target:
                    self.tail[place] = replace(row, body="")

    def _expect(self, message: Message) -> None:
        """Keeps the origin of a row that its sender wants acknowledged."""
        origin = decode_origin(message)
        if origin is not None and (origin.receipt or origin.marker):
            self.origins.setdefault(message.seq, origin)

    def has(self, operator: str) -> bool:
        """Whether an operator has the talk, or takes part in it."""
        state = self.state
        mine = state.phase is Phase.TAKEN and state.operator == operator
        return mine or operator in state.others

    def concerns(self, operator: str, row: Message) -> bool:
        """Whether a row is for that operator to see."""
        if row.act in TO_VISITOR:
            return False
        if row.sender.kind is SenderKind.VISITOR:
            return True
        return row.sender.id != operator and self.has(operator)

    def due(self, operator: str) -> int:
        """The line after which the operator has to get the log."""
        return max(self.state.since, self.confirmed.get(operator, 0), self.pushed.get(operator, 0))

    def sent(self, operator: str, seq: int) -> None:
        """A row went to a resource of the operator."""
        self.tried[operator] = max(self.tried[operator], seq)
        self.waits.setdefault(operator, set()).add(seq)

    def pass_over(self, operator: str, seq: int) -> None:
        """A row is not sent to the operator, and never will be."""
        confirmed = self.confirmed.get(operator, 0)
        self.void[operator] = {one for one in self.void[operator] if one > confirmed} | {seq}

    def confirm(self, operator: str, seqs: Iterable[int]) -> bool:
        """A resource of the operator has these lines; True if the cursor moved.

        The cursor stands before the first line that no resource has confirmed: what one client
        has says nothing of what went to another.
        """
        done = set(seqs)
        # What was on the way when an earlier talk ended is nobody's any more.
        waits = {seq for seq in self.waits.get(operator, ()) if seq > self.state.since} - done
        self.waits[operator] = waits
        self.reached[operator] = max(self.reached.get(operator, 0), *done, 0)
        seq = min(waits) - 1 if waits else self.reached[operator]
        if seq <= self.confirmed.get(operator, 0):
            return False
        self.confirmed[operator] = seq
        return True

    def lines_after(self, seq: int) -> tuple[list[Message], int] | None:
        """The rows after `seq` and how far they reach; None: memory has them not."""
        if seq == self.head - 1 and self.tail:
            return [self.tail[-1]], self.head
        lines: Iterable[Message]
        if self.tail and self.tail[0].seq <= seq + 1:
            lines, reach = self.tail, self.head
        elif self.page is not None and self.page[0] <= seq < self.page[1]:
            _, reach, lines = self.page
        else:
            return None
        return [line for line in lines if line.seq > seq], reach

    def recall(self, lines: list[Message]) -> None:
        """Takes the origins of all lines that the visitor has not read, as the store has them."""
        for line in lines:
            self._expect(line)
        self.origins_known = True

    def broken(self, recent: int) -> None:
        """The link is down: what is not confirmed has to be sent again.

        `recent`: a talk in which something was said since then may have lost an operator's line.
        """
        self.pushed.clear()
        self.waits.clear()
        self.reached.clear()
        self.confirmations.clear()
        self.lost.clear()
        self.unattended_since = None
        self.recovering = self.open and self.updated_at >= recent
