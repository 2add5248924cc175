"""What rooms are called, and who is who in them."""

from __future__ import annotations

import pytest

from switchboard.model import new_visitor_id
from switchboard.rooms import (
    Room,
    RoomId,
    RoomSettings,
    is_page_room,
    is_room_name,
    page_room,
    room_of,
)


def test_a_room_is_told_from_a_desk() -> None:
    """By its conversation alone, and back."""
    id = RoomId("lobby", "shop")
    assert room_of(id.conversation) == id
    assert room_of(new_visitor_id()) is None


@pytest.mark.parametrize("name", ["desk", "page", "", "A", "a b", "a%b", "x" * 41])
def test_not_everything_is_a_name(name: str) -> None:
    """What means something else, or could not stand in a JID."""
    assert not is_room_name(name)


def test_a_page_has_a_room_of_its_own() -> None:
    """The same page the same, another page another; and it is a room's name."""
    name = page_room("https://shop.example/a")
    assert name == page_room("https://shop.example/a") != page_room("https://shop.example/b")
    assert is_room_name(name)
    assert is_page_room(name)
    assert not is_page_room("lobby")


def test_an_occupant_is_known_in_one_room_only() -> None:
    """The id stays, and is another one in another room."""
    lobby, help = (Room(RoomId(name, "shop"), RoomSettings()) for name in ("lobby", "help"))
    visitor = new_visitor_id()
    assert lobby.occupant(visitor) == lobby.occupant(visitor)
    assert len({lobby.occupant(visitor), help.occupant(visitor), lobby.occupant("v-x")}) == 3
