"""How long a ban holds."""

from __future__ import annotations

from msgspec.structs import replace

from switchboard.model import Ban


def test_a_ban_holds_until_it_is_over() -> None:
    """Without an end it holds for good."""
    ban = Ban("acme", "v-ann", 1000, "Bob", 1000)
    assert ban.holds(999)
    assert not ban.holds(1000)
    assert replace(ban, until=0).holds(10**15)
