"""WebSocket frames: what we send, and how large a message is before it is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from rpc.transports import frames
from rpc.transports.frames import Meter

LIMIT = 200


def client_events(octets: bytes) -> list[Event]:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(octets)
    return list(client.events())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_text(size: int) -> None:
    """A message of any size is read as it was sent."""
    [event] = client_events(frames.text(b"x" * size))
    assert event == TextMessage("x" * size)


def test_ping_and_close() -> None:
    """A ping and a close are what the protocol's own parser takes them for."""
    ping, close = client_events(frames.PING + frames.close(4403, "origin"))
    assert isinstance(ping, Ping)
    assert close == CloseConnection(4403, "origin")


MESSAGES = st.lists(
    st.lists(st.binary(max_size=140), min_size=1, max_size=4)
    | st.sampled_from([Ping(b"x" * 100), Pong(b"")]),
    max_size=6,
)


@given(MESSAGES, st.data())
def test_the_meter_counts_as_the_parser_does(
    messages: list[list[bytes] | Event], data: st.DataObject
) -> None:
    """However it is cut: what fits passes, and the first message that does not is stopped."""
    client = Connection(ConnectionType.CLIENT)
    octets = b""
    fits = True
    for message in messages:
        if not isinstance(message, list):
            octets += client.send(message)
            continue
        sizes = []
        for at, fragment in enumerate(message):
            part = client.send(BytesMessage(fragment, message_finished=at == len(message) - 1))
            sizes.append(len(fragment) if at == 0 else len(part))
            octets += part
        fits = fits and sum(sizes) <= LIMIT
    meter = Meter(LIMIT)
    passed = True
    while octets and passed:
        cut = data.draw(st.integers(1, len(octets)))
        passed = meter.feed(octets[:cut])
        octets = octets[cut:]
    assert passed == fits


@given(st.lists(st.binary(max_size=40)))
def test_the_meter_takes_anything(chunks: list[bytes]) -> None:
    """Noise does not raise: what it means is the parser's business."""
    meter = Meter(LIMIT)
    for chunk in chunks:
        meter.feed(chunk)


def test_the_meter_knows_from_the_head() -> None:
    """A claimed length is enough."""
    assert not Meter(LIMIT).feed(b"\x81\xff" + (10**15).to_bytes(8) + bytes(4))
    assert not Meter(LIMIT).feed(b"\x81\xfe\xff\xff" + bytes(4))
    assert Meter(LIMIT).feed(b"\x81\xfe\x00\xc8" + bytes(4))


@given(st.lists(st.text(max_size=300), min_size=1, max_size=4))
def test_whole_messages_are_what_the_parser_makes_of_them(bodies: list[str]) -> None:
    """The short way gives the same texts, for both lengths of a head."""
    client = Connection(ConnectionType.CLIENT)
    clean = [body.encode(errors="replace").decode() for body in bodies]
    octets = b"".join(client.send(TextMessage(body)) for body in clean)
    assert Meter(10_000).whole(octets) == clean
    server = Connection(ConnectionType.SERVER)
    server.receive_data(octets)
    assert list(server.events()) == [TextMessage(body) for body in clean]


WHOLE = b"\x81\x81abcd\x00"


@pytest.mark.parametrize(
    "octets",
    [
        b"\x81",
        b"\x81\x00",
        b"\x01\x81abcd\x00",
        b"\x81\x81abcd",
        WHOLE + b"\x00",
        WHOLE + b"\x81\x82abcd\x00",
        b"\xc1\x81abcd\x00",
        b"\x82\x81abcd\x00",
        b"\x81\x01abcd\x00",
        b"\x81\xfe\x00\x01abcd\x00",
        b"\x81\xff" + bytes(7) + b"\x01abcd\x00",
        b"\x81\x81\x00\x00\x00\x00\xff",
        b"\x81\xfe\x00\xc9abcd" + bytes(201),
        b"\x8a\x80abcd",
    ],
)
def test_what_is_not_whole_is_left_to_the_parser(octets: bytes) -> None:
    """Cut, fragmented, compressed, binary, unmasked, wasteful, too large, no UTF-8, a pong."""
    assert Meter(LIMIT).whole(octets) is None


def test_no_message_is_whole_within_another() -> None:
    """A frame that begins inside a fragmented message belongs to that."""
    meter = Meter(LIMIT)
    assert meter.feed(b"\x01\x81abcd\x00")
    assert meter.whole(WHOLE) is None
