"""Which visitors an operator sees, and as what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.buddies.policy import GONE, IDLE_AFTER_MS, appearance, count_present, present
from switchboard.model import Page, Visit
from switchboard.site import PresenceSettings

NOW = 1_800_000_000_000


def visit(name: str, since: int = 0, page: Page | None = None) -> Visit:
    return Visit(name, "shop", "chat.example.org", page or Page(), since=since)


def active(seconds_ago: float, visible: bool = True) -> Visit:
    page = Page(visible=visible)
    return replace(visit("v-1", page=page), active_at=NOW - round(seconds_ago * 1000))


def test_the_page_is_the_status() -> None:
    """Title and address together, away when the page is hidden."""
    page = Page(url="https://shop/x", title="Prices", visible=True)
    shown = appearance(visit("v-1", page=page), NOW)
    assert (shown.here, shown.show, shown.status) == (True, "", "Prices · https://shop/x")
    hidden = appearance(visit("v-1", page=Page(title="Prices", visible=False)), NOW)
    assert (hidden.here, hidden.show, hidden.status) == (True, "away", "Prices")


def test_who_is_not_here_is_gone() -> None:
    """No visit, no presence."""
    assert appearance(None, NOW) == GONE


@pytest.mark.parametrize(
    ("seconds", "visible", "show"),
    [
        (0, True, ""),
        (299.9, True, ""),
        (300, True, "xa"),
        (299.9, False, "away"),
        (300, False, "xa"),
    ],
)
def test_who_does_nothing_is_extended_away(seconds: float, visible: bool, show: str) -> None:
    """After five minutes, whatever the tab; since when is said of whoever is away."""
    shown = appearance(active(seconds, visible), NOW)
    assert shown.show == show
    assert shown.idle_since == (NOW - round(seconds * 1000) if show else None)


def test_of_unknown_activity_nothing_is_said() -> None:
    """A visit that tells no activity is neither idle nor idle since 1970."""
    assert appearance(visit("v-1"), NOW).show == ""
    hidden = appearance(visit("v-1", page=Page(visible=False)), NOW)
    assert (hidden.show, hidden.idle_since) == ("away", None)


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.booleans())
def test_nothing_flaps_as_time_passes(active_at: int, later: int, visible: bool) -> None:
    """Who is idle stays so, since the same moment, until something happens."""
    of = replace(visit("v-1", page=Page(visible=visible)), active_at=active_at + 1)
    before = appearance(of, active_at + IDLE_AFTER_MS + 1)
    assert before.show == "xa"
    assert appearance(of, active_at + IDLE_AFTER_MS + 1 + later) == before


@given(st.integers(0, 30), st.integers(0, 12), st.sets(st.integers(0, 29)))
def test_the_cap_holds_and_talkers_come_first(count: int, cap: int, talkers: set[int]) -> None:
    """At most `max_buddies`; nobody who talks is left out for somebody who does not."""
    visits = [visit(f"v-{number}", since=number) for number in range(count)]
    talking = {f"v-{number}" for number in talkers}
    chosen = present(visits, talking, PresenceSettings(max_buddies=cap))
    assert len(chosen) == min(cap, count)
    assert count_present(visits, talking, PresenceSettings(max_buddies=cap)) == len(chosen)
    left_out = {v.visitor for v in visits} - chosen
    if chosen - talking:
        assert not left_out & talking


def test_only_those_who_spoke_where_the_site_wants_it() -> None:
    """`spoke` shows nobody without a talk."""
    visits = [visit("v-1"), visit("v-2")]
    assert present(visits, {"v-2"}, PresenceSettings(show="spoke")) == {"v-2"}


def test_only_those_who_opened_the_widget_where_the_site_wants_it() -> None:
    """`opened` shows them, those who talk, and nobody else."""
    visits = [visit("v-1"), visit("v-2"), replace(visit("v-3"), opened=True)]
    settings = PresenceSettings(show="opened")
    assert present(visits, {"v-2"}, settings) == {"v-2", "v-3"}
    assert count_present(visits, {"v-2"}, settings) == 2
    assert present(visits, set(), PresenceSettings(show="spoke")) == set()
