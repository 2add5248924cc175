"""The one serialiser: every stanza that leaves is made here.

It escapes what XML gives a meaning and removes what XML 1.0 §2.2 forbids, because one such
character makes the server close the whole component's stream.
"""

from __future__ import annotations

import re
from typing import NewType

Xml = NewType("Xml", str)
"""Serialised and safe to put inside another element."""

_SPECIAL = re.compile("[&<>\"'\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


def escape(text: str) -> Xml:
    """Character data or an attribute's value; what XML forbids is left out."""
    if _SPECIAL.search(text) is None:
        return Xml(text)
    return Xml(_SPECIAL.sub(lambda found: _ENTITIES.get(found[0], ""), text))


def element(name: str, attributes: dict[str, str | None], *children: Xml) -> Xml:
    """`<name …>children</name>`; an attribute that is None is left out."""
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f' {key}="{escape(value)}"')
    if children:
        parts.append(">")
        parts.extend(children)
        parts.append(f"</{name}>")
    else:
        parts.append("/>")
    return Xml("".join(parts))


def text(name: str, content: str) -> Xml:
    """`<name>content</name>`."""
    return Xml(f"<{name}>{escape(content)}</{name}>")
