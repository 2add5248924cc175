"""What every store keeps to: ratings."""

from __future__ import annotations

import pytest

from switchboard.conversation import Ended
from switchboard.errors import NotFound
from switchboard.model import Rating
from switchboard.store import SqlStore
from tests.contract.drafts import NOW, from_operator, from_visitor

pytestmark = pytest.mark.asyncio


async def test_a_rating_is_kept_once_a_talk(store: SqlStore) -> None:
    """The last word on a talk counts; each talk has its own, with who had it."""
    await store.append(from_visitor("m1"))
    await store.append(from_operator("n1"))
    await store.change_talk("v-ann", Ended(), NOW)
    await store.save_rating("v-ann", 2, "Slow", NOW + 1)
    first = await store.save_rating("v-ann", 5, "Good \U0001f600", NOW + 2)
    assert first == Rating("v-ann", 2, "acme", "o-bob", 5, "Good \U0001f600", NOW + 2)
    await store.append(from_visitor("m2"))
    await store.append(from_operator("n2", operator="o-eve"))
    second = await store.save_rating("v-ann", 3, "", NOW + 3)
    assert (second.operator, second.talk) == ("o-eve", 3)
    assert await store.ratings("v-ann") == [first, second]
    assert await store.ratings("v-eve") == []


async def test_what_was_never_said_cannot_be_rated(store: SqlStore) -> None:
    """A visitor without a conversation has had no talk."""
    with pytest.raises(NotFound):
        await store.save_rating("v-ann", 5, "", NOW)
