"""What the ground floor needs from outside, as Protocols.

Each has an in-memory or embedded implementation that is really used, and one contract suite
in tests/contract that runs over all implementations.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from msgspec import Struct

from .conversation import Event as TalkEvent
from .events import Event
from .model import (
    Act,
    Attachment,
    Ban,
    Conversation,
    Cursor,
    Details,
    Message,
    Operator,
    Rating,
    RoomClient,
    Sender,
    Shown,
    TalkState,
    Visit,
)
from .site import Site

Unsubscribe = Callable[[], None]


class Clock(Protocol):
    """Time, injected so that tests need not wait."""

    def now(self) -> int:
        """Wall clock: milliseconds since 1970 UTC. May be stepped."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never stepped: for durations."""


class Draft(Struct, frozen=True):
    """A row on its way into a log."""

    conversation: str
    site: str
    domain: str
    sender: Sender
    client_id: str
    body: str
    at: int
    event: TalkEvent | None
    """What it does to the talk; None: nothing."""
    reply_to: int | None = None
    origin: str | None = None
    also: tuple[str, ...] = ()
    """Other client ids under which the same line may stand already…"""
    window: int | None = None
    """… if it is not older than this, in milliseconds; None: however old."""
    act: Act = Act.SAY
    target: int | None = None
    """The line that a change is about."""
    attachment: Attachment | None = None


class Appended(Struct, frozen=True):
    """What became of a draft."""

    message: Message
    """The line as it stands in the log: of a repeated draft, the first one's."""
    state: TalkState
    fresh: bool
    """False if the draft had been stored before, or changes nothing: then it is the target."""


class Turned(Struct, frozen=True):
    """Where a talk stands after a change that is no line."""

    state: TalkState
    seq: int
    """The log's last row when it was changed."""


Late = Callable[[Appended], None]
"""Told of a line that was stored after its sender had been told to come again."""


class Store(Protocol):
    """The truth. What returns has been committed; any method may raise RetryLater."""

    async def append(self, draft: Draft, late: Late | None = None) -> Appended:
        """Commits a row and gives its seq. Calls take effect in the order they are made.

        A change is applied to its target in the same transaction. Raises NotFound if there is no
        such line, and as `changes.changed`.

        With `late` it raises RetryLater in a bounded time, whatever the disk does. The line may
        be stored all the same, after that; then `late` is told, once.
        """

    async def change_talk(self, conversation: str, event: TalkEvent, at: int) -> Turned:
        """Takes a talk on without a line. Raises NotFound, or IllegalEvent if it cannot be."""

    async def end_idle_talks(self, domain: str, site: str, before: int) -> list[str]:
        """Ends the site's talks whose last line is older than `before`; gives their ids.

        One whose visitor wrote a line that no operator's cursor has reached stays open, as far as
        cursors are stored.
        """

    async def read(self, conversation: str, after: int, limit: int) -> list[Message]:
        """The lines with a seq above `after`, oldest first, at most `limit`."""

    async def rows(self, conversation: str, seqs: Sequence[int]) -> list[Message]:
        """Those of the given rows that there are, oldest first."""

    async def since(self, conversation: str, at: int) -> int:
        """The seq of the first row that was written at or after a time; the next one's if none was.

        The clocks of those who write may differ by some seconds.
        """

    async def sent(self, conversation: str, sender: str, client_id: str) -> Message | None:
        """The line that a sender sent under that client id, if it is stored."""

    async def history(
        self, conversation: str, before: int | None, limit: int, notes: bool = False
    ) -> list[Message]:
        """The last `limit` lines below `before` (None: from the end), oldest first.

        As they stand after all changes, which are left out; with `notes`, operators' notes too.
        """

    async def conversation(self, conversation: str) -> Conversation | None:
        """State and cursors, those on their way to the disk included."""

    async def standings(self, conversations: Sequence[str]) -> list[Conversation]:
        """As `conversation`, those of the given that there are, in any order."""

    async def open_talks(self, domain: str) -> list[Conversation]:
        """All conversations of a domain in which a talk is open."""

    async def conversations(self, site: str, since: int) -> list[Conversation]:
        """A site's conversations that changed at or after `since`, oldest first."""

    def move_cursor(self, conversation: str, participant: str, cursor: Cursor) -> None:
        """Moves a cursor forward; stored with a later commit, within 5 s at the latest."""

    async def save_details(self, visitor: str, site: str, details: Details, at: int) -> None:
        """Keeps what a visitor told of themselves."""

    async def details(self, visitor: str) -> Details | None:
        """What a visitor told of themselves, if they did."""

    async def details_of(self, visitors_: Sequence[str]) -> dict[str, Details]:
        """As `details`, by visitor, of those who told any."""

    async def save_rating(self, conversation: str, score: int, comment: str, at: int) -> Rating:
        """Keeps what the visitor thinks of the talk under way, or of the last one.

        It replaces what was kept of the same talk. Raises NotFound if there was none.
        """

    async def ratings(self, conversation: str) -> list[Rating]:
        """What a visitor thought of each talk, oldest first."""

    async def bans(self) -> list[Ban]:
        """All bans, those that are over included, by site and visitor."""

    async def save_ban(self, ban: Ban) -> None:
        """Bans a visitor, or changes for how long."""

    async def remove_ban(self, site: str, visitor: str) -> None:
        """Lifts a ban. Raises NotFound."""

    async def shown(self, domain: str) -> list[Shown]:
        """What the operators' contact lists were told."""

    async def change_shown(
        self, add: Sequence[Shown], remove: Sequence[Shown], talking: Collection[str] = ()
    ) -> None:
        """Notes what contact lists are about to be told, or, a minute later, were told to drop.

        Of visitors in `talking`, who have an open talk and were in no list, all notes are stored
        together, within 5 s and before a talk is ended here: until then a new process takes it
        that all operators of the site may have been told.
        """

    async def occupants(self) -> list[RoomClient]:
        """The Jabber clients that are in rooms, and visitors shown there, by room and JID."""

    async def change_occupants(self, put: Sequence[RoomClient], drop: Sequence[RoomClient]) -> None:
        """Drops those that left a room, then keeps or renames those that are in one."""

    async def version(self) -> int:
        """A number that changes whenever a site, an operator or a ban does."""

    async def sites(self) -> list[Site]:
        """All sites, by key."""

    async def save_site(self, site: Site) -> None:
        """Adds a site or replaces its settings."""

    async def remove_site(self, key: str) -> None:
        """Removes a site and its operators; logs stay. Raises NotFound."""

    async def operators(self) -> list[Operator]:
        """All operators of all sites, by site and address."""

    async def save_operator(self, operator: Operator) -> Operator:
        """Adds an operator or renames the one of that address, who keeps the id."""

    async def remove_operator(self, site: str, address: str) -> None:
        """Removes an operator. Raises NotFound."""

    async def flush(self) -> None:
        """Returns when all cursors that were moved, and all notes, are stored."""

    async def close(self) -> None:
        """Stores what is on its way and lets go."""


