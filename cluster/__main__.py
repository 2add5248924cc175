"""`make cluster`: several nodes on one machine, to look at and to break."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from parley import runner
from parley.private_prosody import PrivateProsodyError

from .cluster import HOST, Cluster, free_port
from .member import ADDRESS, ClusterError

OPERATORS = {"anna": "Anna", "bob": "Bob"}
PASSWORD = "cluster"
SITE = "shop"
TITLE = "The shop"


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".cluster"),
    show_default=True,
    help="Where the cluster keeps its data and its logs.",
)
def main(folder: Path) -> None:
    """Run haproxy and monit, 3 web and 2 Jabber nodes, Redis, 2 memcached, MariaDB, Prosody."""
    runner.start_logging(logging.WARNING)
    try:
        runner.run(lambda: _serve(folder))
    except (ClusterError, PrivateProsodyError) as problem:
        print(f"cluster: {problem}", file=sys.stderr)
        sys.exit(1)


@asynccontextmanager
async def _serve(folder: Path) -> AsyncIterator[None]:
    from twisted.internet import reactor
    from twisted.internet.endpoints import serverFromString
    from twisted.web.server import Site

    from .pages import pages

    click.echo(f"starting; logs are in {folder}/", err=True)
    cluster = Cluster(folder)
    port = free_port()
    own = f"http://{ADDRESS}:{port}"
    try:
        for name in OPERATORS:
            await cluster.prosody.add_user(name, PASSWORD)
        await cluster.start()
        jids = {f"{name}@{HOST}": said for name, said in OPERATORS.items()}
        await cluster.set_up(SITE, TITLE, own, jids)
        own_pages = pages(cluster.members, cluster.url, SITE, TITLE)
        endpoint = serverFromString(reactor, f"tcp:{port}:interface={ADDRESS}")
        listening = await endpoint.listen(Site(own_pages)).asFuture(asyncio.get_running_loop())
        click.echo(f"page: {own}/")
        click.echo(f"status: {own}/status")
        for jid in jids:
            click.echo(f"jid: {jid}")
        click.echo(f"password: {PASSWORD}")
        click.echo(f"host: {ADDRESS}")
        click.echo(f"port: {cluster.prosody.c2s_port}")
        click.echo("cluster: ready")
        yield
        listening.stopListening()
        await cluster.stop()
    finally:
        cluster.kill()


if __name__ == "__main__":
    main()
