"""JSON-RPC 2.0 as browsers speak it: bytes to typed values and back.

Client to server, by `POST /rpc` or as a WebSocket text message, one call or an array of them:

    {"jsonrpc": "2.0", "id": any string or number, "method": name, "params": {…}}

The params are an object (absent is empty; unknown members are ignored). A call without `id` is
a notification: carried out, not answered. The calls of an array, at most BATCH_CALLS, are
carried out one after another and answered by one array, in their order; in it `poll` does not
wait. An array of notifications only is answered by nothing (HTTP 204).

Server to client:

    {"jsonrpc": "2.0", "id": the call's, "result": {…}, "token"?: a fresh token}
    {"jsonrpc": "2.0", "id": the call's, "error": {"code", "message", "data": {"reason",
                                                   "retry_after"?: seconds}}}
    {"jsonrpc": "2.0", "method": "event", "params": {"cursor", "type", "data": {…}}}

The last only on a socket, unasked; a stream of server-sent events, asked for by `POST /rpc/events`
with `{"token", "cursor", "attended"?}`, has the same in its own form: `id` the cursor after the
event, `event` the type, `data` the data. A `token` beside a result replaces the client's.

Repeats: a `say` with an `id` that stands in the log gives the first one's answer; any other call
may be repeated freely. Reconnecting: the client keeps the `cursor` of the last event it has
handled and gives it to `resume` (on a socket), `poll` or a new stream; what came after it follows
in the log's order, each line once, or else the event `reset` asks for a new `hello`.

Changes: a correction, a retraction or a reaction is a row of the log like a line, with a `seq` of
its own, so a cursor meets it; the event names the line that it changes, whose `seq` stays. Lines
come as they stand: an event that changes one may tell what it has long been, and is to be applied
all the same. Some rows bring a visitor nothing, so seqs of lines have gaps.

Beside the log: `typing`, `desk` (how the desk is, with the visitor's place in its queue) and `talk`
(`quiet`, `waiting`, `taken` and by whom) say how things are now. They do not move the cursor's
place in the log; a reader who was away is told the last two once more, by `resume` in its result.
The cursor that `poll` gives says how the page knows these two.

Rooms, where everybody on a site talks, are conversations beside `desk`. A room's id is its name;
`page` asks for the page's own room, where pages have any. `hello` with `room`, or `join`, enters it
and gives a Room: {id, title, subject, members: how many, messages: the last 50, more, name: what
one is called there, self: one's id there, role: `visitor` may not speak}. `hello` gives all rooms
that the visitor is in, but for other pages' own; if the name that it brings cannot be had, it
enters under another. `join` refuses then (`name_taken`, `name_reserved`), and renames who is there
already. On the socket that entered, the room's events follow beside the desk's, and the cursor has
the room's place too. Whoever has no socket gives `join` a `cursor` and gets it back with that place
in it, to go on from by a poll or another stream. From a cursor all of its rooms are read on;
`resume` gives {id, members: how many} of each. `leave` goes from a room with all of the visitor's
pages.

`say`, `edit`, `retract`, `react` and `history` take a room as `to`; `seen` and `typing` are taken
and told to nobody. Refused are who has not joined (`not_joined`), who may not speak (`no_voice`),
and what the room does not want (`links`, `words`, `rate_limited`). In events of lines, and in their
`conversation`, the room's name stands where `desk` does. `from.id` is the room's own for everybody:
it means nothing elsewhere. `members` lists who is there, operators first, then by name.

The event `member` says who came or went: {room, op, who, count, more?}, where op is `join`,
`leave`, `rename` (`who` has the new name) or `kick`, and `more` is how many others did the same. It
comes at most once a second, in large rooms every ten, and does not move the cursor; a poll brings
what was told since the poll before, of the last minute. One's own `leave`, `kick` and a `rename`
that one did not ask for come at once (`who.self`), and after the first two nothing more of the
room: `join` may be tried again. Who comes back to a room that they are in no more is told `leave`
at once, whatever it was. The event `role` {room, role} says that one's own role is another now.

The event `invite` {room, from} asks the visitor to `join` a room: one of the site's, or one of
their own into which the operators of their talk were called, and which only they may enter from the
site. It is a row of the log, told once.

Files, where the site lets visitors send any: `upload` gives a `url` and an `attachment`; the octets
are PUT to that `url` within ten minutes, as many as were said, and answered by 204, or 403, 408,
409 (it is there already), 413 or 503 with a JSON-RPC error as the body; then `say` takes the
`attachment`.

Error codes: -32700 no JSON, -32600 no call, -32601 no such method here, -32602 wrong params
(these four with `reason` `invalid`), -32603 a fault of ours (`internal`), -32000 anything that
the switchboard refuses, told apart by `reason`.
"""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from switchboard.model import Attachment, DeskState, Message, Phase, Sender, SenderKind
from switchboard.rooms import Role

