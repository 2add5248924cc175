"""Sites' keys, origins, settings and snippets, as the command takes and prints them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parley import sites
from switchboard.clock import SystemClock
from switchboard.errors import Reject
from switchboard.site import (
    FormField,
    LookSettings,
    PresenceSettings,
    Site,
    SiteSettings,
    Trigger,
    UploadSettings,
)
from switchboard.store import SqlStore, open_store
from tests.sqlite import empty_store


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


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """One site, acme."""
    (tmp_path / "parley.db").write_bytes(empty_store())
    store = await open_store(f"sqlite:///{tmp_path}/parley.db", clock=SystemClock())
    await sites.add(store, "acme", ["https://acme.example"], None)
    yield store
    await store.close()


async def test_every_kind_of_setting_is_set(store: SqlStore) -> None:
    """Lists by commas or as JSON; what `show` prints is what `set` takes."""
    await sites.change(
        store,
        "acme",
        [
            "hours.time_zone=Europe/Berlin",
            "hours.monday=09:00-12:00, 13:00-17:30",
            "upload.on=true",
            "upload.max_bytes=5000000",
            "upload.types=image/*,application/pdf .zip",
            "forms.rating=false",
            'forms.pre_chat=[{"name": "email", "label": "Your mail", "kind": "email"}]',
            'forms.offline={"name":"of","label":"?","kind":"select","options":["a","b"]}',
            'triggers=[{"text": "May I help?", "seconds": 30, "url": "*/prices*"}]',
            "origins=https://a.example https://b.example",
        ],
    )
    settings = (await sites.find(store, "acme")).settings
    assert settings.hours.monday == ("09:00-12:00", "13:00-17:30")
    assert settings.upload == UploadSettings(
        True, 5_000_000, ("image/*", "application/pdf", ".zip")
    )
    assert settings.forms.pre_chat == (FormField("email", "Your mail", "email"),)
    assert settings.forms.offline == (FormField("of", "?", "select", options=("a", "b")),)
    assert settings.triggers == (Trigger("May I help?", seconds=30, url="*/prices*"),)
    assert (settings.forms.rating, settings.origins[1]) == (False, "https://b.example")
    shown = await sites.show(store, "acme")
    lines = [line for line in sites.as_paths(shown) if not line.startswith("key=")]
    await sites.change(store, "acme", lines)
    assert (await sites.find(store, "acme")).settings == settings
    await sites.change(store, "acme", ["hours.monday=", "triggers="])
    emptied = (await sites.find(store, "acme")).settings
    assert (bool(emptied.hours), emptied.triggers) == (False, ())


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("hours.monday=9-5", "such as 09:00-17:30"),
        ("forms.pre_chat=email", "forms.pre_chat"),
        ("forms.pre_chat=[{", "this is not JSON"),
        ('forms.pre_chat=[{"name":"a"}]', "`label`"),
        ('forms.pre_chat=[{"name":"a","label":"A","kind":"select"}]', "has options"),
        ('forms.pre_chat=[{"name":"a","label":"A"},{"name":"a","label":"B"}]', "same name"),
        ('triggers=[{"text":"x","after":5}]', "after"),
        ('triggers=[{"text":"x","scroll":101}]', "scroll"),
        ("upload.max_bytes=0", "upload.max_bytes"),
        ("upload.on=perhaps", "upload.on"),
        ("upload=true", "there is no setting upload"),
        ("triggers", "is not path=value"),
    ],
)
async def test_what_is_no_setting_changes_nothing(
    store: SqlStore, assignment: str, words: str
) -> None:
    """One line that names what is wrong; what stood beside it is not set either."""
    before = (await sites.find(store, "acme")).settings
    with pytest.raises(Reject, match=words) as refused:
        await sites.change(store, "acme", ["title=New", assignment])
    assert "\n" not in str(refused.value)
    assert (await sites.find(store, "acme")).settings == before


async def test_an_unknown_time_zone_is_named(store: SqlStore) -> None:
    """As soon as there are hours in it."""
    with pytest.raises(Reject, match="Mars/Olympus"):
        await sites.change(
            store, "acme", ["hours.time_zone=Mars/Olympus", "hours.monday=09:00-17:00"]
        )


async def test_rooms_are_added_set_and_removed(store: SqlStore) -> None:
    """A site has a lobby; a path makes a room or pages' own, an empty value ends it."""
    assert list((await sites.find(store, "acme")).settings.rooms) == ["lobby"]
    await sites.change(
        store, "acme", ["rooms.help.title=Help", "rooms.lobby=", "page_rooms.moderated=true"]
    )
    found = (await sites.find(store, "acme")).settings
    assert [(name, room.title) for name, room in found.rooms.items()] == [("help", "Help")]
    assert found.page_rooms is not None
    assert found.page_rooms.moderated
    await sites.change(store, "acme", ["page_rooms="])
    assert (await sites.find(store, "acme")).settings.page_rooms is None
    for name in ("desk", "page", "A", "x" * 41):
        with pytest.raises(Reject):
            await sites.change(store, "acme", [f"rooms.{name}.title=x"])
