"""A browser's name for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.browsers import browser_of

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
            "Firefox on Android",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
            "Firefox on Windows",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/130.0.0.0 Safari/537.36 "
            "Edg/130.0.0.0",
            "Edge on Windows",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} Chrome/130.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} SamsungBrowser/26.0 Chrome/122.0.0.0 "
            "Mobile Safari/537.36",
            "Samsung Internet on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
            "Gecko) Version/17.6 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT} HeadlessChrome/130.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        ("curl/8.5.0", ""),
        ("", ""),
    ],
)
def test_names(user_agent: str, name: str) -> None:
    """Browsers that pretend to be others are told apart; what is no browser has no name."""
    assert browser_of(user_agent.encode()) == name


@given(st.binary(max_size=2000))
def test_nothing_of_the_header_gets_through(user_agent: bytes) -> None:
    """The answer is short and of our own words, whatever is sent."""
    name = browser_of(b"Firefox/ " + user_agent + b" Android")
    assert name.isascii()
    assert len(name) <= 32