BATCH_CALLS = 50
DESK = "desk"
"""How a visitor's own conversation with the desk is named on the wire."""

_SAFE_INTEGER = 2**53
_EPOCH = datetime(1970, 1, 1)

Id = str | int | float | None
P = TypeVar("P")


class Request(Struct, frozen=True):
    """A call whose params are not yet looked at."""

    jsonrpc: Literal["2.0"]
    method: str
    params: Raw = Raw(b"{}")
    id: Id | UnsetType = UNSET


class ErrorData(Struct, frozen=True, omit_defaults=True):
    """For programs: what went wrong, and when to try again, in seconds."""

    reason: str
    retry_after: int = 0


class Error(Struct, frozen=True):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: ErrorData


PARSE_ERROR = Error(-32700, "This is not JSON.", ErrorData("invalid"))
INVALID_REQUEST = Error(-32600, "This is not a JSON-RPC 2.0 call.", ErrorData("invalid"))
INTERNAL = Error(-32603, "Something went wrong here.", ErrorData("internal"))
APPLICATION = -32000


def method_not_found(message: str) -> Error:
    """There is no such method, or not on this transport."""
    return Error(-32601, message, ErrorData("invalid"))


def invalid_params(message: str) -> Error:
    """The params are not as documented."""
    return Error(-32602, message, ErrorData("invalid"))


class Failed(Struct, frozen=True, tag_field="jsonrpc", tag="2.0"):
    """The answer to a call that failed."""

    id: Id
    error: Error


class Done(Struct, frozen=True, omit_defaults=True, tag_field="jsonrpc", tag="2.0"):
    """The answer to a call that succeeded; `token` replaces the client's."""

    id: Id
    result: Any
    token: str = ""


Response = Done | Failed


class From(Struct, frozen=True, omit_defaults=True):
    """Who wrote a line."""

    kind: SenderKind
    id: str
    name: str
    own: bool = field(default=False, name="self")


class Reacted(Struct, frozen=True):
    """An emoji on a line, and all who chose it."""

    emoji: str
    by: tuple[From, ...] = field(name="from")


class Line(Struct, frozen=True, omit_defaults=True):
    """A `Message` of the protocol, as it stands after all changes; `edited` is when."""

    conversation: str
    seq: int
    id: str
    sender: From = field(name="from")
    body: str
    at: str
    edited: str = ""
    retracted: bool = False
    reply_to: int | None = None
    reactions: tuple[Reacted, ...] = ()
    attachment: Attachment | None = None


class LogSlice(Struct, frozen=True):
    """A part of a public room's log, given to anybody: the lines of the rows `after` to `last`."""

    room: str
    after: int
    messages: list[Line]
    last: int
    more: bool
    """Whether the log goes on."""


class MessageData(Struct, frozen=True):
    """Data of the event `message`."""

    message: Line


class EditedData(Struct, frozen=True):
    """Data of the event `edited`: the line `seq` has another text."""

    to: str
    seq: int
    body: str
    at: str


