"""What `parley site` and `parley operator` do to the store."""

from __future__ import annotations

import html
import json
import re
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from slixmpp.jid import JID, InvalidJID

from switchboard.errors import NotFound, Reject
from switchboard.model import NAME_CHARS, Operator, new_operator_id
from switchboard.origins import normal_origin
from switchboard.ports import Store
from switchboard.rooms import RoomSettings, is_room_name
from switchboard.site import SITE_KEY, Site, SiteSettings
from switchboard.text import clean_line

LOBBY = "lobby"
"""The room that a site has where no other is asked for."""
_SECRETS = frozenset({"identify_secret", "salt"})


async def find(store: Store, key: str) -> Site:
    """The site of that key. Raises NotFound."""
    for site in await store.sites():
        if site.key == key:
            return site
    raise NotFound("unknown_site", f"there is no site {key}: `parley site list` lists them")


async def add(
    store: Store, key: str, origins: Sequence[str], title: str | None, rooms: Sequence[str] = ()
) -> None:
    """Adds a site with fresh secrets, and with rooms of these names. Raises Reject."""
    if re.match(SITE_KEY, key) is None:
        raise Reject(
            "invalid",
            f"{key!r} cannot be a site's key: it has 1 to 40 of a-z, 0-9 and -, begins with "
            "a letter or digit, and not with v-",
        )
    if any(site.key == key for site in await store.sites()):
        raise Reject("invalid", f"there is a site {key} already: `parley site set` changes it")
    settings = SiteSettings(
        title=clean_line(title or key, NAME_CHARS) or key,
        origins=tuple(dict.fromkeys(origin(text) for text in origins)),
        identify_secret=secrets.token_urlsafe(32),
        rooms={_room_name(name): RoomSettings() for name in rooms or (LOBBY,)},
    )
    await store.save_site(Site(key, settings))


async def listing(store: Store) -> list[dict[str, Any]]:
    """A row a site."""
    return [
        {
            "key": site.key,
            "title": site.settings.title,
            "origins": " ".join(site.settings.origins),
        }
        for site in await store.sites()
    ]


async def show(store: Store, key: str) -> dict[str, Any]:
    """All settings of a site, and its key."""
    site = await find(store, key)
    shown: dict[str, Any] = msgspec.to_builtins(site.settings)
    return {"key": key, **shown}


