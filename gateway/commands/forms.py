"""Commands' fields as data forms, and back (XEP-0004)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree as ET

from .. import namespaces as ns
from ..xml import Xml, element, text
from .command import Field, Kind

MOST_FIELDS = 20
VALUE_CHARS = 4000


def form(title: str, fields: Iterable[tuple[Field, Mapping[str, str] | None, str]]) -> Xml:
    """A form to fill in (§3.1): each field with what there is to choose from, and its value now."""
    body = [_field(field, options, value) for field, options, value in fields]
    return element("x", {"xmlns": ns.FORMS, "type": "form"}, text("title", title), *body)


def result(title: str, lines: Iterable[str]) -> Xml:
    """An answer of several lines."""
    values = [text("value", line) for line in lines]
    field = element("field", {"type": "text-multi", "var": "answer"}, *values)
    return element("x", {"xmlns": ns.FORMS, "type": "result"}, text("title", title), field)


def submitted(command: ET.Element) -> dict[str, str]:
    """What was filled in, by field; the lines of several values are one text."""
    found = command.find(f"{{{ns.FORMS}}}x")
    if found is None or found.get("type") != "submit":
        return {}
    values: dict[str, str] = {}
    for field in list(found.iter(f"{{{ns.FORMS}}}field"))[:MOST_FIELDS]:
        lines = [value.text or "" for value in field.iter(f"{{{ns.FORMS}}}value")]
        values[field.get("var") or ""] = "\n".join(lines)[:VALUE_CHARS].strip()
    return values


def _field(field: Field, options: Mapping[str, str] | None, value: str) -> Xml:
    kind = "list-single" if options is not None else "text-single"
    if options is None and field.kind is Kind.TEXT and field.multiline:
        kind = "text-multi"
    children = [element("required", {})] if field.required else []
    if value or options:
        children.append(text("value", value or next(iter(options or {}), "")))
    for key, label in (options or {}).items():
        children.append(element("option", {"label": label}, text("value", key)))
    return element("field", {"var": field.name, "type": kind, "label": field.label}, *children)
