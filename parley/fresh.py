"""A new `parley.toml`, with fresh secrets."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from string import Template

from .config import ConfigError

_TEMPLATE = Template(
    """\
[http]
listen = ["tcp:$http_port:interface=127.0.0.1"]
public_url = "http://127.0.0.1:$http_port"      # as visitors' browsers reach it
admin_listen = "tcp:$admin_port:interface=127.0.0.1"

[component]
host = "127.0.0.1"
port = $component_port
domains = ["$domain"]
#admins = ["you@example.org"]                    # JIDs that own every guest room
secret = "$secret"

# For ejabberd before 23.10, by which contact lists are written there; jabber-config/README.md.
#[ejabberd]
#api = "http://127.0.0.1:5281/api"
#user = "parley@example.org"                     # an account for it, of this password
#password = "$api_password"

[store]
url = "sqlite:///parley.db"

[admin]
token = "$token"

[tokens]
key = "$key"                                     # signs visitors' tokens
"""
)


def write(
    path: Path,
    domain: str,
    *,
    http_port: int = 8080,
    admin_port: int = 8081,
    component_port: int = 5347,
    key: str = "",
) -> None:
    """Writes a configuration that only its owner may read; `key` signed earlier visitors' tokens.

    Raises ConfigError if the file exists or cannot be written.
    """
    text = _TEMPLATE.substitute(
        domain=domain,
        http_port=http_port,
        admin_port=admin_port,
        component_port=component_port,
        api_password=secrets.token_urlsafe(24),
        secret=secrets.token_urlsafe(24),
        token=secrets.token_urlsafe(24),
        key=key or secrets.token_urlsafe(48),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} exists and is left as it is") from None
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
