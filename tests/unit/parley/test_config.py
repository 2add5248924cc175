"""The configuration: what it takes, and what it says of what it does not."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from parley import fresh
from parley.config import ConfigError, Ejabberd, load

KEY = "0123456789abcdef0123456789abcdef"
MINIMAL = f'[component]\nsecret = "s"\n[tokens]\nkey = "{KEY}"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "parley.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_fresh_configuration_is_private_and_loads(tmp_path: Path) -> None:
    """`parley init` writes what `parley run` takes, for its owner alone."""
    path = tmp_path / "parley.toml"
    fresh.write(path, "chat.example.org")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = load(path, {})
    assert config.component.domains == ("chat.example.org",)
    assert config.store.url == f"sqlite:///{tmp_path}/parley.db"


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    """A second `init` would lose the secrets."""
    path = written(tmp_path, "mine")
    with pytest.raises(ConfigError, match="left as it is"):
        fresh.write(path, "chat.example.org")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (MINIMAL + "[http]\nlissten = []\n", "lissten"),
        (MINIMAL + "[htp]\n", "htp"),
        (MINIMAL.replace('"s"', "5"), "secret"),
        (MINIMAL + "[limits]\nmessage_chars = 'many'\n", "message_chars"),
        ("[tokens]\nkey = 'short'\n[component]\nsecret = 's'\n", "32 characters"),
        (MINIMAL + "[component", "not valid TOML"),
        ("", "component"),
        (MINIMAL.replace('"s"', '{file = "nowhere"}'), "nowhere"),
        (MINIMAL.replace('"s"', '{path = "x"}'), "secret"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    """One line that says which key or file."""
    with pytest.raises(ConfigError, match=named) as raised:
        load(written(tmp_path, text), {})
    assert "\n" not in str(raised.value)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    """Who has none is told how to make one."""
    with pytest.raises(ConfigError, match="parley init"):
        load(tmp_path / "parley.toml", {})


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """`PARLEY_SECTION__KEY`, lists as TOML, other variables ignored."""
    environment = {
        "PARLEY_STORE__URL": "sqlite:////var/lib/parley.db",
        "PARLEY_COMPONENT__PORT": "5348",
        "PARLEY_COMPONENT__DOMAINS": '["a.example", "b.example"]',
        "PARLEY_CONFIG": "elsewhere.toml",
        "PATH": "/bin",
    }
    config = load(written(tmp_path, MINIMAL), environment)
    assert config.store.url == "sqlite:////var/lib/parley.db"
    assert config.component.port == 5348
    assert config.component.domains == ("a.example", "b.example")


def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    """Relative to the configuration; a list of token keys rotates."""
    (tmp_path / "secret").write_text("hidden\n")
    text = f'[component]\nsecret = {{file = "secret"}}\n[tokens]\nkey = ["{KEY}", "{KEY[::-1]}"]\n'
    config = load(written(tmp_path, text), {})
    assert config.component.secret == "hidden"
    assert config.tokens.keys == (KEY, KEY[::-1])


def test_ejabberds_api_is_used_where_it_is_named(tmp_path: Path) -> None:
    """Not in a fresh configuration; by its section, a secret in a file, and the environment."""
    path = tmp_path / "fresh.toml"
    fresh.write(path, "chat.example.org")
    assert load(path, {}).ejabberd.api == ""
    text = path.read_text().replace("#[ejabberd]", "[ejabberd]")
    path.write_text(re.sub(r"^#(api|user|password) =", r"\1 =", text, flags=re.MULTILINE))
    written_out = load(path, {}).ejabberd
    assert written_out.api == "http://127.0.0.1:5281/api"
    assert len(written_out.password) >= 32
    (tmp_path / "password").write_text("of the API\n")
    section = '[ejabberd]\nuser = "parley@example.org"\npassword = {file = "password"}\n'
    found = load(written(tmp_path, MINIMAL + section), {"PARLEY_EJABBERD__API": "http://h/api"})
    assert found.ejabberd == Ejabberd("http://h/api", "parley@example.org", "of the API")


def test_files_lie_beside_the_store_or_where_they_are_told_to(tmp_path: Path) -> None:
    """A relative folder is meant from the configuration's."""
    for text, folder in (
        ("", tmp_path / "uploads"),
        ('[store]\nurl = "sqlite:////var/lib/parley/log.db"\n', Path("/var/lib/parley/uploads")),
        ('[uploads]\nfolder = "files"\n', tmp_path / "files"),
        ('[uploads]\nfolder = "/srv/files"\n', Path("/srv/files")),
    ):
        config = load(written(tmp_path, MINIMAL + text), {})
        assert Path(config.uploads.folder) == folder