def as_paths(shown: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """`path=value` lines; secrets are left out."""
    for name, value in shown.items():
        path = prefix + name
        if isinstance(value, dict):
            yield from as_paths(value, path + ".")
        elif name not in _SECRETS:
            yield f"{path}={json.dumps(value, ensure_ascii=False)}"


async def change(store: Store, key: str, assignments: Sequence[str]) -> None:
    """Applies `path=value` to a site's settings, all or none.

    `canned.NAME=` removes that reply, `rooms.NAME=` that room, whose log stays; a room that is
    named in a path first is added, and so are pages' own by `page_rooms.title=`.

    A list is written with commas or spaces between, or as JSON, which forms and triggers want.

    Raises Reject or NotFound.
    """
    site = await find(store, key)
    settings = msgspec.to_builtins(site.settings)
    for assignment in assignments:
        path, separator, text = assignment.partition("=")
        if not separator:
            raise Reject("invalid", f"{assignment!r} is not path=value")
        _assign(settings, path.strip(), text)
    settings["origins"] = [origin(text) for text in settings["origins"]]
    try:
        changed = msgspec.convert(settings, SiteSettings, strict=False)
    except msgspec.ValidationError as problem:
        raise Reject("invalid", f"{key} stays as it is: {problem}") from None
    if changed.hours and changed.hours.zone is None:
        zone = changed.hours.time_zone
        raise Reject("invalid", f"{key} stays as it is: the system knows no time zone {zone!r}")
    await store.save_site(Site(key, changed))


async def add_operator(store: Store, site: str, jid: str, name: str | None) -> Operator:
    """Lets a Jabber user answer a site's visitors. Raises Reject or NotFound."""
    await find(store, site)
    address = bare_jid(jid)
    called = clean_line(name or address.partition("@")[0], NAME_CHARS)
    return await store.save_operator(Operator(new_operator_id(), site, address, called))


async def operators(store: Store, site: str) -> list[dict[str, Any]]:
    """A row an operator of the site."""
    await find(store, site)
    return [
        {"jid": operator.address, "name": operator.name}
        for operator in await store.operators()
        if operator.site == site
    ]


async def hosts(store: Store) -> tuple[str, ...]:
    """The hosts of all operators' JIDs."""
    found = {operator.address.partition("@")[2] for operator in await store.operators()}
    return tuple(sorted(found))


def bare_jid(text: str) -> str:
    """A user's bare JID, prepared as RFC 7622 says. Raises Reject."""
    try:
        jid = JID(text)
    except InvalidJID:
        jid = JID("")
    if not jid.local or not jid.domain or jid.resource:
        raise Reject("invalid", f"{text!r} is not a user's JID such as anna@example.org")
    return str(jid.bare)


def origin(text: str) -> str:
    """A web origin as browsers send it. Raises Reject."""
    found = normal_origin(text)
    if found is None:
        raise Reject("invalid", f"{text!r} is not an origin such as https://example.com")
    return found


def snippet(site: Site, public_url: str) -> str:
    """The script tag for the site's pages."""
    source = html.escape(public_url.rstrip("/") + "/widget.js")
    attributes = f' data-site="{site.key}"'
    if site.settings.look.position != "right":
        attributes += f' data-position="{site.settings.look.position}"'
    if not site.settings.presence.on_load:
        attributes += ' data-presence="open"'
    return f'<script async src="{source}"{attributes}></script>'


def _room_name(name: str) -> str:
    if not is_room_name(name):
        raise Reject(
            "invalid",
            f"{name!r} cannot be a room's name: it has 1 to 40 of a-z, 0-9 and -, and is not "
            "desk or page",
        )
    return name


def _assign(settings: dict[str, Any], path: str, text: str) -> None:
    *folders, name = path.split(".")
    if not text and (folders, name) == ([], "page_rooms"):
        settings[name] = None
        return
    if folders == ["page_rooms"] and settings["page_rooms"] is None:
        settings["page_rooms"] = msgspec.to_builtins(RoomSettings())
    elif len(folders) == 2 and folders[0] == "rooms" and folders[1] not in settings["rooms"]:
        settings["rooms"][_room_name(folders[1])] = msgspec.to_builtins(RoomSettings())
    into: Any = settings
    for folder in folders:
        into = into.get(folder) if isinstance(into, dict) else None
    if folders == ["rooms"] and not text:
        into.pop(name, None)
        return
    if folders == ["canned"] and name:
        if text:
            into[name] = _json_or(text, str, text)
        else:
            into.pop(name, None)
        return
    if not isinstance(into, dict) or name not in into or isinstance(into[name], dict):
        known = ", ".join(line.partition("=")[0] for line in as_paths(settings))
        raise Reject("invalid", f"there is no setting {path}; there are {known}")
    old = into[name]
    if isinstance(old, str):
        into[name] = _json_or(text, str, text)
    elif isinstance(old, list | tuple):
        into[name] = _list(path, text)
    else:
        into[name] = text


def _list(path: str, text: str) -> list[Any]:
    if not text.lstrip().startswith(("[", "{")):
        return [part for part in re.split(r"[\s,]+", text) if part]
    try:
        value = json.loads(text)
    except ValueError as problem:
        raise Reject("invalid", f"{path}: this is not JSON: {problem}") from None
    return value if isinstance(value, list) else [value]


def _json_or(text: str, kind: type, otherwise: Any) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return otherwise
    return value if isinstance(value, kind) else otherwise
