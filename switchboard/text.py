"""What people and programs may send as text, made safe for every floor above.

Text of a visitor is hostile: it ends up in XML 1.0, HTML, SQL and terminals. What XML 1.0
forbids (§2.2) would close the whole component's stream, so it is removed once, here, before
anything is stored. Escaping is each edge's own matter.
"""

from __future__ import annotations

import re

from .errors import Reject

_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_OVERRIDES = re.compile("[\u202d\u202e]")
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s+")


def clean_body(body: str, limit: int) -> str:
    """A message's text without what XML 1.0 forbids and without direction overrides.

    `limit` is in characters (0: none). Raises Reject `too_long`, or `invalid` if nothing is left.
    """
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    body = _OVERRIDES.sub("", _FORBIDDEN.sub("", body))
    if limit and len(body) > limit:
        raise Reject("too_long", f"A message has at most {limit} characters.")
    if not body.strip():
        raise Reject("invalid", "A message needs some text.")
    return body


def clean_line(text: str, limit: int) -> str:
    """One line (a name, a title) of at most `limit` characters, cut and not refused.

    Direction marks go too: a name must not turn round what stands beside it.
    """
    text = _DIRECTION.sub("", _FORBIDDEN.sub("", text))
    return _SPACE.sub(" ", text).strip()[:limit].rstrip()