class RetractedData(Struct, frozen=True):
    """Data of the event `retracted`: of the line `seq` only its place is left."""

    to: str
    seq: int


class ReactionsData(Struct, frozen=True):
    """Data of the event `reactions`: all that there are on the line `seq`."""

    to: str
    seq: int
    reactions: tuple[Reacted, ...]


class PushData(Struct, frozen=True):
    """Data of the event `push`: the page is to go to an address of the site."""

    url: str


class InviteData(Struct, frozen=True):
    """Data of the event `invite`: the visitor is asked to join a room."""

    room: str
    by: From = field(name="from")


class ReceiptData(Struct, frozen=True):
    """Data of the event `receipt`: the other side has the log up to `seq`."""

    to: str
    seq: int
    state: Literal["delivered", "read"]


class TypingData(Struct, frozen=True):
    """Data of the event `typing`."""

    to: str
    sender: From = field(name="from")
    state: Literal["composing", "paused"]


class DeskData(Struct, frozen=True, omit_defaults=True):
    """Data of the event `desk`, and `desk` in results."""

    state: DeskState
    name: str
    queue: int = 0
    """The visitor's place among those who wait, 1 is next; absent for who does not."""


class TalkData(Struct, frozen=True, omit_defaults=True):
    """Data of the event `talk`, and `talk` in results: where the visitor's talk stands."""

    state: Phase
    name: str = ""
    """Of the operator who has taken it."""


class MemberData(Struct, frozen=True, omit_defaults=True):
    """Data of the event `member`: who came to a room, or went."""

    room: str
    op: Literal["join", "leave", "rename", "kick"]
    who: From
    count: int
    """How many are there now."""
    more: int = 0
    """So many others did the same."""


class RoleData(Struct, frozen=True):
    """Data of the event `role`: what the visitor may do in a room from now on."""

    room: str
    role: Role


class ResetData(Struct, frozen=True):
    """Data of the event `reset`."""


EventData = (
    MessageData
    | EditedData
    | RetractedData
    | ReactionsData
    | PushData
    | InviteData
    | ReceiptData
    | TypingData
    | DeskData
    | TalkData
    | MemberData
    | RoleData
    | ResetData
)

_TYPES: dict[type, str] = {
    MessageData: "message",
    EditedData: "edited",
    RetractedData: "retracted",
    ReactionsData: "reactions",
    PushData: "push",
    InviteData: "invite",
    ReceiptData: "receipt",
    TypingData: "typing",
    DeskData: "desk",
    TalkData: "talk",
    MemberData: "member",
    RoleData: "role",
    ResetData: "reset",
}


class Event(Struct, frozen=True):
    """An event as a poll gives it."""

    type: str
    data: EventData


class _Params(Struct, frozen=True):
    cursor: str
    type: str
    data: EventData


class _Notification(Struct, frozen=True, kw_only=True, tag_field="jsonrpc", tag="2.0"):
    method: str = "event"
    params: _Params


class _Id(Struct):
    id: Id = None


_frames = msgspec.json.Decoder(Request | list[Raw])
_requests = msgspec.json.Decoder(Request)
_ids = msgspec.json.Decoder(_Id)
_encoder = msgspec.json.Encoder()
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)


def read(frame: bytes | str) -> Request | Failed | list[Request | Failed]:
    """A frame's call or calls; a Failed stands for what is none, and is its answer."""
    try:
        found = _frames.decode(frame)
    except msgspec.ValidationError:
        return Failed(_id_of(frame), INVALID_REQUEST)
    except _UNREADABLE:
        return Failed(None, PARSE_ERROR)
    if isinstance(found, list):
        if not 0 < len(found) <= BATCH_CALLS:
            return Failed(None, INVALID_REQUEST)
        return [_one_of_many(raw) for raw in found]
    return _checked(found)


