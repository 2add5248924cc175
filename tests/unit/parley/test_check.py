"""`parley check`: what a running process says becomes a remedy."""

from __future__ import annotations

from parley.check import _running_links

DOMAIN = "chat.example.org"


def words(**kinds: str) -> str:
    """The finding about the privileges that example.org grants."""
    running = {
        "jabber": {DOMAIN: {"state": "up"}},
        "privileges": {DOMAIN: {"example.org": kinds}},
    }
    _, finding = _running_links(running)
    return str(finding)


def test_rosters_that_are_granted_and_refused() -> None:
    """ejabberd before 23.10: the remedy is named."""
    said = words(roster="refused", presence="managed_entity")
    assert said.startswith(f"warn privileges {DOMAIN}: example.org grants rosters and refuses")
    assert "ejabberd, 23.10 or later" in said


def test_rosters_that_are_granted() -> None:
    """Nothing to be done."""
    said = words(roster="both", presence="managed_entity")
    assert said == f"ok privileges {DOMAIN}: rosters and presence of example.org"
