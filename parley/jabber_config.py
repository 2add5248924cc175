"""The Jabber server's configuration for Parley, filled in from `jabber-config/`.

A template is a valid file of the server's own but for two things: `$name` stands
for a value, and the lines from `--{ each NAME` to its `--}` are repeated for each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template

_REPEATED = re.compile(
    r"^(?P<indent> *)--\{ each (?P<name>\w+)\n(?P<body>.*?)^(?P=indent)--\}\n",
    re.MULTILINE | re.DOTALL,
)


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
    template = files("parley").joinpath("jabber-config", "prosody.cfg.lua").read_text("utf-8")
    values = {"secret": lua_string(secret), "port": str(port)}
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
