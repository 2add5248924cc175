"""`parley demo`: all of it on loopback, in one folder, for trying out."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from string import Template

import click
from twisted.web.resource import Resource
from twisted.web.server import Request

from switchboard.clock import SystemClock

from . import fresh, sites
from .config import load
from .private_prosody import PrivateProsody
from .service import Edges, Service
from .store import StartError, configured_store

HOST = "localhost"
DOMAIN = "chat.localhost"
OPERATOR = "anna"
SITE = "demo"
HTTP_PORT = 8080
XMPP_PORT = 15222
PAGES = ("index", "prices", "lobby")


def demo_service(
    folder: Path, http_port: int | None, xmpp_port: int | None
) -> AbstractAsyncContextManager[None]:
    """A private Prosody and `parley run` together, and pages that carry the widget.

    Ports that are not chosen are the usual ones, or free ones where those are taken. Raises
    StartError or PrivateProsodyError.
    """
    folder = folder.absolute()
    folder.mkdir(mode=0o700, exist_ok=True)
    return _serve(folder, http_port, xmpp_port)


@asynccontextmanager
async def _serve(folder: Path, http_port: int | None, xmpp_port: int | None) -> AsyncIterator[None]:
    http = _port(http_port, HTTP_PORT, "HTTP_PORT")
    xmpp = _port(xmpp_port, XMPP_PORT, "XMPP_PORT")
    component, admin = _port(None, 0, ""), _port(None, 0, "")
    file = folder / "parley.toml"
    file.unlink(missing_ok=True)
    fresh.write(
        file,
        DOMAIN,
        http_port=http,
        admin_port=admin,
        component_port=component,
        key=_kept(folder, "key", 32),
    )
    config = load(file, {})
    password = _kept(folder, "password", 6)
    prosody = PrivateProsody(
        folder / "prosody",
        xmpp,
        component,
        HOST,
        DOMAIN,
        secret=config.component.secret,
        modules=("private", "bookmarks", "mam"),  # without an archive there, Dino 0.4 dies in rooms
    )
    await prosody.add_user(OPERATOR, password)
    store = await configured_store(config, SystemClock())
    origins = [f"http://127.0.0.1:{http}", f"http://localhost:{http}"]
    if not any(site.key == SITE for site in await store.sites()):
        await sites.add(store, SITE, origins, "Demo shop")
        await sites.add_operator(store, SITE, f"{OPERATOR}@{HOST}", "Anna")
    else:
        await sites.change(store, SITE, [f"origins={' '.join(origins)}"])
    service = Service(config, store, Edges.BOTH, {b"demo": _pages()})
    try:
        await prosody.start()
        await service.start()
        for page in ("", "prices"):
            click.echo(f"page: {config.http.public_url}/demo/{page}")
        click.echo(f"jid: {OPERATOR}@{HOST}")
        click.echo(f"password: {password}")
        click.echo("host: 127.0.0.1")
        click.echo(f"port: {xmpp}")
        click.echo("parley: ready")
        yield
    finally:
        await service.stop()
        await prosody.stop()


def _pages() -> Resource:
    root = Resource()
    for page in PAGES:
        root.putChild(b"" if page == "index" else page.encode(), _Page(page))
    return root


class _Page(Resource):
    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        text = files("parley").joinpath("demo_pages", f"{name}.html").read_text("utf-8")
        self._body = Template(text).substitute(site=SITE).encode()

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        return self._body


def _port(chosen: int | None, usual: int, name: str) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", chosen or usual))
        except OSError as problem:
            if chosen is not None:
                raise StartError(
                    f"port {chosen}: {problem.strerror}; choose another {name}"
                ) from None
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _kept(folder: Path, name: str, octets: int) -> str:
    """A secret that is the same at each start."""
    file = folder / name
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_hex(octets))
    return file.read_text().strip()
