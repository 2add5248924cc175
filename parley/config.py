"""The configuration: TOML, overridden by the environment; an unknown key is an error."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

MEMORY = "memory://"
"""The URL of a bus, or of a cache, that is within the process."""


class ConfigError(Exception):
    """The configuration cannot be used; the text says what to change."""


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Http(_Section, frozen=True):
    """The visitors' listeners, as Twisted endpoint strings, and their limits in seconds."""

    listen: tuple[str, ...] = ("tcp:8080:interface=127.0.0.1",)
    public_url: str = "http://127.0.0.1:8080"
    admin_listen: str = "tcp:8081:interface=127.0.0.1"
    trusted_proxies: tuple[str, ...] = ()
    head_seconds: float = 10
    body_seconds: float = 20


class Component(_Section, frozen=True):
    """The Jabber server's component port."""

    secret: str
    host: str = "127.0.0.1"
    port: int = 5347
    domains: tuple[str, ...] = ("chat.localhost",)
    admins: tuple[str, ...] = ()
    """Bare JIDs of those who own every room."""


class Ejabberd(_Section, frozen=True):
    """ejabberd's HTTP API, which writes contact lists where the server does not let us do it."""

    api: str = ""
    """Such as http://127.0.0.1:5281/api; empty: not used."""
    user: str = ""
    """The JID of the account that calls it; empty: nobody, by the address that we come from."""
    password: str = ""


class Store(_Section, frozen=True):
    """Where conversations are kept."""

    url: str = "sqlite:///parley.db"
    replica: str = ""
    """A copy that the database keeps itself, for transcripts; empty: they are read at `url`."""


class Sessions(_Section, frozen=True):
    """Where visits are cached."""

    url: str = MEMORY


class Bus(_Section, frozen=True):
    """How processes wake each other."""

    url: str = MEMORY


class Admin(_Section, frozen=True):
    """What the admin page and the metrics ask for."""

    token: str = ""


class Tokens(_Section, frozen=True):
    """What signs visitors' tokens: the first key signs, all verify."""

    key: str | tuple[str, ...]
    days: int = 90

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, the signing one first."""
        return (self.key,) if isinstance(self.key, str) else self.key


class Presence(_Section, frozen=True):
    """How long a visitor may be away before anybody notices."""

    grace_seconds: float = 15


class Limits(_Section, frozen=True):
    """0 is no limit."""

    message_chars: int = 4000
    request_bytes: int = 65536
    messages_per_minute: int = 60
    new_visitors_per_minute: int = 60


class Uploads(_Section, frozen=True):
    """Where visitors' files are kept, for sites that take any."""

    folder: str = ""
    """Empty: `uploads` beside the store's file, or beside the configuration if it has none."""
    max_bytes: int = 5_000_000_000
    """Of all files together; 0 is no limit."""


class Retention(_Section, frozen=True):
    """0 keeps transcripts for ever."""

    transcript_days: int = 0


class Config(_Section, frozen=True):
    """All of `parley.toml`."""

    component: Component
    tokens: Tokens
    http: Http = Http()
    ejabberd: Ejabberd = Ejabberd()
    store: Store = Store()
    sessions: Sessions = Sessions()
    bus: Bus = Bus()
    admin: Admin = Admin()
    presence: Presence = Presence()
    limits: Limits = Limits()
    uploads: Uploads = Uploads()
    retention: Retention = Retention()


SECRETS = (
    ("component", "secret"),
    ("tokens", "key"),
    ("admin", "token"),
    ("ejabberd", "password"),
)


def load(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Reads a configuration file and `PARLEY_SECTION__KEY` from the environment.

    Relative paths are meant from the file's folder. Raises ConfigError.
    """
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"there is no {path}: `parley init` writes one") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    _override(raw, environment)
    for section, key in SECRETS:
        _read_secret(raw, section, key, path.parent)
    try:
        config = msgspec.convert(raw, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    _require(config, path)
    here, prefix, url = path.parent.absolute(), "sqlite:///", config.store.url
    beside = here / "uploads"
    if url.startswith(prefix):
        path = here / url.removeprefix(prefix)
        beside = path.with_name("uploads")
        store = msgspec.structs.replace(config.store, url=f"{prefix}{path}")
        config = msgspec.structs.replace(config, store=store)
    folder = here / config.uploads.folder if config.uploads.folder else beside
    uploads = msgspec.structs.replace(config.uploads, folder=str(folder))
    return msgspec.structs.replace(config, uploads=uploads)


def _require(config: Config, path: Path) -> None:
    if not config.component.domains:
        raise ConfigError(f"{path}: [component] domains is empty: name at least one")
    if any(len(key) < 32 for key in config.tokens.keys) or not config.tokens.keys:
        raise ConfigError(f"{path}: [tokens] key needs at least 32 characters")


def _override(raw: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        section, separator, key = name.removeprefix("PARLEY_").lower().partition("__")
        if not name.startswith("PARLEY_") or not separator:
            continue
        into = raw.setdefault(section, {})
        if isinstance(into, dict):
            into[key] = _value(value)


def _value(text: str) -> Any:
    """A list may be written as TOML; anything else is the text itself."""
    if text.startswith(("[", "{")):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _read_secret(raw: dict[str, Any], section: str, key: str, folder: Path) -> None:
    values = raw.get(section)
    if not isinstance(values, dict):
        return
    found = values.get(key)
    if isinstance(found, list):
        values[key] = [_secret(item, folder, f"[{section}] {key}") for item in found]
    elif found is not None:
        values[key] = _secret(found, folder, f"[{section}] {key}")


def _secret(value: Any, folder: Path, name: str) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) != {"file"} or not isinstance(value["file"], str):
        raise ConfigError(f'{name}: write "…" or {{file = "…"}}')
    try:
        return (folder / value["file"]).read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {value['file']}: {error.strerror}") from None
