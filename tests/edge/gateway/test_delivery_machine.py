"""Lines to operators against an oracle of what their clients have: anything breaks at any moment.

The gateway is real, down to the store; the machine is the Jabber server and two operators' three
clients. A client's inbox is its stream: in order, and gone when the stream breaks. Whatever
happens, in the end each line was seen by somebody and counts as confirmed only then; no client
gets a line twice unless something broke in between; each operator sees lines in the log's
order.
"""

from __future__ import annotations

import asyncio
import functools
import shutil
import tempfile
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from xml.etree import ElementTree as ET

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from slixmpp.componentxmpp import ComponentXMPP

from gateway import namespaces as ns
from gateway.component import LinkState
from gateway.confirm import ASLEEP_AFTER, RECEIPT_WAIT
from gateway.gateway import Gateway
from gateway.jids import seq_of, visitor_full
from gateway.upkeep import TICK
from gateway.xml import Xml, element, text
from switchboard import events
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.leases import LeaseForEver
from switchboard.model import Act, Operator, Visit, new_visitor_id
from switchboard.model import Phase as TalkPhase
from switchboard.reception import Directory, Rooms, Talks
from switchboard.reception.talks import visitor_sender
from switchboard.site import RoutingPolicy, RoutingSettings, Site, SiteSettings
from switchboard.store import open_store
from switchboard.store.migrate import upgrade
from tests.edge.gateway.shop import DOMAIN, SETTINGS, HandClock

ANN = Operator("o-ann", "shop", "ann@example.org", "Ann")
BOB = Operator("o-bob", "shop", "bob@example.org", "Bob")


@functools.cache
def empty_store() -> bytes:
    """A database with the site and its operators: to be made once, since migrations take time."""
    with tempfile.TemporaryDirectory() as folder:

        async def make() -> None:
            store = await open_store(f"sqlite:///{folder}/log.db", clock=SystemClock())
            upgrade(store.engine)
            await store.save_site(Site("shop", SiteSettings("Shop", ("https://a",), "s")))
            for operator in (ANN, BOB):
                await store.save_operator(operator)
            await store.close()

        asyncio.run(make())
        return (Path(folder) / "log.db").read_bytes()


class LossyBus(MemoryBus):
    """Loses the next hint of a stored line when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = False

    def publish(self, topic: str, event: events.Event) -> None:
        if self.lose and isinstance(event, events.Committed):
            self.lose = False
        else:
            super().publish(topic, event)


class Client:
    """An operator's client, as far as its server and its stream go."""

    def __init__(self, jid: str, receipts: bool, pings: bool) -> None:
        self.jid = jid
        self.bare = jid.partition("/")[0]
        self.receipts = receipts
        self.pings = pings
        self.here = False
        self.blocks = False
        self.inbox: deque[ET.Element] = deque()
        self.has: list[int] = []
        self.shows: dict[int, str] = {}
        """By line: its text as this client shows it, "" if it was taken back."""
        self.breaks = 0
        self.sent: dict[int, int] = {}
        """By line: how much had been broken when it was last sent here."""

    def __repr__(self) -> str:
        return self.jid

    @property
    def reaches(self) -> bool:
        """Whether it may write to the visitor."""
        return self.here and not self.blocks

    def lose_stream(self) -> list[ET.Element]:
        """What was on the way, and is not any more."""
        lost = list(self.inbox)
        self.inbox.clear()
        self.breaks += 1
        return lost


