"""`parley check`: walks the configuration and every part it names; disturbs nothing.

A link that runs is asked about through the running process's `/readyz`. Only where none runs, here
or elsewhere, is the component's secret tried: a second connection would push the first one out.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet import endpoints

from gateway.buddies.api import ApiError, ApiSettings, EjabberdApi
from gateway.buddies.privilege import REFUSED
from gateway.buddies.ways import Way
from gateway.component import Link, LinkState
from gateway.inbound.stanza import message
from gateway.jids import parse
from switchboard.clock import SystemClock
from switchboard.leases import LEASE_SECONDS, LeaseForEver
from switchboard.site import Site
from switchboard.store import open_store
from switchboard.store.leases import SqlLeases

from .check_stores import check_bus, check_replica, check_sessions, check_store
from .config import Config, ConfigError, load
from .finding import Finding

PRIVILEGES_WITHIN = 1.0
LINK_WITHIN = 5.0
NAGIOS = {"ok": 0, "warn": 1, "fail": 2}


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
    store = check_store(config)
    yield store
    if config.store.replica:
        yield check_replica(config.store.replica)
    if store.grade == "ok":
        found, doubt = asyncio.run(_stored(config))
        if doubt:
            yield Finding("warn", "store", doubt)
        yield from _uploads(config, [site.key for site in found if site.settings.upload.on])
        yield from map(
            _no_zone,
            (one for one in found if one.settings.hours and one.settings.hours.zone is None),
        )
    yield from check_sessions(config)
    yield asyncio.run(check_bus(config.bus.url))
    if config.ejabberd.api:
        yield asyncio.run(_api(config))
    running = _running(config)
    yield from _listeners(config, running is not None)
    if running is None:
        yield Finding("warn", "process", "no Parley is running with this configuration")
        hosts = asyncio.run(_hosts(config)) if store.grade == "ok" else {}
        for domain in config.component.domains:
            owner = asyncio.run(_owner(config, domain)) if store.grade == "ok" else ""
            if owner:
                yield Finding("ok", f"jabber {domain}", f"{owner} serves it")
            else:
                yield from asyncio.run(_try_link(config, domain, hosts))
    else:
        if running.get("store") != "ok":
            yield Finding("fail", "running store", str(running.get("store")))
        yield from _running_links(running)


def _no_zone(site: Site) -> Finding:
    zone = site.settings.hours.time_zone
    return Finding("warn", f"hours {site.key}", f"the system knows no {zone}: install tzdata")


def _uploads(config: Config, taking: Sequence[str]) -> Iterator[Finding]:
    """Whether there is a place for files, if any site takes them."""
    if not taking:
        return
    folder = Path(config.uploads.folder)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    part = f"uploads {folder}"
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        who = ", ".join(taking)
        yield Finding("warn", part, f"{who}: make it writable for this user, or set [uploads]")
    else:
        yield Finding("ok", part)


async def _stored(config: Config) -> tuple[list[Site], str]:
    """The sites, and what the database's settings take from what is promised."""
    store = await open_store(config.store.url, clock=SystemClock())
    try:
        return await store.sites(), await store.doubt()
    finally:
        await store.close()


async def _owner(config: Config, domain: str) -> str:
    """Which process serves a domain, on whatever host; "" if none does."""
    store = await open_store(config.store.url, clock=SystemClock())
    leases = SqlLeases(store.engine)
    try:
        before = await leases.look(domain)
        if before is None or not before.owner:
            return ""
        await asyncio.sleep(LEASE_SECONDS)
        after = await leases.look(domain)
        if after is None or (after.epoch, after.beat) == (before.epoch, before.beat):
            return ""
        return after.owner
    finally:
        leases.close()
        await store.close()


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
    return found if isinstance(found, dict) and "version" in found else None


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
    for domain, link in running.get("jabber", {}).items():
        part = f"jabber {domain}"
        if link["state"] == LinkState.STANDBY:
            yield Finding("ok", part, link["reason"])
        elif link["state"] == LinkState.UP:
            yield Finding("ok", part, "linked")
            ways = running.get("contact_lists", {}).get(domain, {}).get("hosts", {})
            yield from _contact_lists(ways, running.get("privileges", {}).get(domain, {}))
        else:
            yield Finding("fail", part, link.get("reason") or link["state"])


