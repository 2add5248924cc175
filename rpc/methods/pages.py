"""What is kept of a page's address: little, and nothing that the site did not list."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from switchboard.model import TITLE_CHARS, URL_CHARS, Page
from switchboard.text import clean_line

_UNREAD = re.compile(r"^\(\d+\)\s*")
"""How the widget's own alerts begin a title."""


def clean_page(
    url: str, title: str, referrer: str, visible: bool, parameters: Collection[str]
) -> Page:
    """A page as operators may see it; of the query only `parameters` stay."""
    return Page(
        clean_url(url, parameters),
        clean_line(_UNREAD.sub("", title), TITLE_CHARS),
        clean_url(referrer, ()),
        visible,
    )


def clean_url(url: str, parameters: Collection[str]) -> str:
    """An http(s) address without user, fragment and unlisted parameters; else the empty string.

    At most URL_CHARS characters.
    """
    try:
        parts = urlsplit(url[: 8 * URL_CHARS])
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    query = ""
    if parameters and parts.query:
        query = urlencode([p for p in _pairs(parts.query) if p[0] in parameters])
    host = parts.netloc.rpartition("@")[2]
    return clean_line(urlunsplit((parts.scheme, host, parts.path, query, "")), URL_CHARS)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return []
