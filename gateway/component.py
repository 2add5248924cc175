"""The link to the Jabber server: connect, handshake, keep alive, come back (XEP-0114).

Connectivity is a state, not a flag. slixmpp does not reconnect once an established link drops,
queues without bound while it is down and replays that stale queue afterwards; so this module
reconnects itself, and sends nothing unless the link is up and the domain's lease is held: a process
that was frozen may have a successor. There is one writer: everything goes through `Link.send`,
which joins the stanzas of one loop turn into one write. What arrives is taken in any case.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import random
import socket
from collections.abc import Callable
from typing import Any, Protocol
from xml.etree import ElementTree as ET

from slixmpp.componentxmpp import ComponentXMPP

from switchboard.leases import Lease
from switchboard.ports import Clock

from . import namespaces as ns
from .echo import Echo
from .xml import Xml, element

BACKOFF_FIRST = 0.25
BACKOFF_MOST = 3.0
"""Seconds; the server's return is noticed within this and a connection's time."""
STEADY_AFTER = 10.0
"""Seconds after which a link that drops is tried again as soon as one that never did."""
CONNECT_TIMEOUT = 5.0
QUIET_PING = 10.0
"""Seconds without a byte from the server after which it is pinged…"""
QUIET_DEAD = 18.0
"""… and after which it counts as dead."""
BUFFER_MOST = 16 * 1024 * 1024
"""Bytes waiting for a server that does not read, after which it counts as dead."""

log = logging.getLogger(__name__)


class LinkState(enum.StrEnum):
    """Where the link stands, as `/readyz` and the log tell it."""

    CONNECTING = "connecting"
    UP = "up"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    LOST = "lost"
    STOPPED = "stopped"
    WITHHELD = "withheld"
    """Of a domain: linked, but it is not sure that it is still ours."""
    STANDBY = "standby"
    """Of a domain: another process serves it, and we would."""


class Bridge(Protocol):
    """Whoever lives at the other end of the link. Called on the event loop, must not block."""

    def link_up(self) -> None:
        """The handshake is done; stanzas may be sent."""

    def link_down(self) -> None:
        """The link is gone, and with it all that was not confirmed."""

    def stanza(self, xml: ET.Element) -> None:
        """A message, presence or iq arrived."""


class _Component(ComponentXMPP):
    """slixmpp keeps the stream; stanzas are taken before its chain of handlers.

    That chain costs 55 to 384 µs a stanza, and its own presence handlers answer probes with
    `unsubscribed`. An exception must not escape here: it would close the stream.
    """

    def __init__(self, domain: str, secret: str, take: Callable[[ET.Element], None]) -> None:
        super().__init__(domain, secret, fix_error_ns=True)  # type: ignore[no-untyped-call]
        self.del_event_handler("presence_probe", self._handle_probe)
        self.whitespace_keepalive = False
        self._take = take
        self._socket: socket.socket | None = None

    def _spawn_event(self, xml: ET.Element) -> None:
        if xml.tag in _STANZAS:
            self._take(xml)
        else:
            super()._spawn_event(xml)

    def connection_made(self, transport: Any, send_event: bool = True) -> None:
        self._socket = transport.get_extra_info("socket")
        super().connection_made(transport, send_event)

    def data_received(self, data: bytes | str) -> None:
        super().data_received(data)
        self.acknowledge_now()

    def acknowledge_now(self) -> None:
        """Without it Prosody's Nagle and the kernel's delayed ACK add some 10 ms to a stanza.

        The kernel drops the setting by itself, so it is set again after each read.
        """
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


_ECHO = "echo-"

_STANZAS = frozenset(
    f"{{{namespace}}}{name}"
    for namespace in (ns.COMPONENT, "jabber:client")
    for name in ("message", "presence", "iq")
)


class Link:
    """One component domain's connection, for as long as `run` runs."""

    def __init__(
        self,
        domain: str,
        secret: str,
        host: str,
        port: int,
        bridge: Bridge,
        clock: Clock,
        lease: Lease,
    ) -> None:
        self.domain = domain
        self.state = LinkState.CONNECTING
        self.reason = ""
        self.tried = asyncio.Event()
        """Set once the first attempt has succeeded or failed."""
        self._address = (host, port)
        self._bridge = bridge
        self._clock = clock
        self._lease = lease
        self._heard_at = 0.0
        self._pinged = False
        self._echo = Echo()
        self._stream_error = ""
        self._outgoing: list[str] = []
        self._news: asyncio.Queue[str] = asyncio.Queue()
        self._component = _Component(domain, secret, self._stanza)
        self._component.add_event_handler("session_start", self._on_session)
        self._component.add_event_handler("disconnected", self._on_disconnected)
        self._component.add_event_handler("connection_failed", self._on_failed)
        self._component.add_event_handler("stream_error", self._on_stream_error)

    @property
    def up(self) -> bool:
        """Whether stanzas may be sent."""
        return self.state is LinkState.UP and self.ours

    @property
    def ours(self) -> bool:
        """Whether we may speak for the domain, to anybody."""
        return self._lease.held

    def send(self, stanza: Xml) -> None:
        """Sends a stanza with the others of this loop turn; dropped while the link is not `up`."""
        if not self.up:
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(stanza)

    async def run(self) -> None:
        """Connects and reconnects until cancelled."""
        delay = BACKOFF_FIRST
        while True:
            # Whoever was thrown out by a successor must not throw that out in turn.
            await self._lease.confirmed()
            if await self._attempt():
                since = self._clock.monotonic()
                await self._stay()
                # Each return sends again what is not confirmed: one that flaps does so slower.
                if self._clock.monotonic() - since >= STEADY_AFTER:
                    delay = BACKOFF_FIRST
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, BACKOFF_MOST)

    async def stop(self) -> None:
        """Closes the stream in good order, after what was sent; takes what comes until then."""
        self._flush()
        was_up = self.up
        self._change(LinkState.STOPPED, "")
        if was_up:
            self._bridge.link_down()
        self._component.cancel_connection_attempt()
        if self._component.transport is not None:
            await self._component.disconnect(wait=1.0, ignore_send_queue=True)
        filters = self._component._run_out_filters
        if filters is not None:
            filters.cancel()

    def _flush(self) -> None:
        if not self._outgoing:
            return
        data = "".join(self._outgoing)
        self._outgoing.clear()
        transport = self._component.transport
        if not self.up or transport is None:
            return
        self._component.send_raw(data)
        if transport.get_write_buffer_size() > BUFFER_MOST:
            log.warning("%s: the Jabber server does not read", self.domain)
            self._component.abort()

    async def _attempt(self) -> bool:
        while not self._news.empty():
            self._news.get_nowait()
        self._stream_error = ""
        self._component.connect(*self._address)
        try:
            # Not wait_for: on Python 3.11 it can swallow a cancellation.
            async with asyncio.timeout(CONNECT_TIMEOUT):
                news = await self._news.get()
        except TimeoutError:
            news = "no answer"
        if news == "up":
            return True
        self._component.cancel_connection_attempt()
        if self._component.transport is not None:
            self._component.abort()
        if self._stream_error:
            self._change(LinkState.REFUSED, _remedy(self._stream_error))
        else:
            host, port = self._address
            self._change(
                LinkState.UNREACHABLE,
                f"no Jabber server takes components at {host}:{port} ({news}): "
                "is it running, and is [component] right?",
            )
        return False

    async def _stay(self) -> None:
        news = ""
        while news not in ("lost", "failed"):
            try:
                async with asyncio.timeout(1.0):
                    news = await self._news.get()
            except TimeoutError:
                self._keep_alive()
                self._send_echoes()
        self._change(LinkState.LOST, self._stream_error or "the connection was lost")
        self._bridge.link_down()

    def _keep_alive(self) -> None:
        if not self.ours:
            self._heard_at = self._clock.monotonic()  # nobody was asked for a sign of life
        quiet = self._clock.monotonic() - self._heard_at
        if quiet >= QUIET_DEAD:
            log.warning("%s: the Jabber server has been silent for %d s", self.domain, quiet)
            self._component.abort()
        elif quiet >= QUIET_PING and not self._pinged:
            self._pinged = True
            self._ping_ourselves("alive")

    def _send_echoes(self) -> None:
        if self.up and not self._echo.alone:
            for number in self._echo.batch():
                self._ping_ourselves(f"{_ECHO}{number}")

    def _ping_ourselves(self, id: str) -> None:
        """The server has to carry it both ways, whatever it supports itself."""
        ping = element("ping", {"xmlns": ns.PING})
        attributes = {"type": "get", "from": self.domain, "to": self.domain, "id": id}
        self.send(element("iq", dict(attributes), ping))

    def _heard_echo(self, xml: ET.Element) -> None:
        number = (xml.get("id") or "").removeprefix(_ECHO)
        if xml.get("from") == self.domain and number.isdecimal() and self._echo.heard(int(number)):
            log.warning("%s: another process was linked too, and is gone", self.domain)
            self._component.abort()

    def _stanza(self, xml: ET.Element) -> None:
        self._heard_at, self._pinged = self._clock.monotonic(), False
        if self.state not in (LinkState.UP, LinkState.STOPPED):
            return
        if not self._echo.alone:
            self._heard_echo(xml)
        try:
            self._bridge.stanza(xml)
        except Exception:
            log.exception("%s: a stanza could not be handled", self.domain)

    def _on_session(self, _: object) -> None:
        # Here and not in run(): the stanzas right behind the handshake must find us up.
        if self.state is not LinkState.STOPPED:
            self._news.put_nowait("up")
            self._heard_at, self._pinged = self._clock.monotonic(), False
            self._change(LinkState.UP, "")
            self._bridge.link_up()
            self._echo = Echo()
            self._send_echoes()

    def _on_disconnected(self, _: object) -> None:
        self._news.put_nowait("lost")

    def _on_failed(self, error: object) -> None:
        self._news.put_nowait(str(error) or "failed")

    def _on_stream_error(self, error: Any) -> None:
        self._stream_error = str(error["condition"])

    def _change(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        self.tried.set()
        if state is LinkState.UP:
            log.info("%s: linked with the Jabber server", self.domain)
        elif state is not LinkState.STOPPED:
            log.warning("%s: %s: %s", self.domain, state.value, reason)


def _remedy(condition: str) -> str:
    match condition:
        case "not-authorized":
            return "the Jabber server refuses our secret: compare [component] secret with its own"
        case "conflict":
            return (
                "another process holds this domain: end it, or set "
                'component_conflict_resolve = "kick_old" in Prosody'
            )
        case "host-unknown":
            return "the Jabber server knows no component of this name: add it there"
        case _:
            return f"the Jabber server refuses us: {condition}"