class Sessions(Protocol):
    """Visits, cached: may lose anything at any time."""

    async def get(self, visitor: str) -> Visit | None:
        """The visit as last put, or None."""

    def put(self, visit: Visit) -> None:
        """Remembers a visit."""


FALLBACK_SECONDS = 2.0
"""How often whoever hears nothing any more is told to ask the store."""

SETTLED_SECONDS = 6.0
"""After that long all that was on its way to the store is there."""


class Bus(Protocol):
    """Publish and subscribe; may lose anything, never invents or reorders within a topic."""

    @property
    def up(self) -> bool:
        """Whether other processes are heard; if not, their silence means nothing."""

    def publish(self, topic: str, event: Event) -> None:
        """Tells the topic's subscribers, soon."""

    def subscribe(self, topic: str, listener: Callable[[Event], None]) -> Unsubscribe:
        """Calls `listener` on the event loop for each event published from now on.

        What other processes publish may be heard a little later only: see `listening`.
        """

    async def listening(self, topic: str) -> None:
        """Waits until subscribers of the topic miss nothing from now on, or `on_missed` tells."""

    def on_missed(self, listener: Callable[[], None]) -> Unsubscribe:
        """Calls `listener` on the event loop whenever events may have been lost.

        Once they are known to flow again, again SETTLED_SECONDS later, and every FALLBACK_SECONDS
        as long as they do not flow.
        """

    async def recent(self, conversation: str, after: int) -> list[Event] | None:
        """The rows after a seq (Committed), and receipts and states told since; None: not known.

        To be asked by who listens to the conversation. The rows are all there are, as they were
        when they were stored, unless whoever stored a newer one has not been able to tell: then a
        Look or `on_missed` follows.
        """


class LeaseRow(Struct, frozen=True):
    """Who owns something that only one process may own at a time."""

    owner: str
    """A name that no other process has or had; "" is nobody."""
    epoch: int
    """Higher with each owner."""
    beat: int
    """Raised by the owner, about every second."""
    standby: str
    """Whoever waits for it and said so last; "" is nobody."""
    standby_beat: int
    """Raised by all who wait."""


class Leases(Protocol):
    """Leases by name, each write a compare-and-set that is committed when it returns.

    They know no time: whoever waits watches the beat by their own clock. Any method may raise
    RetryLater, and it may have been done all the same.
    """

    async def look(self, name: str) -> LeaseRow | None:
        """The lease as it stands; None if nobody ever had it."""

    async def take(self, name: str, owner: str, seen: LeaseRow | None) -> bool:
        """Takes it, one epoch higher, if owner, epoch and beat are still as seen."""

    async def renew(self, name: str, owner: str, epoch: int) -> LeaseRow | None:
        """Raises the beat; None: it is another's now."""

    async def release(self, name: str, owner: str, epoch: int) -> None:
        """Leaves it to whoever comes first, unless it is another's."""

    async def stand_by(self, name: str, candidate: str) -> None:
        """Tells the owner that somebody waits."""

    async def stand_down(self, name: str, candidate: str) -> None:
        """Tells the owner that this one waits no more."""
