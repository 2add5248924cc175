"""What visitors told of themselves, and what operators' contact lists were told of visitors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Connection, select, update

from ..model import Details, Shown
from .bulk import chunks
from .flavour import Flavour
from .schema import conversations, shown, visitors

_decode = msgspec.json.Decoder(Details).decode
_encode = msgspec.json.Encoder().encode


def details(connection: Connection, visitor: str) -> Details | None:
    """What a visitor told of themselves, if they did."""
    statement = select(visitors.c.details).where(visitors.c.id == visitor)
    found = connection.execute(statement).scalar_one_or_none()
    return None if found is None else _decode(found)


def details_of(ids: Sequence[str]) -> Callable[[Connection], dict[str, Details]]:
    """What they told, of those who told any."""
    of = visitors.c
    parts = [select(of.id, of.details).where(of.id.in_(part)) for part in chunks(ids)]
    return lambda connection: {
        id: _decode(found) for part in parts for id, found in connection.execute(part)
    }


def all_shown(connection: Connection, domain: str) -> list[Shown]:
    """What the operators' contact lists were told, by operator and visitor."""
    of = shown.c
    statement = (
        select(of.domain, of.operator, of.visitor, of.name, of.group)
        .where(of.domain == domain)
        .order_by(of.operator, of.visitor)
    )
    return [Shown(*row) for row in connection.execute(statement)]


class VisitorWrites:
    """The writes, within a transaction."""

    def __init__(self, flavour: Flavour) -> None:
        self._save_details = flavour.upsert(visitors, ("details", "updated_at"))

    def save_details(
        self, connection: Connection, visitor: str, site: str, details: Details, at: int
    ) -> None:
        """Replaces what is known, and names the visitor's conversation."""
        values = {
            "id": visitor,
            "site": site,
            "details": _encode(details).decode(),
            "updated_at": at,
        }
        connection.execute(self._save_details.values(values))
        if details.name:
            connection.execute(
                update(conversations).where(conversations.c.id == visitor).values(name=details.name)
            )
