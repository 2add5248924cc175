"""What the cluster serves about itself: a page with the widget, and a page of what runs."""

from __future__ import annotations

import json
from html import escape
from string import Template
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from .member import Member, state

_SHOP = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>$title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto }</style>
<h1>$title</h1>
<p>The widget on this page comes through the front. <a href="/status">What runs</a> is told
on a page of its own: kill what you like there by its process id.</p>
<script async src="$url/widget.js" data-site="$site"></script></html>"""
)

_STATUS = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Cluster</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="2">
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ccc }
td:nth-child(2) { font-variant-numeric: tabular-nums }
.running { color: #0a6b2d } .frozen, .ended { color: #b00020; font-weight: 600 }
</style>
<h1>What runs</h1>"""

_COLUMNS = ("name", "pid", "address", "state", "health")


def pages(members: list[Member], url: str, site: str, title: str) -> Resource:
    """The shop at `/`, `/status` for people and `/status.json` for programs."""
    root = Resource()
    shop = _SHOP.substitute(url=url, site=site, title=title)
    root.putChild(b"", _Page(lambda: ("text/html", shop)))
    root.putChild(b"status", _Page(lambda: ("text/html", _table(look(members)))))
    json_page = _Page(lambda: ("application/json", json.dumps(look(members), indent=2)))
    root.putChild(b"status.json", json_page)
    return root


def look(members: list[Member]) -> list[dict[str, Any]]:
    """A row for each member; takes as long as those who do not answer."""
    rows = []
    for member in members:
        is_ = state(member)
        health = member.health() if is_ == "running" else ""
        values = (member.name, member.pid, member.where, is_, health)
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    head = "".join(f"<th>{column}" for column in _COLUMNS)
    body = "".join(
        f'<tr class="{row["state"]}">'
        + "".join(f"<td>{escape(str(row[column] or ''))}" for column in _COLUMNS)
        for row in rows
    )
    return f"{_STATUS}<table><thead><tr>{head}<tbody>{body}</table></html>"


class _Page(Resource):
    isLeaf = True

    def __init__(self, made: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._made = made

    def render_GET(self, request: Request) -> int:
        def answer(made: tuple[str, str]) -> None:
            kind, text = made
            request.setHeader(b"content-type", f"{kind}; charset=utf-8".encode())
            request.write(text.encode())
            request.finish()

        deferToThread(self._made).addCallbacks(answer, lambda _: request.finish())
        return NOT_DONE_YET
