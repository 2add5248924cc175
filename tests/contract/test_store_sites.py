"""What every store keeps to: sites, operators, contact lists."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from switchboard.conversation import Ended
from switchboard.errors import NotFound
from switchboard.model import Operator, Shown
from switchboard.site import PresenceSettings, Site, SiteSettings
from switchboard.store import SqlStore
from switchboard.store.shown import DROPPED_AT_ONCE, KEPT_AT_ONCE
from tests.e2e.support.wait import eventually

from .drafts import NOW, from_visitor
from .statements import statements

if TYPE_CHECKING:
    from .conftest import Opener

pytestmark = pytest.mark.asyncio

ACME = Site("acme", SiteSettings("Acme \U0001f600", ("https://acme.example",), "secret"))
BETA = Site(
    "beta",
    SiteSettings("Beta", (), "s", PresenceSettings(show="spoke", page_parameters=("q", "p"))),
)
BOB = Operator("o-bob", "acme", "bob@example.org", "Bob")


async def test_sites_are_kept(store: SqlStore) -> None:
    """Sites come back whole, by key; saving one again replaces its settings."""
    await store.save_site(BETA)
    await store.save_site(ACME)
    assert await store.sites() == [ACME, BETA]
    changed = Site("acme", msgspec.structs.replace(ACME.settings, title="New"))
    await store.save_site(changed)
    assert await store.sites() == [changed, BETA]


async def test_a_removed_site_takes_its_operators_along(store: SqlStore) -> None:
    """A site goes with its operators and no others; one that is not there is not found."""
    other = Operator("o-eve", "beta", "eve@example.org", "Eve")
    for site in (ACME, BETA):
        await store.save_site(site)
    for operator in (BOB, other):
        await store.save_operator(operator)
    await store.remove_site("acme")
    assert await store.sites() == [BETA]
    assert await store.operators() == [other]
    with pytest.raises(NotFound):
        await store.remove_site("acme")


async def test_an_operator_keeps_the_id(store: SqlStore) -> None:
    """Saving an operator of a known address renames and keeps the id."""
    await store.save_site(ACME)
    assert await store.save_operator(BOB) == BOB
    renamed = Operator("o-other", "acme", "bob@example.org", "Robert")
    kept = Operator("o-bob", "acme", "bob@example.org", "Robert")
    assert await store.save_operator(renamed) == kept
    assert await store.operators() == [kept]


async def test_operators_are_sorted_and_removed(store: SqlStore) -> None:
    """Operators come by site and address; removing one that is not there is not found."""
    await store.save_site(ACME)
    ann = Operator("o-z", "acme", "ann@example.org", "Ann")
    await store.save_operator(BOB)
    await store.save_operator(ann)
    assert await store.operators() == [ann, BOB]
    await store.remove_operator("acme", "bob@example.org")
    assert await store.operators() == [ann]
    with pytest.raises(NotFound):
        await store.remove_operator("acme", "bob@example.org")


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.save_site(BETA),
        lambda store: store.save_site(Site("acme", BETA.settings)),
        lambda store: store.remove_site("acme"),
        lambda store: store.save_operator(Operator("o-1", "acme", "new@example.org", "New")),
        lambda store: store.save_operator(Operator("o-bob", "acme", "bob@example.org", "B")),
        lambda store: store.remove_operator("acme", "bob@example.org"),
    ],
    ids=["add site", "change site", "remove site", "add", "rename", "remove"],
)
async def test_a_change_changes_the_version(
    store: SqlStore, change: Callable[[SqlStore], Awaitable[object]]
) -> None:
    """Each change of a site or an operator gives a version that was not there before."""
    versions = [await store.version()]
    await store.save_site(ACME)
    versions.append(await store.version())
    await store.save_operator(BOB)
    versions.append(await store.version())
    await change(store)
    versions.append(await store.version())
    assert len(set(versions)) == 4
    assert await store.version() == versions[-1]


async def test_a_failed_change_changes_no_version(store: SqlStore) -> None:
    """What is not found leaves the version as it was."""
    version = await store.version()
    with pytest.raises(NotFound):
        await store.remove_site("acme")
    assert await store.version() == version


async def test_shown_is_kept_per_domain(store: SqlStore) -> None:
    """What contact lists were told is added, replaced, dropped, and listed by domain."""
    one = Shown("chat.example", "bob@example.org", "v-1", "Ann \U0001f600", "Acme")
    two = Shown("chat.example", "bob@example.org", "v-2", "Visitor 2", "Acme")
    far = Shown("chat2.example", "bob@example.org", "v-1", "Ann", "Acme")
    await store.change_shown([two, one, far], [])
    assert await store.shown("chat.example") == [one, two]
    renamed = msgspec.structs.replace(one, name="Anna", group="Beta")
    await store.change_shown([renamed], [two])
    assert await store.shown("chat.example") == [renamed]
    assert await store.shown("chat2.example") == [far]
    await store.change_shown([], [renamed, two])
    assert await store.shown("chat.example") == []


async def test_shown_costs_few_statements(store: SqlStore) -> None:
    """What many lists are told at once is one statement; what they drop is gathered for longer."""
    entries = [
        Shown("chat.example", f"o{number}@example.org", f"v-{visitor}", "Ann", "Acme")
        for number in range(5)
        for visitor in range(20)
    ]
    gone = entries[:50]
    with statements(store) as ran:
        await asyncio.gather(*(store.change_shown([entry], []) for entry in entries))
        for entry in gone:
            await store.change_shown([], [entry])
        await store.change_shown(gone[:1], [])
    assert sum("shown" in sql for sql in ran) == 2
    with statements(store) as ran:
        found = await store.shown("chat.example")
    assert sum("DELETE FROM shown" in sql for sql in ran) == 1
    assert sorted(found, key=str) == sorted(entries[50:] + gone[:1], key=str)


async def test_more_than_one_statement_takes(store: SqlStore) -> None:
    """A statement has its most rows; what is more goes into the next."""
    entries = [
        Shown("chat.example", "o@example.org", f"v-{visitor:04}", "Ann", "Acme")
        for visitor in range(KEPT_AT_ONCE + 1)
    ]
    with statements(store) as ran:
        await store.change_shown(entries, [])
    assert sum("shown" in sql for sql in ran) == 2
    assert await store.shown("chat.example") == entries
    await store.change_shown([], entries[: DROPPED_AT_ONCE + 1])
    with statements(store) as ran:
        assert await store.shown("chat.example") == entries[DROPPED_AT_ONCE + 1 :]
    assert sum("DELETE FROM shown" in sql for sql in ran) == 2


async def test_who_talks_is_noted_with_what_comes(opener: Opener) -> None:
    """A talking visitor's notes wait, all of them, and are stored together."""
    store, other = await opener(flush=1000), await opener()
    ann, bob = (Shown("chat.example", f"{o}@example.org", "v-1", "Zoë", "Acme") for o in ("a", "b"))
    later = Shown("chat.example", "a@example.org", "v-2", "Max", "Acme")
    await store.change_shown([ann], [], {"v-1"})
    await store.change_shown([bob], [])
    assert await other.shown("chat.example") == []
    await store.change_shown([later], [])
    assert await other.shown("chat.example") == [ann, later, bob]


