"""The `parley` command. What only a running process needs is imported where it runs: the edges
take half of a second, and an admin's command should answer at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from switchboard.clock import SystemClock
from switchboard.errors import SwitchboardError
from switchboard.store import SqlStore
from switchboard.store.migrate import current
from switchboard.store.moving import Progress, move

from . import bans, fresh, jabber_config, runner, sites, transcripts
from .config import Config, ConfigError, load
from .private_prosody import PrivateProsodyError
from .store import StartError, configured_store, product_version, store_for_reading

T = TypeVar("T")

log = logging.getLogger("parley")

_EXPECTED = (ConfigError, StartError, SwitchboardError, PrivateProsodyError)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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

    _with_store(load(file), work)


@cli.group()
def site() -> None:
    """The sites and their settings."""


@site.command("add")
@click.argument("key")
@click.option("--origin", "origins", multiple=True, required=True, help="https://example.com")
@click.option("--title", help="What operators and visitors call it; the key, if not given.")
@click.option(
    "--room", "rooms", multiple=True, metavar="NAME", help="A guest room's name.  [default: lobby]"
)
@click.pass_obj
def site_add(
    file: Path, key: str, origins: tuple[str, ...], title: str | None, rooms: tuple[str, ...]
) -> None:
    """Add a site whose pages come from these origins."""
    _with_store(load(file), lambda store: sites.add(store, key, origins, title, rooms))
    click.echo(f"added {key}; next: parley operator add {key} JID, parley snippet {key}")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def site_list(file: Path, as_json: bool) -> None:
    """List all sites."""
    _list(_with_store(load(file), sites.listing), as_json, "no sites yet: parley site add")


@site.command("show")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="For programs; with the identify secret.")
@click.pass_obj
def site_show(file: Path, key: str, as_json: bool) -> None:
    """Show a site's settings as `site set` takes them."""
    shown = _with_store(load(file), lambda store: sites.show(store, key))
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        for line in sites.as_paths(shown):
            click.echo(line)


@site.command("set")
@click.argument("key")
@click.argument("assignments", nargs=-1, required=True, metavar="PATH=VALUE…")
@click.pass_obj
def site_set(file: Path, key: str, assignments: tuple[str, ...]) -> None:
    """Change settings, such as presence.max_buddies=20; lists and texts may be JSON.

    \b
      hours.time_zone=Europe/Berlin hours.monday=09:00-12:00,13:00-17:30
      upload.on=true upload.types=image/*,application/pdf
      forms.pre_chat='[{"name": "email", "label": "Your mail", "kind": "email", "required": true}]'
      triggers='[{"text": "May I help?", "seconds": 30, "url": "*/prices*"}]'
    """
    _with_store(load(file), lambda store: sites.change(store, key, assignments))
    click.echo(f"{key} is changed")


@site.command("remove")
@click.argument("key")
@click.pass_obj
def site_remove(file: Path, key: str) -> None:
    """Remove a site and its operators; its conversations stay in the store."""
    _with_store(load(file), lambda store: store.remove_site(key))
    click.echo(f"removed {key}")


@cli.group()
def operator() -> None:
    """Who may answer."""


@operator.command("add")
@click.argument("site_key", metavar="SITE")
@click.argument("jid")
@click.option("--name", help="What visitors see; the JID's local part, if not given.")
@click.pass_obj
def operator_add(file: Path, site_key: str, jid: str, name: str | None) -> None:
    """Let a Jabber user answer a site's visitors."""
    added = _with_store(load(file), lambda store: sites.add_operator(store, site_key, jid, name))
    click.echo(f"{added.address} answers for {site_key} as {added.name}")


@operator.command("list")
@click.argument("site_key", metavar="SITE")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def operator_list(file: Path, site_key: str, as_json: bool) -> None:
    """List a site's operators."""
    found = _with_store(load(file), lambda store: sites.operators(store, site_key))
    _list(found, as_json, f"no operators yet: parley operator add {site_key} JID")


@operator.command("remove")
@click.argument("site_key", metavar="SITE")
@click.argument("jid")
@click.pass_obj
def operator_remove(file: Path, site_key: str, jid: str) -> None:
    """Let a Jabber user answer no more."""
    address = sites.bare_jid(jid)
    _with_store(load(file), lambda store: store.remove_operator(site_key, address))
    click.echo(f"{address} no longer answers for {site_key}")


@cli.command("ban")
@click.argument("words", nargs=2, metavar="SITE VISITOR | list SITE")
@click.option("--for", "lasts", default="", help="30m, 2h, 7d or 1w; for good, if not given.")
@click.option("--json", "as_json", is_flag=True, help="For programs; of `list`.")
@click.pass_obj
def ban(file: Path, words: tuple[str, str], lasts: str, as_json: bool) -> None:
    """Serve a visitor no more, or list who is banned."""
    first, second = words
    # A site may be called `list`; a site's key never begins as a visitor's id does.
    if first == "list" and not second.startswith("v-"):
        found = _with_store(load(file), lambda store: bans.listing(store, second))
        _list(found, as_json, "nobody is banned")
    else:
        click.echo(_with_store(load(file), lambda store: bans.ban(store, first, second, lasts)))


@cli.command("unban")
@click.argument("site_key", metavar="SITE")
@click.argument("visitor")
@click.pass_obj
def unban(file: Path, site_key: str, visitor: str) -> None:
    """Serve a visitor again."""
    click.echo(_with_store(load(file), lambda store: bans.lift(store, site_key, visitor)))


@cli.command()
@click.argument("site_key", metavar="SITE")
@click.pass_obj
def snippet(file: Path, site_key: str) -> None:
    """Print the script tag to paste into the site's pages."""
    config = load(file)
    found = _with_store(config, lambda store: sites.find(store, site_key))
    click.echo(sites.snippet(found, config.http.public_url))


@cli.command()
@click.argument("site_key", metavar="SITE")
@click.option("--conversation", help="One conversation's id.")
@click.option("--since", metavar="T", help="A date or time, such as 2026-01-31T08:00:00Z.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
)
@click.pass_obj
def transcript(
    file: Path, site_key: str, conversation: str | None, since: str | None, form: str
) -> None:
    """Print a site's conversations."""
    start = 0 if since is None else transcripts.parse_time(since)

    async def work(store: SqlStore) -> None:
        await sites.find(store, site_key)
        if conversation is None and not await store.conversations(site_key, start):
            click.echo("no conversations yet" if since is None else f"none since {since}", err=True)
        async for piece in transcripts.render(store, site_key, conversation, start, form):
            click.echo(piece, nl=False)

    _with_store(load(file), work, store_for_reading)


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


def _with_store(
    config: Config,
    work: Callable[[SqlStore], Awaitable[T]],
    opened: Callable[[Config, SystemClock], Awaitable[SqlStore]] = configured_store,
) -> T:
    async def main() -> T:
        store = await opened(config, SystemClock())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(main())


def _list(rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo(empty, err=True)
    else:
        for row in rows:
            click.echo("  ".join(str(value) for value in row.values()))


def _operators_hosts(config: Config) -> tuple[str, ...]:
    """The hosts of the operators that the store knows, if there is one to be read."""
    try:
        return _with_store(config, sites.hosts)
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
