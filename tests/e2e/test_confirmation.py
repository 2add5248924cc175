"""What an operator's client has confirmed, case by case, on Prosody and on ejabberd.

In each case somebody sees the line, and the visitor hears "delivered" only of what a client of
that operator really has: a witness checks each receipt when it is told.
"""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from gateway import confirm, upkeep
from parley import private_prosody
from parley.private_prosody import PrivateProsody
from switchboard import events
from switchboard.model import SenderKind, Visit
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.bridge import Bridge, Server, bridge
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.operator import Operator, Ping, Received
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

pytestmark = pytest.mark.prosody

DOMAIN = "chat.localhost"
PEOPLE = {"ann@localhost": "Ann", "bob@localhost": "Bob"}
RESUME_SECONDS = 3
ASLEEP_SECONDS = 3.0


@pytest.fixture(
    scope="module", params=["prosody", pytest.param("ejabberd", marks=pytest.mark.long)]
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with ann and bob that keeps a lost stream for RESUME_SECONDS."""
    folder = tmp_path_factory.mktemp(request.param)
    one: Server
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "prosody":
            resumable = f'"smacks",\n}}}}\nsmacks_hibernation_time = {RESUME_SECONDS}\n'
            configuration = private_prosody._CONFIGURATION.replace("}}\nauth", resumable + "auth")
            assert resumable in configuration
            patch.setattr(private_prosody, "_CONFIGURATION", configuration)
            one = PrivateProsody(folder, free_port(), free_port(), secret="s3cret")
        else:
            one = PrivateEjabberd(
                folder, free_port(), free_port(), secret="s3cret", resume_timeout=RESUME_SECONDS
            )
        loop = asyncio.new_event_loop()
        for name in ("ann", "bob"):
            loop.run_until_complete(one.add_user(name, PASSWORD))
        loop.run_until_complete(one.start())
        yield one
        loop.run_until_complete(one.stop())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class Scene:
    """A linked gateway, its operators' clients, and a witness of what is told of them."""

    def __init__(self, desk: Bridge, server: Server) -> None:
        self.desk = desk
        self.server = server
        self.clients: dict[str, list[Operator]] = {name: [] for name in PEOPLE.values()}
        self.lies: list[str] = []
        self._said: dict[str, dict[int, str]] = {}

    async def operator(
        self,
        name: str,
        *,
        resource: str = "scripted",
        priority: int = 0,
        receipts: bool = True,
        ping: Ping = "answer",
        resumable: bool = False,
    ) -> Operator:
        """A client of ann or bob that the gateway knows of."""
        client = Operator(
            f"{name.lower()}@{self.server.host}",
            PASSWORD,
            resource=resource,
            priority=priority,
            receipts=receipts,
            ping=ping,
            resumable=resumable,
        )
        self.clients[name].append(client)
        await client.login(self.server.c2s_port)
        await eventually(lambda: self.knows(client), 10.0, f"{client.full_jid} is known")
        return client

    def knows(self, client: Operator) -> bool:
        """Whether the gateway takes that resource for available."""
        there = self.desk.edge.gateways[0]._operators.resources(client.full_jid.partition("/")[0])
        return any(resource.jid.full == client.full_jid for resource in there)

    def empty(self) -> bool:
        """Whether no operator has a client that the gateway knows of."""
        operators = self.desk.edge.gateways[0]._operators
        return not any(operators.is_there(address) for address in PEOPLE)

    def arrive(self) -> Visit:
        """A visitor whose receipts the witness checks."""
        visit = self.desk.arrive("Eve")
        self._said[visit.visitor] = {}
        self.desk.bus.subscribe(events.conversation_topic(visit.visitor), self._hear)
        return visit

    async def say(self, visit: Visit, body: str) -> int:
        """The visitor's line; its seq."""
        said = await self.desk.talks.say(visit, body, body)
        self._said[visit.visitor][said.seq] = body
        return said.seq

    async def take(self, client: Operator, visit: Visit) -> None:
        """The operator writes, and so has the talk."""
        before = len(await self.desk.log(visit))
        client.send_message_to(jid(visit), f"May I help? {before}")
        talk = self.desk.edge.gateways[0]._held.get
        await eventually(
            lambda: (found := talk(visit.visitor)) is not None and found.head > before, 5.0, "taken"
        )

    def delivered(self, visit: Visit, name: str) -> int:
        """How far the visitor heard that this operator has the log."""
        told = [one for one in self.desk.receipts(visit) if one.participant.name == name]
        return max((one.delivered for one in told), default=0)

    async def confirmed(self, visit: Visit, seq: int, name: str, timeout: float = 8.0) -> None:
        """Waits until the visitor hears that this operator has the line."""
        await eventually(
            lambda: self.delivered(visit, name) >= seq, timeout, f"{name} has line {seq}"
        )

    def has(self, name: str, visit: Visit, body: str) -> int:
        """How often any of the operator's clients got a line."""
        return sum(bodies(client, visit).count(body) for client in self.clients[name])

    def _hear(self, event: events.Event) -> None:
        # Committed comes before `say` returns.
        if isinstance(event, events.Committed):
            if event.message.sender.kind is SenderKind.VISITOR:
                self._said[event.message.conversation][event.message.seq] = event.message.body
        elif isinstance(event, events.Receipt) and event.participant.id != event.conversation:
            name = event.participant.name
            for seq, body in self._said[event.conversation].items():
                if seq <= event.delivered and not any(
                    body in (one.body for one in client.received) for client in self.clients[name]
                ):
                    self.lies.append(f"{name} was said to have {body!r}")


def jid(visit: Visit) -> str:
    return f"{visit.visitor}@{DOMAIN}"


def bodies(client: Operator, visit: Visit) -> list[str]:
    """The visitor's own lines that a client got; the desk's words left out."""
    lines = [one.body or "" for one in client.messages(jid(visit))]
    return [line for line in lines if not line.startswith("[desk]")]


@asynccontextmanager
async def scene(folder: Path, server: Server) -> AsyncIterator[Scene]:
    async with bridge(folder, server, PEOPLE) as desk:
        await desk.linked()
        running = Scene(desk, server)
        try:
            yield running
        finally:
            for clients in running.clients.values():
                for client in clients:
                    await client.logout()
        # A stream that the server still keeps would be a client of the next test's operator.
        # ejabberd tells a new gateway of none.
        if isinstance(server, PrivateProsody):
            await eventually(running.empty, RESUME_SECONDS + 5, "the server has let all go")
    assert running.lies == []
    for clients in running.clients.values():
        for client in clients:
            errors = [one.text for one in client.received if is_bounce(one)]
            assert errors == [], "the gateway answered an operator's stanza by an error"


def is_bounce(one: Received) -> bool:
    return one.kind == "message" and one.type == "error"


@pytest.fixture
async def at(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """A scene in which what is silent falls asleep after ASLEEP_SECONDS."""
    quicken(monkeypatch, ASLEEP_SECONDS)
    async with scene(tmp_path, server) as running:
        yield running


@pytest.fixture
async def patient(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """A scene in which nobody falls asleep: only what the server says helps."""
    quicken(monkeypatch, 60.0)
    async with scene(tmp_path, server) as running:
        yield running


def quicken(monkeypatch: pytest.MonkeyPatch, asleep_after: float) -> None:
    monkeypatch.setattr(upkeep, "TICK", 0.1)
    monkeypatch.setattr(confirm, "BATCH_WAIT", 0.1)
    monkeypatch.setattr(confirm, "RECEIPT_WAIT", 0.5)
    monkeypatch.setattr(confirm, "PING_EVERY", 0.3)
    monkeypatch.setattr(confirm, "ASLEEP_AFTER", asleep_after)


class TestOneClient:
    """What a single client confirms, and how."""

    @pytest.mark.parametrize(
        ("receipts", "ping"), [(True, "ignore"), (False, "answer"), (False, "refuse")]
    )
    async def test_confirms(self, at: Scene, receipts: bool, ping: Ping) -> None:
        """By its receipt, its ping's result, or its word that it knows no ping."""
        ann = await at.operator("Ann", receipts=receipts, ping=ping)
        visit = at.arrive()
        for number in (1, 2, 3):
            await at.say(visit, f"line {number}")
        await at.confirmed(visit, 3, "Ann")
        assert bodies(ann, visit) == ["line 1", "line 2", "line 3"]

    async def test_a_contradiction_confirms_nothing(self, at: Scene) -> None:
        """It refuses a ping that its own disco offers: another operator gets the line."""
        ann = await at.operator("Ann", receipts=False, ping="deny")
        visit = at.arrive()
        await at.take(ann, visit)
        bob = await at.operator("Bob")
        seq = await at.say(visit, "hello?")
        await bob.wait_for_message("hello?", jid(visit))
        await at.confirmed(visit, seq, "Bob")
        assert at.delivered(visit, "Ann") == 0
        await asyncio.sleep(1.0)
        assert at.has("Ann", visit, "hello?") == 1

    async def test_silence_hands_over_each_time(self, at: Scene) -> None:
        """Asleep, awake and asleep again: the second time is noticed too."""
        ann = await at.operator("Ann", receipts=False)
        visit = at.arrive()
        await at.take(ann, visit)
        bob = await at.operator("Bob")
        for number in (1, 2):
            ann.sleep()
            body = f"anybody? {number}"
            seq = await at.say(visit, body)
            await bob.wait_for_message(body, jid(visit), ASLEEP_SECONDS + 3)
            assert at.delivered(visit, "Ann") < seq
            ann.wake()
            await ann.wait_for_message(body, jid(visit))
            await at.confirmed(visit, seq, "Ann")
        assert bodies(ann, visit) == bodies(bob, visit) == ["anybody? 1", "anybody? 2"]

    async def test_who_slept_alone_gets_nothing_twice(self, at: Scene) -> None:
        """The only operator wakes: what waits comes, what came already does not again."""
        ann = await at.operator("Ann", receipts=False)
        visit, other = at.arrive(), at.arrive()
        ann.sleep()
        await at.say(visit, "one")
        resource = at.desk.edge.gateways[0]._operators.resources("ann@localhost")[0]
        await eventually(lambda: resource.asleep, ASLEEP_SECONDS + 2, "asleep")
        seq = await at.say(visit, "two")
        await at.say(other, "meanwhile")
        await asyncio.sleep(0.5)
        ann.wake()
        await ann.wait_for_message("two", jid(visit))
        await ann.wait_for_message("meanwhile", jid(other))
        await at.confirmed(visit, seq, "Ann")
        assert bodies(ann, visit) == ["one", "two"]

    async def test_a_ping_passed_over_brings_the_lines_again(self, at: Scene) -> None:
        """Who answers a later ping alone may have lost what went before: once more, then rest."""
        ann = await at.operator("Ann", receipts=False, ping="ignore")
        visit = at.arrive()
        seq = await at.say(visit, "one")
        await ann.wait_for_message("one", jid(visit))
        resource = at.desk.edge.gateways[0]._operators.resources("ann@localhost")[0]
        await eventually(lambda: resource.asleep, ASLEEP_SECONDS + 2, "asleep")
        ann.ping = "answer"
        await at.confirmed(visit, seq, "Ann", ASLEEP_SECONDS + 3)
        await asyncio.sleep(1.0)
        assert bodies(ann, visit) == ["one", "one"]


class TestResources:
    """One operator, several clients."""

    async def test_one_full_jid_gets_it_and_carbons_serve_the_others(self, at: Scene) -> None:
        """The highest priority first, then whichever last wrote."""
        phone = await at.operator("Ann", resource="phone", priority=5)
        desk = await at.operator("Ann", resource="desk")
        for client in (phone, desk):
            enabled = client.send_iq("", "set", ET.Element("{urn:xmpp:carbons:2}enable"))
            await client.wait_for(lambda one, id=enabled: one.id == id)  # type: ignore[misc]
        visit = at.arrive()
        await at.say(visit, "one")
        await phone.wait_for_message("one", jid(visit))
        await desk.wait_for(lambda one: is_carbon(one, "one"))
        await at.take(desk, visit)
        seq = await at.say(visit, "two")
        await desk.wait_for_message("two", jid(visit))
        await phone.wait_for(lambda one: is_carbon(one, "two"))
        await at.confirmed(visit, seq, "Ann")
        assert (bodies(phone, visit), bodies(desk, visit)) == (["one"], ["two"])

    async def test_one_client_does_not_confirm_for_another(self, patient: Scene) -> None:
        """A later line's receipt from the desk says nothing of what went to the phone."""
        phone = await patient.operator("Ann", resource="phone", priority=5, resumable=True)
        desk = await patient.operator("Ann", resource="desk")
        visit = patient.arrive()
        await phone.drop()
        await patient.say(visit, "one")
        await patient.take(desk, visit)
        seq = await patient.say(visit, "two")
        await desk.wait_for_message("two", jid(visit))
        await desk.wait_for_message("one", jid(visit), RESUME_SECONDS + 5)
        await patient.confirmed(visit, seq, "Ann")


def is_carbon(one: Received, body: str) -> bool:
    return one.kind == "message" and "urn:xmpp:carbons:2" in one.text and f">{body}<" in one.text


class TestLost:
    """What goes wrong on the way."""

    async def test_a_stream_that_is_not_resumed(self, patient: Scene) -> None:
        """XEP-0198: its lines come back, and go to another operator."""
        ann = await patient.operator("Ann", resumable=True)
        visit = patient.arrive()
        await patient.take(ann, visit)
        bob = await patient.operator("Bob")
        await ann.drop()
        bodies_said = [f"line {number}" for number in range(3)]
        for body in bodies_said:
            seq = await patient.say(visit, body)
        await bob.wait_for_message("line 2", jid(visit), RESUME_SECONDS + 5)
        await patient.confirmed(visit, seq, "Bob")
        assert bodies(bob, visit) == bodies_said
        assert patient.delivered(visit, "Ann") == 0

    async def test_a_client_that_returns_by_the_same_name(self, patient: Scene) -> None:
        """A new stream takes the resource over from one that sleeps: it gets the lines."""
        ann = await patient.operator("Ann", resumable=True, receipts=False)
        visit = patient.arrive()
        await patient.take(ann, visit)
        await ann.drop()
        await patient.say(visit, "one")
        seq = await patient.say(visit, "two")
        await asyncio.sleep(0.7)
        again = await patient.operator("Ann", receipts=False)
        await again.wait_for_message("two", jid(visit))
        await patient.confirmed(visit, seq, "Ann")
        assert bodies(again, visit)[:2] == ["one", "two"]

    async def test_a_blocked_visitor_goes_to_another(self, at: Scene) -> None:
        """XEP-0191: lost to that talk alone; the operator's other talks go on."""
        ann = await at.operator("Ann")
        visit, other = at.arrive(), at.arrive()
        await at.take(ann, visit)
        await at.take(ann, other)
        blocked = ann.block(jid(visit))
        await ann.wait_for(lambda one: one.id == blocked and one.type == "result")
        sent = count_lines(at)
        seq = await at.say(visit, "let me in")
        await asyncio.sleep(2.0)
        assert sent(visit) == 1
        bob = await at.operator("Bob")
        await bob.wait_for_message("let me in", jid(visit))
        await at.confirmed(visit, seq, "Bob")
        assert at.delivered(visit, "Ann") == 0
        await at.confirmed(other, await at.say(other, "me too"), "Ann")
        assert at.has("Bob", other, "me too") == 0
        assert (sent(visit), sent(other)) == (2, 1)

    async def test_an_operator_leaves_with_lines_on_the_way(self, at: Scene) -> None:
        """In order or cut off: whatever is not confirmed goes to another one, in order."""
        bob = await at.operator("Bob")
        for cut in (False, True):
            ann = await at.operator("Ann", resource=f"r{cut}")
            visit = at.arrive()
            await at.take(ann, visit)
            lines = [f"line {number}" for number in range(20)]
            leaving = asyncio.create_task(ann.drop() if cut else ann.logout())
            for body in lines:
                await at.say(visit, body)
            await leaving
            await bob.wait_for_message("line 19", jid(visit))
            seen = bodies(bob, visit)
            assert seen == lines[-len(seen) :]
            assert set(bodies(ann, visit)) | set(seen) == set(lines)

    async def test_the_server_is_killed_right_after_the_write(self, at: Scene) -> None:
        """Whether it had passed the line on or not: after its restart the client has it."""
        visit = at.arrive()
        ann = await at.operator("Ann")
        for number, pause in enumerate((0.0, 0.001)):
            sent, body = count_lines(at), f"line {number}"
            seq = await at.say(visit, body)
            await eventually(partial(sent, visit))
            await asyncio.sleep(pause)
            at.server.kill()
            await eventually(lambda: not at.desk.edge.gateways[0].link.up)
            await at.server.start()
            await at.desk.linked()
            ann = await at.operator("Ann")
            await eventually(partial(at.has, "Ann", visit, body), 10.0)
            await at.confirmed(visit, seq, "Ann")
        assert set(bodies(ann, visit)) <= {"line 0", "line 1"}


class _Count:
    """How many lines of a visitor have been handed to the server since."""

    def __init__(self, at: Scene) -> None:
        self._sent: list[str] = []
        link = at.desk.edge.gateways[0].link
        send = link.send

        def noted(stanza: str) -> None:
            self._sent.append(stanza)
            send(stanza)  # type: ignore[arg-type]

        link.send = noted  # type: ignore[method-assign]

    def __call__(self, visit: Visit) -> int:
        begin = f'<message type="chat" from="{jid(visit)}/'
        return sum(one.startswith(begin) and "origin-id" in one for one in self._sent)


def count_lines(at: Scene) -> _Count:
    return _Count(at)