def params(request: Request, kind: type[P]) -> P:
    """The params as `kind`. Raises ValueError with a sentence for people."""
    try:
        return msgspec.json.decode(request.params, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"Wrong params of {request.method}: {error}"[:300]) from None
    except _UNREADABLE:
        raise ValueError(f"The params of {request.method} are not JSON.") from None


def encode(response: Response) -> bytes:
    """The bytes of an answer."""
    return _encoder.encode(response)


def encode_event(cursor: str, data: EventData) -> bytes:
    """The bytes of an event on a socket; `cursor` is the one after it."""
    return _encoder.encode(_Notification(params=_Params(cursor, _TYPES[type(data)], data)))


def digest(data: EventData) -> int:
    """32 bits that tell these data from others of their type."""
    return zlib.crc32(_encoder.encode(data))


def encode_sse(cursor: str, data: EventData) -> bytes:
    """The lines of a server-sent event; `cursor` is the one after it. JSON has no line ends."""
    kind = _TYPES[type(data)]
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        cursor.encode(),
        kind.encode(),
        _encoder.encode(data),
    )


SOCKET_HEAD = b'{"jsonrpc":"2.0","method":"event","params":{"cursor":"'
SSE_HEAD = b"id: "


def socket_tail(data: EventData) -> bytes:
    """What follows the cursor: SOCKET_HEAD, cursor and tail are what `encode_event` gives."""
    return b'","type":"%s","data":%s}}' % (_TYPES[type(data)].encode(), _encoder.encode(data))


def sse_tail(data: EventData) -> bytes:
    """What follows the cursor: SSE_HEAD, cursor and tail are what `encode_sse` gives."""
    return b"\nevent: %s\ndata: %s\n\n" % (_TYPES[type(data)].encode(), _encoder.encode(data))


def event(data: EventData) -> Event:
    """An event as a poll gives it."""
    return Event(_TYPES[type(data)], data)


def line(message: Message, visitor: str, to: str = DESK) -> Line:
    """A line as `visitor` sees it: of their talk with the desk, or of the room of that name.

    In a room a visitor is the occupant of that id.
    """
    return Line(
        conversation=to,
        seq=message.seq,
        id=message.client_id,
        sender=sender(message.sender, visitor),
        body=message.body,
        at=rfc3339(message.at),
        edited=rfc3339(message.edited_at) if message.edited_at and not message.retracted else "",
        retracted=message.retracted,
        reply_to=message.reply_to,
        reactions=reactions(message, visitor),
        attachment=message.attachment,
    )


def reactions(message: Message, visitor: str) -> tuple[Reacted, ...]:
    """The reactions that a row carries, as that visitor sees them."""
    if not message.reactions:
        return ()
    return tuple(
        Reacted(one.emoji, tuple(sender(by, visitor) for by in one.by)) for one in message.reactions
    )


def sender(who: Sender, visitor: str) -> From:
    """Whoever writes, as that visitor sees them."""
    own = who.kind is SenderKind.VISITOR and who.id == visitor
    return From(who.kind, who.id, who.name, own)


def rfc3339(at: int) -> str:
    """Milliseconds since 1970 as RFC 3339 UTC with milliseconds."""
    return f"{_second(at // 1000)}.{at % 1000:03}Z"


@lru_cache(maxsize=256)
def _second(at: int) -> str:
    return (_EPOCH + timedelta(seconds=at)).isoformat()


def _one_of_many(raw: Raw) -> Request | Failed:
    try:
        return _checked(_requests.decode(raw))
    except _UNREADABLE:
        return Failed(_id_of(raw), INVALID_REQUEST)


def _checked(request: Request) -> Request | Failed:
    return request if _echoable(request.id) else Failed(None, INVALID_REQUEST)


def _id_of(frame: bytes | str | Raw) -> Id:
    try:
        id = _ids.decode(frame).id
    except _UNREADABLE:
        return None
    return id if _echoable(id) else None


def _echoable(id: Id | UnsetType) -> bool:
    return not isinstance(id, int | float) or -_SAFE_INTEGER <= id <= _SAFE_INTEGER
