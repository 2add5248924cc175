"""What every cache of visits keeps to."""

from __future__ import annotations

import msgspec
import pytest

from switchboard.model import Details, Page, Visit
from switchboard.ports import Sessions
from switchboard.sessions.memory import MemorySessions

pytestmark = pytest.mark.asyncio

VISIT = Visit(
    visitor="v-ann",
    site="acme",
    domain="chat.example",
    page=Page("https://acme.example/\u00e4", "Title \U0001f600", "https://r.example/", False),
    details=Details("Ann", "ann@example.org", "1", {"Firma": "Zoë & Söhne"}),
    locale="de-AT",
    spoken=True,
    since=1_800_000_000_000,
    generation=2,
    revision=1_800_000_000_001,
    rooms_revision=1_800_000_000_002,
)


async def test_a_visit_comes_back_as_it_was_put(sessions: Sessions) -> None:
    """Every part of a visit survives, and the last put counts."""
    sessions.put(msgspec.structs.replace(VISIT, locale="en"))
    sessions.put(VISIT)
    assert await sessions.get("v-ann") == VISIT


async def test_an_unknown_visit_is_none(sessions: Sessions) -> None:
    """What was never put, or was put for somebody else, is not there."""
    sessions.put(VISIT)
    assert await sessions.get("v-eve") is None


async def test_the_longest_unused_is_lost_first() -> None:
    """A full cache in memory keeps what was put or asked for last; memcached has its own ways."""
    sessions = MemorySessions(3)
    for name in ("v-1", "v-2", "v-3"):
        sessions.put(msgspec.structs.replace(VISIT, visitor=name))
    await sessions.get("v-1")
    sessions.put(msgspec.structs.replace(VISIT, visitor="v-2", locale="en"))
    sessions.put(msgspec.structs.replace(VISIT, visitor="v-4"))
    there = [name for name in ("v-1", "v-2", "v-3", "v-4") if await sessions.get(name)]
    assert there == ["v-1", "v-2", "v-4"]