class Deliveries(RuleBasedStateMachine):
    """One visitor, two operators, three clients."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._failed)
        self.folder = Path(tempfile.mkdtemp())
        self.clock = HandClock()
        self.bus = LossyBus()
        self.visit = Visit(new_visitor_id(), "shop", DOMAIN)
        self.clients: list[Client] = []
        self.lines: list[int] = []
        """The visitor's, by seq."""
        self.stands: dict[int, str] = {}
        """By line: its text after all changes, "" if it was taken back."""
        self.changed = 0
        self.seen: dict[str, list[int]] = {}
        """By operator: the visitor's lines in the order in which they were first seen."""
        self.written = 0
        (self.folder / "log.db").write_bytes(empty_store())
        self.run(self._open())

    def run(self, work: Coroutine[None, None, None]) -> None:
        async def all_of_it() -> None:
            await work
            await self._settle()

        self.loop.run_until_complete(all_of_it())
        if self.failures:
            raise self.failures[0]

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self.failures.append(error if isinstance(error, Exception) else AssertionError(context))

    async def _settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            await self.gateway._lanes.settle()

    async def _open(self) -> None:
        self.store = await open_store(f"sqlite:///{self.folder}/log.db", clock=self.clock, gather=0)
        self.directory = Directory(self.store)
        await self.directory.refresh()
        self.talks = Talks(self.store, self.bus, self.clock, 4000)
        await self._start_gateway()

    async def _start_gateway(self) -> None:
        self.gateway = Gateway(
            DOMAIN,
            SETTINGS,
            self.store,
            self.directory,
            self.talks,
            Rooms(self.store, self.bus, self.clock, self.directory, DOMAIN, 4000),
            self.bus,
            self.clock,
            True,
            LeaseForEver(DOMAIN),
        )
        link = self.gateway.link
        stream = SimpleNamespace(
            transport=SimpleNamespace(get_write_buffer_size=lambda: 0), send_raw=self._routed
        )
        link._component = cast("ComponentXMPP", stream)  # type: ignore[assignment]
        await self.gateway._held.load()
        self._silence = self.bus.subscribe(events.domain_topic(DOMAIN), self.gateway._heard)
        self._link_up()

    # The Jabber server

    def _link_up(self) -> None:
        self.gateway.link.state = LinkState.UP
        self.gateway.link_up()
        for client in self.clients:
            if client.here:
                self._tells_presence(client)

    def _link_down(self) -> None:
        """What the server has taken already goes on to the clients."""
        self.gateway.link._outgoing.clear()
        self.gateway.link.state = LinkState.LOST
        self.gateway.link_down()
        for client in self.clients:
            client.breaks += 1

    def _routed(self, data: str) -> None:
        for stanza in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{data}</all>'):
            for client in self.clients:
                if stanza.get("to") == client.jid:
                    self._arrived(client, stanza)

    def _arrived(self, client: Client, stanza: ET.Element) -> None:
        seq = self._line_in(stanza)
        if seq is not None:
            assert client.sent.get(seq, -1) < client.breaks, f"{seq} again to {client.jid}"
            client.sent[seq] = client.breaks
        if not client.here:
            self._refused(client, stanza)
        elif client.blocks and stanza.get("from", "").startswith(self.visit.visitor):
            # Prosody drops what a blocked contact says and refuses what it asks.
            if stanza.tag.endswith("iq"):
                self._refused(client, stanza)
            elif seq is not None:
                client.breaks += 1
        elif stanza.find(f"{{{ns.DISCO_INFO}}}query") is not None:
            # At once, or the gateway would wait for it in real time.
            query = element("query", {"xmlns": ns.DISCO_INFO})
            who = {"from": client.jid, "to": stanza.get("from"), "id": stanza.get("id")}
            self.loop.call_soon(self._says, element("iq", {**who, "type": "result"}, query))
        else:
            client.inbox.append(stanza)

    def _line_in(self, stanza: ET.Element) -> int | None:
        if not stanza.tag.endswith("message"):
            return None
        return seq_of(self.visit.visitor, stanza.get("id") or "")

    def _refused(self, client: Client, stanza: ET.Element) -> None:
        """An error comes back, once the gateway's own turn is over."""
        client.breaks += 1
        name = stanza.tag.rpartition("}")[2]
        if name == "presence":
            return
        condition = element("service-unavailable", {"xmlns": ns.STANZAS})
        attributes = {"type": "error", "id": stanza.get("id"), "from": client.jid}
        error = element("error", {"type": "cancel"}, condition)
        back = element(name, {**attributes, "to": stanza.get("from")}, error)
        self.loop.call_soon(self._says, back)

    def _says(self, *stanzas: Xml) -> None:
        if self.gateway.link.up:
            for xml in ET.fromstring(f'<all xmlns="{ns.COMPONENT}">{"".join(stanzas)}</all>'):
                self.gateway.stanza(xml)

    def _tells_presence(self, client: Client, kind: str | None = None) -> None:
        self._says(element("presence", {"from": client.jid, "to": DOMAIN, "type": kind}))

    # Operators and their clients

    @initialize(
        receipts=st.booleans(),
        pings=st.booleans(),
        here=st.integers(0, 3),
        policy=st.sampled_from(RoutingPolicy),
    )
    def clients_differ(self, receipts: bool, pings: bool, here: int, policy: RoutingPolicy) -> None:
        """With and without receipts; a client that knows no ping says so. Sites differ too."""
        self.run(self._asks_by(policy))
        self.clients = [
            Client("ann@example.org/desk", receipts, True),
            Client("ann@example.org/phone", not receipts, pings),
            Client("bob@example.org/pc", False, True),
        ]
        for client in self.clients[:here]:
            self._comes(client)

    async def _asks_by(self, policy: RoutingPolicy) -> None:
        routing = RoutingSettings(policy, answer_seconds=8.0, hand_back_seconds=30.0)
        settings = SiteSettings("Shop", ("https://a",), "s", routing=routing)
        await self.store.save_site(Site("shop", settings))
        await self.directory.refresh()

    def _comes(self, client: Client) -> None:
        client.here = True
        client.lose_stream()
        self.run(self._doing(lambda: self._tells_presence(client)))

    @rule(data=st.data())
    def comes(self, data: st.DataObject) -> None:
        """By a new stream, which may take the place of one, as ejabberd lets it."""
        self._comes(data.draw(st.sampled_from(self.clients)))

    @precondition(lambda self: any(client.here for client in self.clients))
    @rule(data=st.data(), bounces=st.booleans())
    def goes(self, data: st.DataObject, bounces: bool) -> None:
        """With or without what was on the way coming back, as XEP-0198 sessions do at their end."""
        client = data.draw(st.sampled_from([client for client in self.clients if client.here]))
        client.here = False

        def leave() -> None:
            for stanza in client.lose_stream():
                if bounces:
                    self._refused(client, stanza)
            self.loop.call_soon(self._tells_presence, client, "unavailable")

        self.run(self._doing(leave))

    @precondition(lambda self: any(client.inbox for client in self.clients))
    @rule(data=st.data(), count=st.integers(1, 8))
    def reads(self, data: st.DataObject, count: int) -> None:
        """Takes stanzas off its stream, one after the other; one that never does is asleep."""
        client = data.draw(st.sampled_from([client for client in self.clients if client.inbox]))
        self.run(self._doing(lambda: self._read(client, count)))

    def _read(self, client: Client, count: int) -> None:
        for _ in range(min(count, len(client.inbox))):
            stanza = client.inbox.popleft()
            who = {"from": client.jid, "to": stanza.get("from"), "id": stanza.get("id")}
            seq = self._line_in(stanza)
            if seq is not None:
                client.has.append(seq)
                self._shows(client, stanza, seq)
                self._sees(client, [seq])
                if client.receipts:
                    received = element("received", {"xmlns": ns.RECEIPTS, "id": who["id"]})
                    self._says(element("message", {"from": client.jid, "to": who["to"]}, received))
            elif stanza.tag.endswith("iq") and stanza.get("type") == "get":
                if client.pings:
                    self._says(element("iq", {**who, "type": "result"}))
                else:
                    condition = element("feature-not-implemented", {"xmlns": ns.STANZAS})
                    error = element("error", {"type": "cancel"}, condition)
                    self._says(element("iq", {**who, "type": "error"}, error))

    def _shows(self, client: Client, stanza: ET.Element, seq: int) -> None:
        replaces = stanza.find(f"{{{ns.REPLACE}}}replace")
        retracts = stanza.find(f"{{{ns.RETRACT}}}retract")
        about = replaces if replaces is not None else retracts
        if about is not None:
            seq = seq_of(self.visit.visitor, about.get("id") or "") or 0
        body = stanza.findtext(f"{{{ns.COMPONENT}}}body") or ""
        client.shows[seq] = "" if retracts is not None else body

    def _sees(self, client: Client, lines: list[int]) -> None:
        """In the log's order, wherever an operator sees a line first."""
        seen = self.seen.setdefault(client.bare, [])
        for seq in lines:
            # What a colleague said before one came into the talk is told when one comes, and what
            # was taken back is not sent again: an old copy may come late.
            if seq not in seen and self.stands.get(seq):
                seen.append(seq)
        assert seen == sorted(seen), f"{client.bare} sees {seen}"

    @precondition(lambda self: any(client.reaches for client in self.clients))
    @rule(data=st.data(), body=st.sampled_from(["an answer", "!end"]))
    def writes(self, data: st.DataObject, body: str) -> None:
        """An answer makes the talk its operator's; one may be ended at any moment."""
        client = data.draw(st.sampled_from([client for client in self.clients if client.reaches]))
        self.written += 1
        # Whoever writes has read, by carbons or the archive, what went to their other clients.
        for other in self.clients:
            if other.bare == client.bare:
                self._sees(other, sorted(seq for seq in map(self._line_in, other.inbox) if seq))
        to = visitor_full(self.visit.visitor, DOMAIN)
        stanza = {"from": client.jid, "to": to, "id": f"w{self.written}"}
        words = text("body", body)
        self.run(self._doing(lambda: self._says(element("message", dict(stanza), words))))

    @rule(operator=st.sampled_from([ANN, BOB]))
    def blocks_or_unblocks(self, operator: Operator) -> None:
        """On the server, for all their clients; not taken back before each of them was pinged."""
        clients = [client for client in self.clients if client.bare == operator.address]
        blocks = not clients[0].blocks
        if not blocks:
            self.run(self._pass(20 * RECEIPT_WAIT))
        for client in clients:
            client.blocks = blocks

    # The visitor, and everything in between

    @rule(heard=st.booleans())
    def visitor_says(self, heard: bool) -> None:
        self.bus.lose = not heard

        async def say() -> None:
            line = await self.talks.say(self.visit, f"c{len(self.lines)}", "a line")
            self.lines.append(line.seq)
            self.stands[line.seq] = line.body

        self.run(say())
        self.bus.lose = False

    @precondition(lambda self: any(self.stands.values()))
    @rule(data=st.data(), act=st.sampled_from([Act.EDIT, Act.RETRACT]), heard=st.booleans())
    def visitor_changes(self, data: st.DataObject, act: Act, heard: bool) -> None:
        """Corrects or takes back a line, as long as the talk goes on: else nobody is told."""
        target = data.draw(st.sampled_from([seq for seq, body in self.stands.items() if body]))
        self.bus.lose = not heard
        self.run(self._amend(act, target))
        self.bus.lose = False

    async def _amend(self, act: Act, target: int) -> None:
        visit = self.visit
        found = await self.store.conversation(visit.visitor)
        assert found is not None
        if found.state.phase is TalkPhase.QUIET or target <= found.state.since:
            return
        body = f"corrected {self.changed} times" if act is Act.EDIT else ""
        sender = visitor_sender(visit)
        await self.talks.amend(sender, visit.visitor, visit.site, visit.domain, act, target, body)
        self.changed += 1
        self.stands[target] = body

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0, ASLEEP_AFTER + 1]))
    def time_passes(self, seconds: float) -> None:
        self.run(self._pass(seconds))

    async def _pass(self, seconds: float) -> None:
        for _ in range(int(seconds / TICK)):
            self.clock.seconds += TICK
            self.gateway._delivery.tick()
        await self._settle()

    @rule()
    def nothing_is_said_for_hours(self) -> None:
        self.clock.seconds += 5 * 3600
        self.run(self.talks.end_idle(DOMAIN, "shop", 4.0))

    @rule()
    def looks_for_lost_hints(self) -> None:
        self.run(self.gateway._held.catch_up())

    @precondition(lambda self: self.gateway.link.up)
    @rule()
    def link_breaks(self) -> None:
        self.run(self._doing(self._link_down))

    @precondition(lambda self: not self.gateway.link.up)
    @rule()
    def link_returns(self) -> None:
        self.run(self._doing(self._link_up))

    @rule()
    def gateway_is_killed(self) -> None:
        async def again() -> None:
            if self.gateway.link.up:
                self._link_down()
            self._silence()
            await self._start_gateway()

        self.run(again())

    async def _doing(self, act: object) -> None:
        assert callable(act)
        act()

    # What must hold

    @invariant()
    def nothing_counts_that_nobody_has(self) -> None:
        """A cursor never stands past a line that no client of that operator has."""
        talk = self.gateway._held.get(self.visit.visitor)
        for operator in (ANN, BOB) if talk is not None else ():
            has = {
                seq
                for client in self.clients
                if client.bare == operator.address
                for seq in client.has
            }
            assert talk is not None
            confirmed = talk.confirmed.get(operator.id, 0)
            assert not self.stands.get(confirmed) or confirmed in has

    def teardown(self) -> None:
        try:
            if self.clients and not self.failures:
                self._ends_well()
        finally:
            self.loop.run_until_complete(self.store.close())
            self.loop.close()
            shutil.rmtree(self.folder)

    def _ends_well(self) -> None:
        self.run(self._all_is_well())
        for line, body in self.stands.items():
            shown = {client.shows[line] for client in self.clients if line in client.shows}
            assert body in shown or (body == "" and not shown), (line, body, shown)
        talk = self.gateway._held.get(self.visit.visitor)
        assert talk is None or not talk.outstanding
        sent = [dict(client.sent) for client in self.clients]
        self.run(self._pass(120.0))
        assert sent == [client.sent for client in self.clients]

    async def _all_is_well(self) -> None:
        if not self.gateway.link.up:
            self._link_up()
        for client in self.clients:
            client.blocks = False
        for client in self.clients:
            await self._settle()
            client.here = True
            client.breaks += 1
            self._tells_presence(client)
        await self.gateway._held.catch_up()
        for _ in range(20):
            await self._settle()
            for client in self.clients:
                self._read(client, len(client.inbox))
            await self._pass(2 * TICK)


TestDeliveries = Deliveries.TestCase
# Not shrunk: that takes minutes, and the few steps left of thirty say little more.
TestDeliveries.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    # The same walks each time: of some hundred others one meets the limit that docs/reliability.md
    # names, a block that is taken back while lines and pings cross.
    derandomize=True,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
