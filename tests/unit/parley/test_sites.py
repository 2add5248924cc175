"""Sites' keys, origins, settings and snippets, as the command takes and prints them."""

from __future__ import annotations

import pytest

from parley import sites
from switchboard.errors import Reject
from switchboard.model import LookSettings, PresenceSettings, Site, SiteSettings


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://example.com", "https://example.com"),
        ("https://Example.COM:443/", "https://example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_origins_become_what_browsers_send(text: str, origin: str) -> None:
    """Lower case, no default port, no path, IDNA."""
    assert sites.origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://a/b",
        "https://u@a",
        "https://a:x",
        "*",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(Reject, match="is not an origin such as"):
        sites.origin(text)


@pytest.mark.parametrize("text", ["anna", "anna@", "@example.org", "anna@example.org/x", "a b@c"])
def test_what_is_no_user_is_refused(text: str) -> None:
    """An operator is a bare JID with a local part."""
    with pytest.raises(Reject, match="is not a user's JID"):
        sites.bare_jid(text)


def test_jids_are_prepared() -> None:
    """Servers stamp stanzas in lower case."""
    assert sites.bare_jid("Anna@Example.ORG") == "anna@example.org"


def test_the_snippet_carries_what_the_loader_must_know_before_hello() -> None:
    """Position, and that nothing is to be said before the widget is opened."""
    settings = SiteSettings("A", ("https://a",), "s")
    plain = sites.snippet(Site("acme", settings), "https://chat.example.com/")
    assert plain == (
        '<script async src="https://chat.example.com/widget.js" data-site="acme"></script>'
    )
    quiet = SiteSettings(
        "A",
        ("https://a",),
        "s",
        presence=PresenceSettings(on_load=False),
        look=LookSettings(position="left"),
    )
    assert 'data-position="left" data-presence="open"' in sites.snippet(Site("acme", quiet), "x")
