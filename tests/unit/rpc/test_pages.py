"""What is kept of a page's address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc.methods.pages import clean_page, clean_url
from switchboard.model import URL_CHARS


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.test/a/b", "https://shop.test/a/b"),
        ("https://shop.test/a?product=7&q=secret#frag", "https://shop.test/a?product=7"),
        ("https://shop.test/a?q=secret", "https://shop.test/a"),
        ("https://shop.test/a?product=a%26b+c", "https://shop.test/a?product=a%26b+c"),
        ("https://shop.test/?product=", "https://shop.test/?product="),
        ("https://user:pw@shop.test:8443/", "https://shop.test:8443/"),
        ("HTTP://shop.test", "http://shop.test"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://[::1", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("//shop.test/", ""),
        ("https:///x", ""),
        ("", ""),
        ("https://shop.test/a\u202eb\u0000c", "https://shop.test/abc"),
    ],
)
def test_clean_url(url: str, kept: str) -> None:
    """An http(s) address without user, fragment and unlisted parameters."""
    assert clean_url(url, ("product",)) == kept


@pytest.mark.parametrize(
    ("title", "kept"),
    [("(3) Bicycles", "Bicycles"), ("Bicycles (3)", "Bicycles (3)"), ("(new) Bicycles",) * 2],
)
def test_the_number_of_unread_answers_is_no_title(title: str, kept: str) -> None:
    """The widget puts it there; operators do not want it in their contact list."""
    assert clean_page("https://shop.test/", title, "", True, ()).title == kept


@given(st.text(), st.text())
def test_clean_page_of_anything(url: str, title: str) -> None:
    """It does not raise, and stays within its bounds."""
    page = clean_page("https://" + url, title, url, True, ("a",))
    assert len(page.url) <= URL_CHARS
    assert "#" not in page.url
    assert len(page.title) <= 200
    page.url.encode()
    page.title.encode()


def test_long_addresses_are_cut() -> None:
    """A megabyte of address is no more than any other."""
    assert len(clean_url("https://shop.test/" + "x" * 1_000_000, ())) == URL_CHARS
    assert len(clean_url("https://shop.test/?" + "a=1&" * 100_000, ("a",))) <= URL_CHARS
