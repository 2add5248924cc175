"""What the bus carries: hints. Losing any of them makes delivery slower, never wrong.

Topics are strings: `conversation_topic(id)` for whoever has that conversation open,
`domain_topic(domain)` for the gateway that owns it, `desk_topic(site)`, and CENSUS. Of a room's
conversation the first domain's gateway is told.
"""

from __future__ import annotations

from msgspec import Struct

from .model import DeskState, Details, Message, Occupant, Rating, Sender, TalkState, Visit

CENSUS = "census"


def conversation_topic(conversation: str) -> str:
    """Where the lines, receipts and typing of one conversation are told."""
    return "conversation/" + conversation


def domain_topic(domain: str) -> str:
    """Where a gateway hears of all conversations of its domain."""
    return "domain/" + domain


def desk_topic(site: str) -> str:
    """Where a desk's state is told."""
    return "desk/" + site


class Committed(Struct, frozen=True, tag=True):
    """A row was stored: the row itself, for readers whose cursor stands right before it."""

    message: Message
    state: TalkState
    site: str


class StateChanged(Struct, frozen=True, tag=True):
    """A talk was ended, or changed hands: after the row `seq`, and before the next."""

    conversation: str
    state: TalkState
    seq: int


class Look(Struct, frozen=True, tag=True):
    """The log reaches to `seq` at least: read it if you are behind."""

    conversation: str
    seq: int


class Described(Struct, frozen=True, tag=True):
    """An operator changed what is known of a visitor."""

    conversation: str
    details: Details


class Receipt(Struct, frozen=True, tag=True):
    """A participant's cursor moved forward."""

    conversation: str
    participant: Sender
    delivered: int
    read: int


class Typing(Struct, frozen=True, tag=True):
    """A participant began or stopped to write."""

    conversation: str
    sender: Sender
    composing: bool


class Desk(Struct, frozen=True, tag=True):
    """A gateway's word on a desk, repeated every 3 s; it expires after 10."""

    site: str
    state: DeskState
    name: str


class DesksAsked(Struct, frozen=True, tag=True):
    """A web node that begins wants to know how the desks are; told where their gateway hears it."""


class Queue(Struct, frozen=True, tag=True):
    """A gateway's word on who waits for a desk, the next first; at most MOST_QUEUED of them."""

    site: str
    visitors: tuple[str, ...]


class Rated(Struct, frozen=True, tag=True):
    """A visitor said how a talk was."""

    rating: Rating


class VisitorHere(Struct, frozen=True, tag=True):
    """A visitor came, or what is known of them changed.

    This, VisitorLeft and CensusPage are a node's words: `number` counts them, from 1 with each
    epoch, so that a gateway knows when it has missed one.
    """

    node: str
    epoch: int
    number: int
    visit: Visit


class VisitorLeft(Struct, frozen=True, tag=True):
    """A visitor left a node, the grace period included."""

    node: str
    epoch: int
    number: int
    visitor: str


class CensusAsked(Struct, frozen=True, tag=True):
    """A gateway wants the full census of every node."""


class CensusPage(Struct, frozen=True, tag=True):
    """A part of a node's full census."""

    node: str
    epoch: int
    number: int
    page: int
    last: bool
    visits: tuple[Visit, ...]


class NodeHere(Struct, frozen=True, tag=True):
    """A node lives, said every 3 s; `number` is its last word's."""

    node: str
    epoch: int
    number: int


class NodeLeft(Struct, frozen=True, tag=True):
    """A node stops in good order: its visitors will be on others soon, or gone."""

    node: str
    epoch: int


class RoomAsked(Struct, frozen=True, tag=True):
    """A web node wants to know who is in a room; told where the room's gateway hears it."""

    room: str


class RoomPage(Struct, frozen=True, tag=True):
    """A part of all who are in a room, by its gateway.

    This and RoomChanged are the gateway's words on a room: `number` counts them, from 1 with each
    epoch, so that a web node knows when it has missed one.
    """

    room: str
    epoch: int
    number: int
    page: int
    last: bool
    occupants: tuple[Occupant, ...]


class RoomChanged(Struct, frozen=True, tag=True):
    """Who came, went, or is called or may do something else, since the gateway's last word."""

    room: str
    epoch: int
    number: int
    came: tuple[Occupant, ...] = ()
    left: tuple[Occupant, ...] = ()
    changed: tuple[Occupant, ...] = ()
    """As they are now."""
    expelled: tuple[Occupant, ...] = ()
    """Who was made to go."""


class Expelled(Struct, frozen=True, tag=True):
    """A visitor is in a room no more: whoever holds their streams is to see to it."""

    room: str
    visitor: str
    reason: str = ""


class Renamed(Struct, frozen=True, tag=True):
    """A visitor is called otherwise in a room, since the name was somebody else's."""

    room: str
    visitor: str
    name: str


Event = (
    Committed
    | StateChanged
    | Look
    | Described
    | Receipt
    | Typing
    | Desk
    | DesksAsked
    | Queue
    | Rated
    | VisitorHere
    | VisitorLeft
    | CensusAsked
    | CensusPage
    | NodeHere
    | NodeLeft
    | RoomAsked
    | RoomPage
    | RoomChanged
    | Expelled
    | Renamed
)
