"""What `parley jabber-config` prints is a configuration that Prosody's Lua reads as meant."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import jabber_config

LUA = shutil.which("lua5.4") or shutil.which("lua5.3") or shutil.which("lua5.1")

READ_BACK = r"""
local sections, here = {}, nil
local env = setmetatable({
  VirtualHost = function(name) here = name; sections[#sections + 1] = "host " .. name end,
  Component = function(name) here = name; sections[#sections + 1] = "component " .. name end,
}, {__newindex = function(_, key, value)
  if key == "component_secret" then sections[#sections + 1] = "secret " .. value end
  if key == "component_ports" then sections[#sections + 1] = "port " .. value[1] end
  if key == "privileged_entities" then
    for domain, granted in pairs(value) do
      sections[#sections + 1] = ("%s grants %s %s %s"):format(
        here, domain, granted.roster, granted.presence)
    end
  end
end})
local source = io.read("*a")
local chunk
if setfenv then
  chunk = setfenv(assert(loadstring(source)), env)
else
  chunk = assert(load(source, "=config", "t", env))
end
chunk()
for _, line in ipairs(sections) do io.write(line, "\0") end
"""


def read_by_lua(configuration: str) -> list[str]:
    """Gives what a Lua program sees in `configuration`, in order."""
    assert LUA is not None
    ran = subprocess.run(
        [LUA, "-e", READ_BACK], input=configuration.encode(), capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode().split("\0")[:-1]


needs_lua = pytest.mark.skipif(LUA is None, reason="no Lua here; it comes with Prosody")


@needs_lua
def test_every_host_grants_to_every_domain() -> None:
    """Two hosts and two domains give each host's privileges for both, and two components."""
    configuration = jabber_config.prosody(
        ["chat.example.org", "chat2.example.org"], "s", 5347, ["example.org", "example.net"]
    )
    seen = read_by_lua(configuration)
    assert sorted(seen) == sorted(
        [
            "port 5347",
            "host example.org",
            "example.org grants chat.example.org both managed_entity",
            "example.org grants chat2.example.org both managed_entity",
            "host example.net",
            "example.net grants chat.example.org both managed_entity",
            "example.net grants chat2.example.org both managed_entity",
            "component chat.example.org",
            "secret s",
            "component chat2.example.org",
            "secret s",
        ]
    )


@needs_lua
@pytest.mark.parametrize(
    "secret", ['"; os.exit(3) --', "\\", 'a\\"b', "a\nb\rc", "$port", "--{ each host\n", "ü€😀"]
)
def test_a_secret_reaches_lua_as_it_is(secret: str) -> None:
    """No character of a secret ends its string or is taken for the template's own."""
    configuration = jabber_config.prosody(["chat.localhost"], secret, 5347, ["localhost"])
    assert f"secret {secret}" in read_by_lua(configuration)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_string_stays_on_its_line(secret: str) -> None:
    """Whatever the secret, the configuration has as many lines, and the quotes are even."""
    plain = jabber_config.prosody(["chat.localhost"], "s", 5347, ["localhost"])
    configuration = jabber_config.prosody(["chat.localhost"], secret, 5347, ["localhost"])
    assert configuration.count("\n") == plain.count("\n")
    assert configuration.count('"') == plain.count('"')


def test_a_lone_surrogate_is_refused() -> None:
    """What can't be written to a file is an error here, not later."""
    with pytest.raises(ValueError, match="surrogate"):
        jabber_config.prosody(["chat.localhost"], "\ud800", 5347, ["localhost"])


def test_the_template_ships_in_the_package() -> None:
    """The folder at the top of the tree and the package's are the same files."""
    top = Path(jabber_config.__file__).parents[1] / "jabber-config" / "prosody.cfg.lua"
    inside = Path(jabber_config.__file__).parent / "jabber-config" / "prosody.cfg.lua"
    assert inside.samefile(top)
