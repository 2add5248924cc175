"""What `parley jabber-config` prints is a configuration that the server reads as meant.

That ejabberd takes its own is shown in `tests/e2e/test_ways.py`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import jabber_config
from parley.config import ConfigError, Ejabberd

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


@pytest.mark.parametrize("name", ["prosody.cfg.lua", "ejabberd.yml"])
def test_the_template_ships_in_the_package(name: str) -> None:
    """The folder at the top of the tree and the package's are the same files."""
    top = Path(jabber_config.__file__).parents[1] / "jabber-config" / name
    inside = Path(jabber_config.__file__).parent / "jabber-config" / name
    assert inside.samefile(top)


def ejabberd(api: Ejabberd, secret: str = "s") -> str:
    """The file for one host and one domain."""
    return jabber_config.ejabberd(["chat.example.org"], secret, 5347, ["example.org"], api)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_yaml_string_stays_on_its_line(secret: str) -> None:
    """Whatever the secret, the file has as many lines, and no quote that is not escaped more."""
    plain, printed = ejabberd(Ejabberd()), ejabberd(Ejabberd(), secret)
    assert len(printed.splitlines()) == len(plain.splitlines())
    unescaped = re.sub(r"\\.", "", printed)
    assert unescaped.count('"') == re.sub(r"\\.", "", plain).count('"')


def test_without_an_api_none_is_opened() -> None:
    """No listener and no permission, and a word on how to have them."""
    printed = ejabberd(Ejabberd())
    assert "ejabberd_http" not in printed
    assert "api_permissions" not in printed
    assert "[ejabberd]" in printed


def test_an_api_here_is_open_to_its_account_on_this_machine() -> None:
    """A listener on loopback; address and account are both asked for."""
    printed = ejabberd(Ejabberd("http://localhost:5281/api", "parley@example.org", "pw"))
    assert 'port: 5281\n    ip: "127.0.0.1"\n    module: ejabberd_http' in printed
    assert '- ip: "127.0.0.1"\n          - user: "parley@example.org"' in printed
    assert "pw" not in printed


def test_an_api_elsewhere_is_one_that_is_there() -> None:
    """No listener; the account is what limits it."""
    printed = ejabberd(Ejabberd("https://xmpp.example.org:5443/api", "parley@example.org", "pw"))
    assert "ejabberd_http" not in printed
    assert "- ip:" not in printed
    assert '- user: "parley@example.org"' in printed


@pytest.mark.parametrize("api", ["https://xmpp.example.org/api", "ftp://127.0.0.1/api", "5281"])
def test_an_api_that_would_be_open_or_is_none_is_refused(api: str) -> None:
    """Nothing is printed that lets everybody write contact lists."""
    with pytest.raises(ConfigError):
        ejabberd(Ejabberd(api))
