"""The `parley` command. What only a running process needs is imported where it runs: the edges
take half of a second, and an admin's command should answer at once.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

import click

from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.store import SqlStore
from switchboard.store.migrate import current
from switchboard.store.moving import Progress, move

from . import administration, fresh, jabber_config, runner, sites
from .config import Config, ConfigError, load
from .private_prosody import PrivateProsodyError
from .store import StartError, configured_store, product_version, with_store

log = logging.getLogger("parley")

_EXPECTED = (ConfigError, StartError, SwitchboardError, PrivateProsodyError)


@click.group(
    commands=administration.COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PARLEY_CONFIG",
    default=Path("parley.toml"),
    show_default=True,
    help="The configuration file.",
)
@click.version_option(product_version(), prog_name="parley")
@click.pass_context
def cli(context: click.Context, file: Path) -> None:
    """Live chat for websites, answered from the Jabber client that is already open."""
    context.obj = file


@cli.command()
@click.option("--domain", default="chat.localhost", show_default=True, help="The component's name.")
@click.pass_obj
def init(file: Path, domain: str) -> None:
    """Write a configuration with fresh secrets."""
    fresh.write(file, domain)
    click.echo(f"wrote {file}")
    click.echo("next: parley jabber-config, parley site add, parley operator add")


@cli.command()
@click.pass_obj
def run(file: Path) -> None:
    """Run everything in one process."""
    _serve(file, "BOTH")


@cli.command()
@click.pass_obj
def rpc(file: Path) -> None:
    """Run a web node: one of several that serve visitors' browsers."""
    _serve(file, "WEB")


@cli.command()
@click.pass_obj
def gateway(file: Path) -> None:
    """Run a Jabber node: it owns component domains, or waits for one to be free."""
    _serve(file, "JABBER")


@cli.command()
@click.option("--http-port", type=click.IntRange(1, 65535), help="Where the pages are served.")
@click.option("--xmpp-port", type=click.IntRange(1, 65535), help="Where Jabber clients log in.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its data.",
)
def demo(http_port: int | None, xmpp_port: int | None, folder: Path) -> None:
    """Try it: a private Prosody, two pages with the widget, and an operator's account."""
    from .demo import demo_service

    runner.start_logging(logging.WARNING)
    runner.run(lambda: demo_service(folder, http_port, xmpp_port))


@cli.command()
@click.option("--nagios", is_flag=True, help="One line with performance data, Nagios' exit codes.")
@click.pass_obj
def check(file: Path, nagios: bool) -> None:
    """Check the configuration and every part that it names."""
    from .check import check as run_checks

    logging.disable()
    sys.exit(run_checks(file, nagios, click.echo))


@cli.group("jabber-config")
def jabber_config_group() -> None:
    """Print the Jabber server's configuration for this parley.toml."""


@jabber_config_group.command("prosody")
@click.option("--host", "hosts", multiple=True, help="A VirtualHost whose users are operators.")
@click.pass_obj
def jabber_config_prosody(file: Path, hosts: tuple[str, ...]) -> None:
    """For Prosody 0.12 and later with prosody-modules: paste it or include it."""
    config = load(file)
    component = config.component
    found = hosts or _operators_hosts(config) or _parents(component.domains)
    click.echo(
        jabber_config.prosody(component.domains, component.secret, component.port, found), nl=False
    )


@jabber_config_group.command("ejabberd")
@click.option("--host", "hosts", multiple=True, help="A host whose users are operators.")
@click.pass_obj
def jabber_config_ejabberd(file: Path, hosts: tuple[str, ...]) -> None:
    """For ejabberd 23.01 and later: include it, or paste it."""
    config = load(file)
    component = config.component
    found = hosts or _operators_hosts(config) or _parents(component.domains)
    printed = jabber_config.ejabberd(
        component.domains, component.secret, component.port, found, config.ejabberd
    )
    click.echo(printed, nl=False)


@cli.command()
@click.option("--from", "source", metavar="URL", help="A store that is to be moved.")
@click.option("--to", "target", metavar="URL", help="An empty database, to move it to.")
@click.pass_obj
def migrate(file: Path, source: str | None, target: str | None) -> None:
    """Bring the store's schema up to date, or move a store to another database.

    Stop Parley before moving. A move that was interrupted goes on where it was when it is begun
    again. Visitors' files stay in their folder.
    """
    if source is not None and target is not None:
        return _move(source, target)
    if source is not None or target is not None:
        raise click.UsageError("A move needs both --from and --to.")

    async def work(store: SqlStore) -> None:
        revision = await asyncio.to_thread(current, store.engine)
        click.echo(f"the store's schema is up to date: revision {revision}")

    with_store(load(file), work)


def _serve(file: Path, edges: Literal["WEB", "JABBER", "BOTH"]) -> None:
    from .service import Edges, Service

    config = load(file)
    runner.start_logging()

    @asynccontextmanager
    async def service() -> AsyncIterator[None]:
        store = await configured_store(config, SystemClock())
        running = Service(config, store, Edges[edges])
        try:
            await running.start()
            log.info("parley: ready")
            yield
        finally:
            await running.stop()

    runner.run(service)


def _move(source: str, target: str) -> None:
    with ExitStack() as stack:

        def begin(steps: int) -> Progress:
            bar = click.progressbar(length=steps, label="copying and comparing", file=sys.stderr)
            return stack.enter_context(bar).update

        counts = move(source, target, begin)
    for name, rows in counts.items():
        click.echo(f"{name}: {rows:,} rows")
    click.echo("all of it is there, and the same; now set [store] url")


def _operators_hosts(config: Config) -> tuple[str, ...]:
    """The hosts of the operators that the store knows, if there is one to be read."""
    try:
        return with_store(config, sites.hosts)
    except (ConfigError, StartError):
        return ()


def _parents(domains: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({domain.partition(".")[2] or domain for domain in domains}))


def main() -> None:
    """The entry point: errors are one line on standard error, exit status 1."""
    try:
        cli(prog_name="parley")
    except _EXPECTED as problem:
        click.echo(f"parley: {problem}", err=True)
        sys.exit(1)
