"""A browser's name for people, from the `User-Agent` header (RFC 9110 §10.1.5).

Of the header nothing is kept but words of our own tables: it is hostile, and more than anybody
needs to know of a visitor.
"""

from __future__ import annotations

from functools import lru_cache

_LONGEST = 512
"""Octets of the header that are looked at."""

# Each pretends to be those below it, so the order is what tells them apart.
_BROWSERS = (
    (b"Edg", "Edge"),
    (b"OPR/", "Opera"),
    (b"SamsungBrowser/", "Samsung Internet"),
    (b"Vivaldi/", "Vivaldi"),
    (b"FxiOS/", "Firefox"),
    (b"Firefox/", "Firefox"),
    (b"CriOS/", "Chrome"),
    (b"Chrome/", "Chrome"),
    (b"Safari/", "Safari"),
)
_SYSTEMS = (
    (b"iPhone", "iPhone"),
    (b"iPad", "iPad"),
    (b"Android", "Android"),
    (b"Windows", "Windows"),
    (b"CrOS", "ChromeOS"),
    (b"Mac OS X", "macOS"),
    (b"Linux", "Linux"),
)


def browser_of(user_agent: bytes) -> str:
    """Such as `Firefox on Android`; the empty string if it is none that we know."""
    return _browser_of(user_agent[:_LONGEST])


@lru_cache(maxsize=256)
def _browser_of(user_agent: bytes) -> str:
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    return f"{browser} on {system}" if browser and system else browser


def _first(table: tuple[tuple[bytes, str], ...], user_agent: bytes) -> str:
    return next((name for mark, name in table if mark in user_agent), "")
