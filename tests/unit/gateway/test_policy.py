"""Which visitors an operator sees, and as what."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.buddies.policy import GONE, appearance, present
from switchboard.model import Page, PresenceSettings, Visit


def visit(name: str, since: int = 0, page: Page | None = None) -> Visit:
    return Visit(name, "shop", "chat.example.org", page or Page(), since=since)


def test_the_page_is_the_status() -> None:
    """Title and address together, away when the page is hidden."""
    page = Page(url="https://shop/x", title="Prices", visible=True)
    shown = appearance(visit("v-1", page=page))
    assert (shown.here, shown.show, shown.status) == (True, "", "Prices · https://shop/x")
    hidden = appearance(visit("v-1", page=Page(title="Prices", visible=False)))
    assert (hidden.here, hidden.show, hidden.status) == (True, "away", "Prices")


def test_who_is_not_here_is_gone() -> None:
    """No visit, no presence."""
    assert appearance(None) == GONE


@given(st.integers(0, 30), st.integers(0, 12), st.sets(st.integers(0, 29)))
def test_the_cap_holds_and_talkers_come_first(count: int, cap: int, talkers: set[int]) -> None:
    """At most `max_buddies`; nobody who talks is left out for somebody who does not."""
    visits = [visit(f"v-{number}", since=number) for number in range(count)]
    talking = {f"v-{number}" for number in talkers}
    chosen = present(visits, talking, PresenceSettings(max_buddies=cap))
    assert len(chosen) == min(cap, count)
    left_out = {v.visitor for v in visits} - chosen
    if chosen - talking:
        assert not left_out & talking


def test_only_those_who_spoke_where_the_site_wants_it() -> None:
    """`spoke` shows nobody without a talk."""
    visits = [visit("v-1"), visit("v-2")]
    assert present(visits, {"v-2"}, PresenceSettings(show="spoke")) == {"v-2"}
