"""Names in rooms as resources of JIDs."""

from __future__ import annotations

import pytest

from gateway.muc.resources import resource_of


@pytest.mark.parametrize("nick", ["Ann", "Zoë Ünal", "李 雷", "שלום", "مرحبا", "Gus / Web 2"])
def test_what_can_be_said_is_left(nick: str) -> None:
    """A name that resourceprep takes is the resource."""
    assert resource_of(nick, "g-abcdefgh") == nick


@pytest.mark.parametrize(
    ("nick", "resource"),
    [
        ("Zoë \U0001f600", "Zoë efgh"),
        ("\U0001f600", "Guest efgh"),
        ("שלום Bob", "Bob efgh"),
        ("مرحبا 1", "1 efgh"),
        ("Ann\u200d", "Ann efgh"),
    ],
)
def test_what_stands_in_the_way_goes(nick: str, resource: str) -> None:
    """What servers refuse goes, and the name is nobody else's by that."""
    assert resource_of(nick, "g-abcdefgh") == resource
