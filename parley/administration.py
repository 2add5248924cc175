"""Commands that work on the store alone, whether or not Parley runs: sites and their people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from switchboard.store import SqlStore

from . import bans, sites, transcripts
from .config import load
from .store import store_for_reading, with_store


@click.group()
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
    with_store(load(file), lambda store: sites.add(store, key, origins, title, rooms))
    click.echo(f"added {key}; next: parley operator add {key} JID, parley snippet {key}")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def site_list(file: Path, as_json: bool) -> None:
    """List all sites."""
    _list(with_store(load(file), sites.listing), as_json, "no sites yet: parley site add")


@site.command("show")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="For programs; with the identify secret.")
@click.pass_obj
def site_show(file: Path, key: str, as_json: bool) -> None:
    """Show a site's settings as `site set` takes them."""
    shown = with_store(load(file), lambda store: sites.show(store, key))
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
    with_store(load(file), lambda store: sites.change(store, key, assignments))
    click.echo(f"{key} is changed")


@site.command("remove")
@click.argument("key")
@click.pass_obj
def site_remove(file: Path, key: str) -> None:
    """Remove a site and its operators; its conversations stay in the store."""
    with_store(load(file), lambda store: store.remove_site(key))
    click.echo(f"removed {key}")


@click.group()
def operator() -> None:
    """Who may answer."""


@operator.command("add")
@click.argument("site_key", metavar="SITE")
@click.argument("jid")
@click.option("--name", help="What visitors see; the JID's local part, if not given.")
@click.pass_obj
def operator_add(file: Path, site_key: str, jid: str, name: str | None) -> None:
    """Let a Jabber user answer a site's visitors."""
    added = with_store(load(file), lambda store: sites.add_operator(store, site_key, jid, name))
    click.echo(f"{added.address} answers for {site_key} as {added.name}")


@operator.command("list")
@click.argument("site_key", metavar="SITE")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def operator_list(file: Path, site_key: str, as_json: bool) -> None:
    """List a site's operators."""
    found = with_store(load(file), lambda store: sites.operators(store, site_key))
    _list(found, as_json, f"no operators yet: parley operator add {site_key} JID")


@operator.command("remove")
@click.argument("site_key", metavar="SITE")
@click.argument("jid")
@click.pass_obj
def operator_remove(file: Path, site_key: str, jid: str) -> None:
    """Let a Jabber user answer no more."""
    address = sites.bare_jid(jid)
    with_store(load(file), lambda store: store.remove_operator(site_key, address))
    click.echo(f"{address} no longer answers for {site_key}")


@click.command("ban")
@click.argument("words", nargs=2, metavar="SITE VISITOR | list SITE")
@click.option("--for", "lasts", default="", help="30m, 2h, 7d or 1w; for good, if not given.")
@click.option("--json", "as_json", is_flag=True, help="For programs; of `list`.")
@click.pass_obj
def ban(file: Path, words: tuple[str, str], lasts: str, as_json: bool) -> None:
    """Serve a visitor no more, or list who is banned."""
    first, second = words
    # A site may be called `list`; a site's key never begins as a visitor's id does.
    if first == "list" and not second.startswith("v-"):
        found = with_store(load(file), lambda store: bans.listing(store, second))
        _list(found, as_json, "nobody is banned")
    else:
        click.echo(with_store(load(file), lambda store: bans.ban(store, first, second, lasts)))


@click.command("unban")
@click.argument("site_key", metavar="SITE")
@click.argument("visitor")
@click.pass_obj
def unban(file: Path, site_key: str, visitor: str) -> None:
    """Serve a visitor again."""
    click.echo(with_store(load(file), lambda store: bans.lift(store, site_key, visitor)))


@click.command()
@click.argument("site_key", metavar="SITE")
@click.pass_obj
def snippet(file: Path, site_key: str) -> None:
    """Print the script tag to paste into the site's pages."""
    config = load(file)
    found = with_store(config, lambda store: sites.find(store, site_key))
    click.echo(sites.snippet(found, config.http.public_url))


@click.command()
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

    with_store(load(file), work, store_for_reading)


def _list(rows: list[dict[str, Any]], as_json: bool, empty: str) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo(empty, err=True)
    else:
        for row in rows:
            click.echo("  ".join(str(value) for value in row.values()))


COMMANDS: tuple[click.Command, ...] = (site, operator, ban, unban, snippet, transcript)
