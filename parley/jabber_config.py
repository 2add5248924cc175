"""The Jabber server's configuration for Parley, filled in from `jabber-config/`.

A template is a valid file of the server's own but for two things: `$name` stands
for a value, and the lines from `--{ each NAME` to its `--}` (in YAML `#{` and `#}`) are
repeated for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from ipaddress import ip_address
from string import Template
from urllib.parse import urlsplit

from .config import ConfigError, Ejabberd

_REPEATED = re.compile(
    r"^(?P<indent> *)(?P<mark>--|#)\{ each (?P<name>\w+)\n(?P<body>.*?)^(?P=indent)(?P=mark)\}\n",
    re.MULTILINE | re.DOTALL,
)


_UNPLAIN = re.compile('["\\\\\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]')
"""What a YAML string may not hold as it is, or what a line would end at."""


def prosody(domains: Sequence[str], secret: str, port: int, hosts: Sequence[str]) -> str:
    """Gives a file for Prosody to include.

    `domains` are the component's, `port` is the TCP port it connects to, and `hosts`
    are the VirtualHosts whose users are operators. Raises ValueError where one of
    them holds a lone surrogate, which no file can.
    """
    lists = {
        "host": [lua_string(host) for host in hosts],
        "domain": [lua_string(domain) for domain in domains],
    }
    values = {"secret": lua_string(secret), "port": str(port)}
    return _fill("prosody.cfg.lua", values, lists)


def ejabberd(
    domains: Sequence[str], secret: str, port: int, hosts: Sequence[str], api: Ejabberd
) -> str:
    """Gives a file for ejabberd to include.

    `domains`, `port` and `hosts` are as for Prosody. Where `api` is used at a loopback address, it
    gets a listener of its own there; anywhere else it is one that ejabberd has. Raises ConfigError
    if it is no http or https address, or would be open to everybody; ValueError as for Prosody.
    """
    url = urlsplit(api.api)
    local = _loopback(url.hostname or "") if url.scheme == "http" else None
    if api.api and (url.scheme not in ("http", "https") or not url.hostname):
        raise ConfigError(f"[ejabberd] api: {api.api!r} is not like http://127.0.0.1:5281/api")
    if api.api and not local and not api.user:
        raise ConfigError("[ejabberd] user: name the account that may call an API that is not here")
    lists = {
        "host": [yaml_string(host) for host in hosts],
        "hosts": [""] if hosts else [],
        "domain": [yaml_string(domain) for domain in domains],
        "listener": [yaml_string(local)] if local else [],
        "api": [""] if api.api else [],
        "without_api": [] if api.api else [""],
        "address": [yaml_string(local)] if local else [],
        "user": [yaml_string(api.user)] if api.user else [],
    }
    values = {
        "secret": yaml_string(secret),
        "port": str(port),
        "api_port": str(url.port or 80),
        "api_path": yaml_string(url.path.rstrip("/") or "/"),
    }
    return _fill("ejabberd.yml", values, lists)


def _loopback(host: str) -> str | None:
    """The loopback address that a host stands for, if it does."""
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
    return str(address) if address.is_loopback else None


def _fill(name: str, values: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> str:
    template = files("parley").joinpath("jabber-config", name).read_text("utf-8")
    return _render(template, values, lists).rstrip("\n") + "\n"


def _render(template: str, values: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> str:
    rendered: list[str] = []
    end = 0
    for match in _REPEATED.finditer(template):
        name = match["name"]
        rendered.append(Template(template[end : match.start()]).substitute(values))
        rendered += [_render(match["body"], {**values, name: item}, lists) for item in lists[name]]
        end = match.end()
    rendered.append(Template(template[end:]).substitute(values))
    return "".join(rendered)


def lua_string(text: str) -> str:
    """Gives `text` as a Lua string literal of one line, for every version of Lua."""
    text.encode()
    escaped = "".join(
        f"\\{ord(character):03}" if character in '"\\\x7f' or character < " " else character
        for character in text
    )
    return f'"{escaped}"'


def yaml_string(text: str) -> str:
    """Gives `text` as a YAML double-quoted scalar of one line (YAML 1.1 §9.5)."""
    text.encode()
    return '"' + _UNPLAIN.sub(_escaped, text) + '"'


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\':
        return "\\" + character
    return f"\\U{ord(character):08X}"
