"""Origins, and addresses that are a site's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.origins import normal_origin, own_address


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.test", "https://shop.test"),
        ("HTTPS://Shop.TEST/", "https://shop.test"),
        ("https://shop.test:443", "https://shop.test"),
        ("http://shop.test:80", "http://shop.test"),
        ("http://shop.test:443", "http://shop.test:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("null", None),
        ("", None),
        ("shop.test", None),
        ("ftp://shop.test", None),
        ("https://", None),
        ("https://shop.test/page", None),
        ("https://user@shop.test", None),
        ("https://shop.test:99999", None),
        ("https://shop.test:x", None),
        ("https://[::1", None),
    ],
)
def test_normal_origin(text: str, origin: str | None) -> None:
    """An origin in the form that browsers send, or nothing."""
    assert normal_origin(text) == origin


@given(st.text())
def test_normal_origin_of_anything(text: str) -> None:
    """Whatever it is given, it does not raise, and what it gives is stable."""
    origin = normal_origin(text)
    assert origin is None or normal_origin(origin) == origin


ORIGINS = ("https://shop.test", "https://www.shop.test:8443")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://shop.test/prices?a=b#c", "https://shop.test/prices?a=b#c"),
        ("HTTPS://SHOP.test/", "https://SHOP.test/"),
        ("/prices", "https://shop.test/prices"),
        ("prices", "https://shop.test/a/prices"),
        ("https://www.shop.test:8443/x", "https://www.shop.test:8443/x"),
        ("https://www.shop.test/x", None),
        ("https://evil.test/", None),
        ("//evil.test/", None),
        ("/\\evil.test/", None),
        ("https:\\\\evil.test", None),
        ("https://shop.test@evil.test/", None),
        ("https://user@shop.test/", None),
        ("https://shop.test.evil.test/", None),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("http://shop.test/", None),
        ("https://[::1", None),
    ],
)
def test_own_address(text: str, address: str | None) -> None:
    """Only what browsers take to one of the site's origins is an address of its own."""
    assert own_address(text, "https://shop.test/a/b", ORIGINS) == address
