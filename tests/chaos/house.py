"""What is hit: a Jabber server, `parley run` and the visitors' door, each behind a proxy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from parley.private_prosody import PrivateProsody
from tests.e2e.support.bridge import Server
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.ports import free_port

ServerName = Literal["prosody", "ejabberd", "ejabberd-api"]
"""`ejabberd-api`: Parley has ejabberd's API, by which it writes contact lists."""

PASSWORD = "correct horse"
OPERATORS = {"ann": "Ann", "bob": "Bob", "cyd": "Cyd"}
SECRET = "s3cret"
WRITES_ROSTERS = (23, 10)
"""The first ejabberd whose privileged roster set does something."""


class Home(Protocol):
    """What is judged in the end."""

    @property
    def by_hand(self) -> bool:
        """Whether operators add contacts themselves, because nobody does it for them."""

    @property
    def domain(self) -> str:
        """The component's."""

    async def transcript(self) -> list[dict[str, Any]]:
        """Every line that is stored."""


@dataclass
class House:
    """All of it, running; a Home."""

    server: Server
    by_hand: bool
    parley: Parley
    browsers: Proxy
    gateway: Proxy
    operators: list[Proxy]

    @property
    def domain(self) -> str:
        """See Home."""
        return self.server.domain

    async def transcript(self) -> list[dict[str, Any]]:
        """See Home."""
        return await asyncio.to_thread(self.parley.transcript)


@asynccontextmanager
async def house(kind: ServerName, folder: Path, seed: int, delay: float) -> AsyncIterator[House]:
    """The house for as long as the block; `delay`: seconds on each way to and from browsers."""
    server, by_hand = _server(kind, folder)
    for name in OPERATORS:
        await server.add_user(name, PASSWORD)
    async with contextlib.AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(proxy(server.component_port))
        operators = [await stack.enter_async_context(proxy(server.c2s_port)) for _ in OPERATORS]
        parley = _Parley(folder / "parley", server, gateway.port)
        if kind == "ejabberd-api" and isinstance(server, PrivateEjabberd):
            parley.use(server.api)
        browsers = await stack.enter_async_context(proxy(parley.http_port, seed=seed))
        browsers.up.delay = browsers.down.delay = delay
        await server.start()
        try:
            await parley.set_up({f"{n}@{server.host}": name for n, name in OPERATORS.items()})
            parley.order("site", "set", SITE, "presence.max_buddies=100")
            await parley.start()
            yield House(server, by_hand, parley, browsers, gateway, operators)
        finally:
            parley.end()
            await server.stop()


def _server(kind: ServerName, folder: Path) -> tuple[Server, bool]:
    """The server, and whether it leaves contact lists to their owners."""
    if kind == "prosody":
        return PrivateProsody(folder / kind, free_port(), free_port(), secret=SECRET), False
    made = PrivateEjabberd(
        folder / kind, free_port(), free_port(), secret=SECRET, offline=True, api_port=free_port()
    )
    return made, kind == "ejabberd" and made.release < WRITES_ROSTERS


class _Parley(Parley):
    """Behind a proxy towards the Jabber server, on ports that no outgoing connection takes."""

    def __init__(self, folder: Path, server: Server, component_port: int) -> None:
        super().__init__(folder, server, limits=False)
        text = self.config.read_text("utf-8")
        http_port, admin_port = free_port(), free_port()
        for old, new in (
            (f"127.0.0.1:{self.http_port}", f"127.0.0.1:{http_port}"),
            (f"tcp:{self.http_port}:", f"tcp:{http_port}:"),
            (f"tcp:{self.admin_port}:", f"tcp:{admin_port}:"),
            (f"port = {server.component_port}", f"port = {component_port}"),
        ):
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text, "utf-8")
        self.http_port, self.admin_port = http_port, admin_port
