"""Origins, addresses and rates."""

from __future__ import annotations

import pytest

from rpc import admission
from rpc.admission import Origins, Proxies, Rates, WrongOrigin, whole_seconds
from switchboard.site import Site, SiteSettings
from tests.unit.rpc.conftest import ManualClock


def test_origins() -> None:
    """A page may call for its own site only; no origin at all is served."""
    origins = Origins()
    origins.load(
        [
            Site("acme", SiteSettings("Acme", ("https://Shop.test/", "nonsense"), "")),
            Site("other", SiteSettings("Other", ("https://other.test",), "")),
        ]
    )
    origins.check("acme", "https://shop.test")
    origins.check("acme", None)
    for wrong in ("https://other.test", "null", "http://shop.test", ""):
        with pytest.raises(WrongOrigin):
            origins.check("acme", wrong)
    assert origins.some_sites("https://other.test")
    assert not origins.some_sites("null")
    assert not origins.some_sites(None)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", [], "192.0.2.9"),
        ("192.0.2.9", ["198.51.100.1"], "192.0.2.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense, 10.2.3.4"], "10.2.3.4"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", [""], "10.0.0.1"),
        (None, ["198.51.100.1"], "198.51.100.1"),
        (None, [], "local"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
    ],
)
def test_client_address(peer: str | None, forwarded: list[str], client: str) -> None:
    """Of X-Forwarded-For the rightmost that is no trusted proxy, and only from trusted ones."""
    assert Proxies(("10.0.0.0/8",)).client(peer, forwarded) == client


def test_a_rate(clock: ManualClock) -> None:
    """So many at once, then one each time that one has refilled; keys are apart."""
    rates = Rates(6, clock)
    assert [rates.take("a") for _ in range(6)] == [0.0] * 6
    assert rates.take("a") == pytest.approx(10)
    assert rates.take("b") == 0.0
    clock.seconds += 9
    assert rates.take("a") == pytest.approx(1)
    clock.seconds += 1
    assert rates.take("a") == 0.0


def test_a_rate_an_hour(clock: ManualClock) -> None:
    """As many at once as in the whole time, then one after each part of it."""
    rates = Rates(20, clock, seconds=3600)
    assert [rates.take("v") for _ in range(20)] == [0.0] * 20
    assert rates.take("v") == pytest.approx(180)
    clock.seconds += 180
    assert rates.take("v") == 0.0


def test_a_strict_rate(clock: ManualClock) -> None:
    """Who hammers on stays out; after a minute's quiet at most two they are in again."""
    rates = Rates(6, clock, strict=True)
    for _ in range(6):
        rates.take("a")
    for _ in range(300):
        clock.seconds += 1
        assert rates.take("a") > 0
    clock.seconds += rates.take("a")
    assert rates.take("a") == 0.0


def test_no_limit(clock: ManualClock) -> None:
    """0 is no limit, and keeps nothing."""
    rates = Rates(0, clock)
    assert not any(rates.take("a") for _ in range(1000))
    assert not rates._buckets


def test_tables_are_bounded(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many addresses push the oldest out; full buckets are forgotten."""
    monkeypatch.setattr(admission, "_TABLE_SIZE", 100)
    rates = Rates(6, clock)
    for number in range(300):
        rates.take(str(number))
    assert len(rates._buckets) == 100
    rates.sweep()
    assert len(rates._buckets) == 100
    clock.seconds += 61
    rates.sweep()
    assert not rates._buckets


@pytest.mark.parametrize(("seconds", "whole"), [(0.01, 1), (1.0, 1), (1.1, 2), (59.9, 60)])
def test_whole_seconds(seconds: float, whole: int) -> None:
    """Never too early, never zero."""
    assert whole_seconds(seconds) == whole
