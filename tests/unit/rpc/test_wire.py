"""Frames of JSON-RPC, read and written."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc import wire
from rpc.methods import METHODS
from switchboard.model import Message, Sender, SenderKind

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        "id": JSON,
        "method": st.sampled_from(sorted(METHODS)) | JSON,
        "params": JSON
        | st.dictionaries(
            st.sampled_from(["token", "cursor", "id", "body", "seq", "wait", "site", "page", "to"]),
            JSON,
        ),
    },
)


def answers_of(frame: bytes | str) -> list[wire.Request | wire.Failed]:
    found = wire.read(frame)
    return found if isinstance(found, list) else [found]


def check(frame: bytes | str) -> None:
    """Reading gives calls or encodable errors, and so does reading each call's params."""
    for one in answers_of(frame):
        if isinstance(one, wire.Failed):
            assert json.loads(wire.encode(one))["error"]["data"]["reason"] == "invalid"
            continue
        if one.id is not msgspec.UNSET:
            echoed = json.loads(wire.encode(wire.Done(one.id, {})))["id"]
            assert echoed == one.id
        if (method := METHODS.get(one.method)) is not None:
            try:
                wire.params(one, method.params)
            except ValueError as error:
                wire.encode(wire.Failed(None, wire.invalid_params(str(error))))


@given(st.binary())
def test_any_octets(frame: bytes) -> None:
    """Whatever arrives is a call or a clean error."""
    check(frame)


@given(st.text(st.characters()))
def test_any_text(frame: str) -> None:
    """The same for text of a socket, lone surrogates included."""
    check(frame)


@given(CALLS | st.lists(CALLS | JSON) | JSON, st.booleans())
def test_any_json(body: Any, ascii: bool) -> None:
    """The same for JSON of the right kind with the wrong things in it."""
    check(json.dumps(body, ensure_ascii=ascii).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("frame", "id", "code"),
    [
        (b"", None, -32700),
        (b"{", None, -32700),
        (b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}', None, -32700),
        (b"[" * 100_000, None, -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', None, -32700),
        (b"[]", None, -32600),
        (b"null", None, -32600),
        (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', "a", -32600),
        (b'{"jsonrpc":"2.0","id":"a","method":7}', "a", -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', None, -32600),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', None, -32600),
    ],
)
def test_what_is_no_call(frame: bytes, id: object, code: int) -> None:
    """The error carries the call's id where there is one that can be given back."""
    found = wire.read(frame)
    assert isinstance(found, wire.Failed)
    assert (found.id, found.error.code) == (id, code)


@pytest.mark.parametrize("id", ["a", "", 7, -1, 0.5, None])
def test_ids_are_given_back(id: object) -> None:
    """An id is any string or number, or null; without one the call is a notification."""
    found = wire.read(json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"}))
    assert isinstance(found, wire.Request)
    assert found.id == id
    told = wire.read('{"jsonrpc":"2.0","method":"ping"}')
    assert isinstance(told, wire.Request)
    assert told.id is msgspec.UNSET


def test_a_batch_is_bounded() -> None:
    """One call too many, and none is carried out."""
    call = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
    most = wire.read(f"[{','.join([call] * wire.BATCH_CALLS)}]")
    assert isinstance(most, list)
    assert isinstance(wire.read(f"[{','.join([call] * (wire.BATCH_CALLS + 1))}]"), wire.Failed)


def test_params_are_bounded_in_what_they_say_back() -> None:
    """An error of the params names the place, and not their content."""

    class Params(msgspec.Struct):
        body: str

    request = wire.read('{"jsonrpc":"2.0","id":1,"method":"say","params":{"body":["secret"]}}')
    assert isinstance(request, wire.Request)
    with pytest.raises(ValueError, match=r"say.*\$\.body") as raised:
        wire.params(request, Params)
    assert "secret" not in str(raised.value)


def test_a_line() -> None:
    """A message as its visitor, and as anybody else, sees it."""
    message = Message(
        "v-aaaaaaaaaaaaaaaa",
        7,
        "m1",
        Sender(SenderKind.VISITOR, "v-aaaaaaaaaaaaaaaa", "Zoe"),
        "Hello?",
        1_700_000_000_007,
        reply_to=3,
    )
    assert json.loads(wire.encode(wire.Done(1, wire.line(message, message.conversation)))) == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "conversation": "desk",
            "seq": 7,
            "id": "m1",
            "from": {
                "kind": "visitor",
                "id": "v-aaaaaaaaaaaaaaaa",
                "name": "Zoe",
                "self": True,
            },
            "body": "Hello?",
            "at": "2023-11-14T22:13:20.007Z",
            "reply_to": 3,
        },
    }
    assert not wire.line(message, "v-bbbbbbbbbbbbbbbb").sender.own


def test_an_event() -> None:
    """An event on a socket is a notification; in a poll it is type and data."""
    data = wire.ReceiptData("desk", 7, "read")
    assert json.loads(wire.encode_event("c", data)) == {
        "jsonrpc": "2.0",
        "method": "event",
        "params": {
            "cursor": "c",
            "type": "receipt",
            "data": {"to": "desk", "seq": 7, "state": "read"},
        },
    }
    assert wire.event(data) == wire.Event("receipt", data)


@pytest.mark.parametrize(
    "data",
    [
        wire.MessageData(
            wire.Line("lobby", 7, "m1", wire.From(SenderKind.VISITOR, "g-a", "Zoë"), '"\n', "now")
        ),
        wire.RetractedData("lobby", 3),
        wire.MemberData("lobby", "join", wire.From(SenderKind.OPERATOR, "g-b", "Ann"), 3, 2),
    ],
    ids=["message", "retracted", "member"],
)
def test_what_many_are_told(data: wire.EventData) -> None:
    """Head, cursor and tail are, octet for octet, what one alone would be told."""
    cursor = "abc-_.def"
    head = cursor.encode()
    assert wire.SOCKET_HEAD + head + wire.socket_tail(data) == wire.encode_event(cursor, data)
    assert wire.SSE_HEAD + head + wire.sse_tail(data) == wire.encode_sse(cursor, data)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (999, "1970-01-01T00:00:00.999Z"),
        (1_772_323_199_999, "2026-02-28T23:59:59.999Z"),
    ],
)
def test_times(at: int, text: str) -> None:
    """RFC 3339 in UTC, with milliseconds, never rounded up."""
    assert wire.rfc3339(at) == text
