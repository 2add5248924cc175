"""`python -m bench.publiclog`: a public room's log, read from a node and from nginx before it.

One JSON object on standard output, progress on standard error. A line is said each second, so that
what is read does change. Exit status 1 if a request failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from cluster import front
from cluster.cluster import DOMAIN, free_port
from cluster.member import ADDRESS, Program, tool
from parley.config import load
from switchboard.bus.redis import RedisBus
from switchboard.clock import SystemClock
from switchboard.model import Occupant, SenderKind
from switchboard.reception import Directory, Rooms
from switchboard.reception.rooms import Origin, sender_of
from switchboard.store import open_store

from .house import House, house
from .nodes import Usage
from .process import cpu_seconds_with_children

SITE, ROOM = "bench", "lobby"
PATH = f"/rooms/{SITE}/{ROOM}/log"
LINES = 60
"""That are said before; the last 50 are read."""
TEXT = "A line as people write them, with some eighty letters and no more than that, {}."
WARM_UP_SECONDS = 3
READER = Path(__file__).with_name("reader.lua")
BEGIN, END = "<!-- the public log: begin -->", "<!-- the public log: end -->"
WAYS = {"node": "from the node", "nginx": "from nginx"}
KINDS = {"whole": "whole answers", "again": "with the last answer's tag"}

Found = dict[str, Any]


@asynccontextmanager
async def talked_in(on: House) -> AsyncIterator[None]:
    """A public room with lines, and one more each second as long as the block."""
    await on.cluster.parley("site", "set", SITE, f"rooms.{ROOM}.public=true")
    config, clock = load(on.cluster.config), SystemClock()
    bus, store = RedisBus(config.bus.url), await open_store(config.store.url, clock=clock)
    try:
        await bus.start()
        directory = Directory(store)
        await directory.refresh()
        rooms = Rooms(store, bus, clock, directory, DOMAIN, 4000)
        room = rooms.room(SITE, ROOM)
        ada = sender_of(Occupant("g-ada", SenderKind.VISITOR, "Ada"))

        async def talk() -> None:
            for number in range(1_000_000):
                await rooms.say(room, ada, f"m{number}", TEXT.format(number), Origin())
                if number >= LINES:
                    await asyncio.sleep(1)

        talking = asyncio.create_task(talk())
        try:
            yield
        finally:
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking
    finally:
        await bus.close()
        await store.close()


@asynccontextmanager
async def nginx(folder: Path, on: House) -> AsyncIterator[Program]:
    """nginx with the file from `deploy/` before the node."""
    port, node = free_port(), on.cluster.web_ports[0]
    file = folder / "nginx.conf"
    file.write_text(front.nginx(folder, port, [node] * 3), "utf-8")
    options = ["-c", str(file), "-e", "stderr", "-g", "daemon off;"]
    running = Program("nginx", folder, port, [tool("nginx"), *options])
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


async def read(port: int, kind: str, connections: int, seconds: int) -> Found:
    """What wrk found, asking as often as it could."""
    process = await asyncio.create_subprocess_exec(
        *(tool("wrk"), "-t", "1", "-c", str(connections), "-d", str(seconds), "-s", str(READER)),
        *(f"http://{ADDRESS}:{port}{PATH}", "--", kind),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"wrk ended with {process.returncode}")
    found: Found = json.loads(out.splitlines()[-1])
    return found


async def measure(connections: int, seconds: int) -> Found:
    """Each way and kind on one house, one after the other."""
    result: Found = {"connections": connections, "cores": os.cpu_count(), "runs": []}
    with (
        tempfile.TemporaryDirectory(prefix="parley-") as folder,
        tempfile.TemporaryDirectory(prefix="parley-nginx-") as kept,
    ):
        # nginx' workers are not root.
        Path(kept).chmod(0o755)
        async with (
            house(Path(folder), {SITE: []}, web=1) as on,
            talked_in(on),
            nginx(Path(kept), on) as before,
        ):
            ports = {"node": on.cluster.web_ports[0].http, "nginx": before.port}
            for kind, (way, port) in itertools.product(KINDS, ports.items()):
                click.echo(f"{KINDS[kind]}, {WAYS[way]}", err=True)
                await read(port, kind, connections, WARM_UP_SECONDS)
                measured = await _measured(on, before, port, kind, connections, seconds)
                result["runs"].append({"way": way, "kind": kind} | measured)
    return result


async def _measured(
    on: House, before: Program, port: int, kind: str, connections: int, seconds: int
) -> Found:
    assert before.pid is not None
    usage, nginx_used = Usage(on), cpu_seconds_with_children(before.pid)
    found = await read(port, kind, connections, seconds)
    used = usage.since()
    nginx_used = cpu_seconds_with_children(before.pid) - nginx_used
    answers = found["requests"]
    return found | {
        "a_second": round(answers / found["seconds"]),
        "a_core": round(answers / (used["rpc1"] + nginx_used)),
        "node_us": round(used["rpc1"] / answers * 1e6, 2),
        "nginx_us": round(nginx_used / answers * 1e6, 2),
        "statements_a_second": round(used["statements"] / found["seconds"], 2),
    }


def text(found: Found) -> str:
    """The table for people; `×` is how many times as many as without the cache."""
    rows: list[tuple[object, ...]] = [
        (
            *("Read", "Requests a second", "A second of CPU answers", "p50, p99"),
            *("CPU of the node, of nginx: µs a request", "SQL statements a second"),
        ),
        ("---",) * 6,
    ]
    bare = {run["kind"]: run for run in found["runs"] if run["way"] == "node"}
    for run in found["runs"]:
        rows.append(
            (
                f"{KINDS[run['kind']]}, {WAYS[run['way']]}",
                *(_with_times(run, bare[run["kind"]], which) for which in ("a_second", "a_core")),
                f"{run['p50_ms']:.1f} ms, {run['p99_ms']:.1f} ms",
                f"{run['node_us']:g}, {run['nginx_us']:g}",
                f"{run['statements_a_second']:g}",
            )
        )
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows)


def _with_times(run: Found, bare: Found, which: str) -> str:
    times = "" if run is bare else f" (× {run[which] / bare[which]:.1f})"
    return f"{run[which]:,}{times}"


def write(found: Found, page: Path) -> None:
    """Puts the table between the page's markers."""
    before, there, rest = page.read_text("utf-8").partition(BEGIN)
    _, closed, after = rest.partition(END)
    assert there, f"{page} has no {BEGIN}"
    assert closed, f"{page} has no {END}"
    page.write_text(f"{before}{BEGIN}\n\n{text(found)}\n\n{END}{after}", "utf-8")


@click.command()
@click.option("--connections", default=50, show_default=True)
@click.option("--seconds", default=15, show_default=True, help="How long each way is measured.")
@click.option("--write", "to_page", is_flag=True, help="Put the table into docs/performance.md.")
def main(connections: int, seconds: int, to_page: bool) -> None:
    """Requests a second for a public room's log, with a cache in front and without."""
    found = asyncio.run(measure(connections, seconds))
    click.echo(json.dumps(found, indent=2))
    if to_page:
        write(found, Path("docs/performance.md"))
    if any(run["failed"] for run in found["runs"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
