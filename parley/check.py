"""`parley check`: walks the configuration and every part it names; disturbs nothing.

A link that runs is asked about through the running process's `/readyz`. Only where none runs is
the component's secret tried, because a second connection would push the first one out.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from twisted.internet import endpoints

from gateway.buddies.privilege import REFUSED
from gateway.component import Link, LinkState
from gateway.inbound.stanza import message
from switchboard.clock import SystemClock
from switchboard.store.migrate import head

from .config import Config, ConfigError, load

PRIVILEGES_WITHIN = 1.0
LINK_WITHIN = 5.0
NAGIOS = {"ok": 0, "warn": 1, "fail": 2}


class Finding(Struct, frozen=True):
    """One part: `ok`, `warn` or `fail`, and what to do."""

    grade: str
    part: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.grade} {self.part}" + (f": {self.words}" if self.words else "")


def check(file: Path, nagios: bool, echo: Callable[[str], None]) -> int:
    """Prints the findings; the exit status."""
    started = time.monotonic()
    findings = list(_findings(file))
    worst = max((finding.grade for finding in findings), key=lambda grade: NAGIOS[grade])
    if nagios:
        counts = {grade: sum(f.grade == grade for f in findings) for grade in NAGIOS}
        wrong = "; ".join(str(f) for f in findings if f.grade != "ok") or "all parts are well"
        word = {"ok": "OK", "warn": "WARNING", "fail": "CRITICAL"}[worst]
        data = " ".join(f"{grade}={count}" for grade, count in counts.items())
        echo(f"PARLEY {word}: {wrong} | {data} time={time.monotonic() - started:.3f}s")
        return NAGIOS[worst]
    for finding in findings:
        echo(str(finding))
    return 1 if worst == "fail" else 0


def _findings(file: Path) -> Iterator[Finding]:
    try:
        config = load(file)
    except ConfigError as problem:
        yield Finding("fail", "configuration", str(problem))
        return
    yield Finding("ok", "configuration", str(file))
    if not config.admin.token:
        yield Finding("warn", "admin", "[admin] token is empty: the admin page stays closed")
    yield _store(config)
    for name, url in (("sessions", config.sessions.url), ("bus", config.bus.url)):
        yield Finding("ok" if url == "memory://" else "fail", name, url)
    running = _running(config)
    yield from _listeners(config, running is not None)
    if running is None:
        yield Finding("warn", "process", "`parley run` is not running with this configuration")
        for domain in config.component.domains:
            yield from asyncio.run(_try_link(config, domain))
    else:
        if running.get("store") != "ok":
            yield Finding("fail", "running store", str(running.get("store")))
        yield from _running_links(running)


def _store(config: Config) -> Finding:
    path = config.store.url.removeprefix("sqlite:///")
    if path == config.store.url:
        return Finding("fail", "store", "[store] url: this version knows sqlite:///… only")
    if not Path(path).exists():
        return Finding("warn", "store", f"{path} does not exist yet: `parley migrate` makes it")
    try:
        with sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=2.0) as connection:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.rollback()
    except sqlite3.OperationalError as problem:
        return Finding("fail", "store", f"{path}: {problem}: make it writable for this user")
    if found is None or found[0] != head():
        return Finding("fail", "store", f"{path} has an old schema: run `parley migrate`")
    return Finding("ok", "store", path)


def _running(config: Config) -> dict[str, Any] | None:
    """What `/readyz` of the running process says."""
    port, host = _address(config.http.admin_listen)
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/readyz", timeout=3.0) as answer:
            body = answer.read()
    except urllib.error.HTTPError as answer:
        body = answer.read()
    except OSError:
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "jabber" in found else None


def _listeners(config: Config, running: bool) -> Iterator[Finding]:
    from twisted.internet import reactor

    for description in (*config.http.listen, config.http.admin_listen):
        try:
            endpoints.serverFromString(reactor, description)
        except (ValueError, TypeError, KeyError) as problem:
            yield Finding("fail", f"listener {description}", f"{problem}: see [http]")
            continue
        if running:
            yield Finding("ok", f"listener {description}", "served by the running process")
            continue
        port, host = _address(description)
        if port and asyncio.run(_taken(host, port)):
            yield Finding("fail", f"listener {description}", "something else uses this port")
        else:
            yield Finding("ok", f"listener {description}", "free")


def _address(description: str) -> tuple[int, str]:
    words = description.split(":")
    host = next((w.partition("=")[2] for w in words if w.startswith("interface=")), "127.0.0.1")
    port = next(
        (int(w.removeprefix("port=")) for w in words[1:] if w[-5:].isdigit() or w.isdigit()), 0
    )
    return port, host or "127.0.0.1"


async def _taken(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 2.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _running_links(running: dict[str, Any]) -> Iterator[Finding]:
    for domain, link in running["jabber"].items():
        part = f"jabber {domain}"
        if link["state"] == "up":
            yield Finding("ok", part, "linked")
            yield _privileges(domain, running.get("privileges", {}).get(domain, {}))
        else:
            yield Finding("fail", part, link.get("reason") or link["state"])


def _privileges(domain: str, granted: dict[str, dict[str, str]]) -> Finding:
    part = f"privileges {domain}"
    able = [host for host, kinds in granted.items() if kinds.get("roster") in ("set", "both")]
    refusing = [host for host, kinds in granted.items() if kinds.get("roster") == REFUSED]
    if refusing:
        return Finding(
            "warn",
            part,
            f"{', '.join(refusing)} grants rosters and refuses their entries, so visitors do not "
            "appear by themselves: with ejabberd, 23.10 or later is needed",
        )
    if not able:
        return Finding(
            "warn",
            part,
            "no host grants its rosters, so visitors do not appear by themselves: "
            "see `parley jabber-config prosody`",
        )
    blind = [host for host in able if granted[host].get("presence") is None]
    if blind:
        return Finding(
            "warn",
            part,
            f"{', '.join(blind)} grants rosters and no presence, so operators are seen only "
            "once they add the desk: see `parley jabber-config prosody`",
        )
    return Finding("ok", part, f"rosters and presence of {', '.join(able)}")


class _Probe:
    """A bridge that only listens to what is granted."""

    def __init__(self) -> None:
        self.granted: dict[str, dict[str, str]] = {}

    def link_up(self) -> None:
        pass

    def link_down(self) -> None:
        pass

    def stanza(self, xml: Any) -> None:
        if xml.tag.endswith("}message"):
            found = message(xml)
            if found.privileges is not None:
                self.granted[found.sender.bare] = found.privileges


async def _try_link(config: Config, domain: str) -> list[Finding]:
    component = config.component
    probe = _Probe()
    link = Link(domain, component.secret, component.host, component.port, probe, SystemClock())
    running = asyncio.create_task(link.run())
    try:
        await asyncio.wait([asyncio.ensure_future(link.tried.wait())], timeout=LINK_WITHIN)
        if link.state is not LinkState.UP:
            return [Finding("fail", f"jabber {domain}", link.reason or "no answer")]
        await asyncio.sleep(PRIVILEGES_WITHIN)
        return [
            Finding("ok", f"jabber {domain}", "the secret is right"),
            _privileges(domain, probe.granted),
        ]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.stop()
