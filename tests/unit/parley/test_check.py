"""`parley check`: what a running process says becomes a remedy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from parley import fresh
from parley.check import _no_zone, _owner, _running_links, _uploads
from parley.config import load
from switchboard.hours import HoursSettings
from switchboard.site import Site, SiteSettings
from switchboard.store.engine import make_engine
from switchboard.store.leases import SqlLeases
from switchboard.store.migrate import upgrade

DOMAIN = "chat.example.org"


def words(way: str, **kinds: str) -> str:
    """The finding about the contact lists of example.org, which grants `kinds`."""
    running = {
        "jabber": {DOMAIN: {"state": "up"}},
        "privileges": {DOMAIN: {"example.org": kinds}},
        "contact_lists": {DOMAIN: {"hosts": {"example.org": way}}},
    }
    _, finding = _running_links(running)
    return str(finding)


def test_rosters_that_are_granted_and_refused() -> None:
    """ejabberd before 23.10: both remedies are named."""
    said = words("desk", roster="refused", presence="managed_entity")
    assert said.startswith("warn contact lists example.org: example.org grants them and refuses")
    assert "23.10 or later" in said
    assert "[ejabberd]" in said


def test_nobody_writes_them() -> None:
    """A server that grants nothing: where to look."""
    said = words("desk")
    assert said.startswith("warn contact lists example.org: nobody lets us write them")
    assert "parley jabber-config" in said


@pytest.mark.parametrize(
    ("way", "how"),
    [
        ("privilege", "written by privilege"),
        ("api", "written by ejabberd's API"),
        ("subscribe", "nobody writes them; visitors ask to be added"),
    ],
)
def test_each_way_is_named(way: str, how: str) -> None:
    """Nothing to be done."""
    assert words(way) == f"ok contact lists example.org: {how}"


def test_no_operators() -> None:
    """The way to have one is named."""
    running = {"jabber": {DOMAIN: {"state": "up"}}, "contact_lists": {DOMAIN: {"hosts": {}}}}
    _, finding = _running_links(running)
    assert "parley operator add" in str(finding)


def test_a_standby_is_well() -> None:
    """It says whose the domain is."""
    standby = {"state": "standby", "reason": "gw-1 serves it, epoch 3"}
    (finding,) = _running_links({"jabber": {DOMAIN: standby}})
    assert str(finding) == f"ok jabber {DOMAIN}: gw-1 serves it, epoch 3"


async def test_an_owner_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever raises its beat serves the domain; whoever does not is gone."""
    monkeypatch.setattr("parley.check.LEASE_SECONDS", 0.2)
    fresh.write(tmp_path / "parley.toml", DOMAIN)
    config = load(tmp_path / "parley.toml", {})
    engine = make_engine(config.store.url)
    upgrade(engine)
    leases = SqlLeases(engine)
    assert await _owner(config, DOMAIN) == ""
    await leases.take(DOMAIN, "gw-1", None)
    assert await _owner(config, DOMAIN) == ""
    asked = asyncio.create_task(_owner(config, DOMAIN))
    while not asked.done():
        await leases.renew(DOMAIN, "gw-1", 1)
    assert await asked == "gw-1"
    leases.close()
    engine.dispose()


def test_a_place_for_files(tmp_path: Path) -> None:
    """Asked for only where a site takes them; it need not be there yet."""
    fresh.write(tmp_path / "parley.toml", "chat.example.org")
    config = load(tmp_path / "parley.toml", {})
    assert list(_uploads(config, [])) == []
    (fine,) = _uploads(config, ["acme"])
    assert str(fine) == f"ok uploads {tmp_path}/uploads"
    (tmp_path / "uploads").write_text("in the way")
    (wrong,) = _uploads(config, ["acme", "beta"])
    assert str(wrong).startswith(f"warn uploads {tmp_path}/uploads: acme, beta: make it writable")


def test_a_time_zone_that_the_system_does_not_know() -> None:
    """Which site, and what to install."""
    hours = HoursSettings("Mars/Olympus", monday=("09:00-17:00",))
    said = str(_no_zone(Site("acme", SiteSettings("Acme", (), "s", hours=hours))))
    assert said == "warn hours acme: the system knows no Mars/Olympus: install tzdata"
