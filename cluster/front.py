"""The fronts' files in `deploy/`, for nodes on this machine: only addresses are exchanged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

DEPLOY = Path(__file__).parents[1] / "deploy"


class Ports(NamedTuple):
    """Where a web node serves."""

    http: int
    admin: int


def haproxy(folder: Path, port: int, nodes: Sequence[Ports], *, as_root: bool = False) -> str:
    """`haproxy.cfg` with its control socket in the folder.

    `as_root`: where it is started by root, it goes on as root, outside a chroot.
    """
    exchanged = {
        r"bind :80$": f"bind 127.0.0.1:{port}",
        r"/run/haproxy/": f"{folder}/",
    }
    for number, node in enumerate(nodes, 1):
        address = rf"10\.0\.0\.1{number}:8080 check port 8081$"
        exchanged[address] = f"127.0.0.1:{node.http} check port {node.admin}"
    if as_root or os.geteuid() != 0:
        exchanged[r"^    (user|group|chroot) .*$"] = ""
    return exchange("haproxy.cfg", exchanged)


def nginx(folder: Path, port: int, nodes: Sequence[Ports]) -> str:
    """`nginx.conf`; what it writes is in the folder, which its workers have to get to."""
    exchanged = {
        r"listen 80 ": f"listen 127.0.0.1:{port} ",
        r"/run/nginx\.pid": f"{folder}/pid",
        r"/var/log/nginx/error\.log": "stderr",
        r"/var/cache/parley ": f"{folder}/logs ",
    }
    for number, node in enumerate(nodes, 1):
        exchanged[rf"10\.0\.0\.1{number}:8080"] = f"127.0.0.1:{node.http}"
    if os.geteuid() != 0:
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        exchanged[r"^http \{"] = f"http {{ {folders}"
    return exchange("nginx.conf", exchanged)


def monit(folder: Path, port: int) -> str:
    """`monit/haproxy` for a haproxy of this folder, and where monit itself keeps and tells things.

    In place of systemd's unit, the process whose id is in `haproxy.pid` is killed.
    """
    exchanged = {
        r"/run/haproxy\.pid": f"{folder}/haproxy.pid",
        r"/run/haproxy/": f"{folder}/",
        r"/usr/bin/systemctl start haproxy": "/bin/true",
        r"/usr/bin/systemctl kill .* haproxy": "/bin/sh -c 'kill -KILL $MONIT_PROCESS_PID'",
    }
    own = (
        f"set httpd port {port} and use address 127.0.0.1 allow 127.0.0.1\n"
        f"set pidfile {folder}/monit.pid\n"
        f"set idfile {folder}/monit.id\n"
        f"set statefile {folder}/monit.state\n"
    )
    return own + exchange("monit/haproxy", exchanged)


def exchange(name: str, exchanged: Mapping[str, str]) -> str:
    """A file of `deploy/` with something else for each regular expression, all of which occur."""
    text = (DEPLOY / name).read_text("utf-8")
    for old, new in exchanged.items():
        text, count = re.subn(old, new, text, flags=re.MULTILINE)
        assert count, f"{old} is not in {name}"
    return text