def _contact_lists(
    ways: Mapping[str, str], granted: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """How visitors come into the contact lists of each operators' host."""
    for host, way in ways.items():
        part = f"contact lists {host}"
        match way:
            case Way.PRIVILEGE:
                yield Finding("ok", part, "written by privilege")
            case Way.API:
                yield Finding("ok", part, "written by ejabberd's API")
            case Way.SUBSCRIBE:
                yield Finding("ok", part, "nobody writes them; visitors ask to be added")
            case _ if granted.get(host, {}).get("roster") == REFUSED:
                yield Finding(
                    "warn",
                    part,
                    f"{host} grants them and refuses entries, so visitors do not appear by "
                    "themselves: with ejabberd, take 23.10 or later, or set api of [ejabberd]",
                )
            case _:
                yield Finding(
                    "warn",
                    part,
                    "nobody lets us write them, so visitors do not appear by themselves: "
                    "see `parley jabber-config prosody` or `ejabberd`",
                )
    if not ways:
        yield Finding("warn", "contact lists", "nobody answers yet: `parley operator add`")


async def _hosts(config: Config) -> dict[str, bool]:
    """The hosts of all operators, and whether visitors ask there where nobody writes lists."""
    store = await open_store(config.store.url, clock=SystemClock())
    try:
        asks = {
            site.key: site.settings.presence.without_roster == "subscribe"
            for site in await store.sites()
        }
        found: dict[str, bool] = {}
        for operator in await store.operators():
            host = parse(operator.address).domain
            found[host] = found.get(host, False) or asks.get(operator.site, False)
        return found
    finally:
        await store.close()


def _ways(
    config: Config, hosts: Mapping[str, bool], granted: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """What a process would do, as far as can be known without one."""
    found: dict[str, str] = {}
    for host, asks in hosts.items():
        if granted.get(host, {}).get("roster") in ("set", "both") and not config.ejabberd.api:
            found[host] = Way.PRIVILEGE
        elif config.ejabberd.api:
            found[host] = Way.API
        else:
            found[host] = Way.SUBSCRIBE if asks else Way.DESK
    return found


async def _api(config: Config) -> Finding:
    """Asks ejabberd's API in a way that changes nothing."""
    ejabberd = config.ejabberd
    part = f"ejabberd's API {ejabberd.api}"
    api = EjabberdApi(ApiSettings(ejabberd.api, ejabberd.user, ejabberd.password))
    try:
        await api.try_out()
    except ApiError as problem:
        return Finding("fail", part, f"{problem}: see `parley jabber-config ejabberd`")
    finally:
        await api.close()
    return Finding("ok", part, "lets us write contact lists")


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


async def _try_link(config: Config, domain: str, hosts: Mapping[str, bool]) -> list[Finding]:
    component = config.component
    probe = _Probe()
    link = Link(
        domain,
        component.secret,
        component.host,
        component.port,
        probe,
        SystemClock(),
        LeaseForEver(domain),
    )
    running = asyncio.create_task(link.run())
    try:
        await asyncio.wait([asyncio.ensure_future(link.tried.wait())], timeout=LINK_WITHIN)
        if link.state is not LinkState.UP:
            return [Finding("fail", f"jabber {domain}", link.reason or "no answer")]
        await asyncio.sleep(PRIVILEGES_WITHIN)
        return [
            Finding("ok", f"jabber {domain}", "the secret is right"),
            *_contact_lists(_ways(config, hosts, probe.granted), probe.granted),
        ]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await link.stop()