async def test_who_talks_is_noted_in_time(opener: Opener) -> None:
    """What nothing takes along is stored within its time."""
    store, other = await opener(flush=0.01), await opener()
    one = Shown("chat.example", "a@example.org", "v-1", "Zoë", "Acme")
    await store.change_shown([one], [], {"v-1"})

    async def noted() -> bool:
        return await other.shown("chat.example") == [one]

    await eventually(noted)


async def test_who_talks_is_noted_when_the_talk_ends(opener: Opener) -> None:
    """Then nothing else would tell of the entry."""
    store, other = await opener(flush=1000), await opener()
    one = Shown("chat.example", "a@example.org", "v-ann", "Zoë", "Acme")
    await store.append(from_visitor("a"))
    await store.change_shown([one], [], {"v-ann"})
    await store.change_talk("v-ann", Ended(), NOW)
    assert await other.shown("chat.example") == [one]


async def test_who_talks_and_is_being_dropped_is_noted_at_once(opener: Opener) -> None:
    """An old note that still stands would hide that others have none."""
    store, other = await opener(flush=1000), await opener()
    old = Shown("chat.example", "a@example.org", "v-1", "Zoë", "Acme")
    new = Shown("chat.example", "b@example.org", "v-1", "Zoë", "Acme")
    await store.change_shown([old], [])
    await store.change_shown([], [old])
    await store.change_shown([new], [], {"v-1"})
    assert new in await other.shown("chat.example")


async def test_a_note_that_waits_is_dropped(opener: Opener) -> None:
    """What was added and dropped again is stored nowhere."""
    store = await opener(flush=1000)
    one = Shown("chat.example", "a@example.org", "v-1", "Zoë", "Acme")
    await store.change_shown([one], [], {"v-1"})
    await store.change_shown([], [one])
    assert await store.shown("chat.example") == []


async def test_what_was_dropped_is_noted_when_a_store_is_closed(opener: Opener) -> None:
    """A note that waited for others is stored."""
    store, other = await opener(), await opener()
    one = Shown("chat.example", "bob@example.org", "v-1", "Ann", "Acme")
    await store.change_shown([one], [])
    await store.change_shown([], [one])
    await store.close()
    assert await other.shown("chat.example") == []
