"""Ways into contact lists that are missing, fail, or stand beside what others have put there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from gateway import outbound
from parley import private_prosody
from parley.private_prosody import PrivateProsody
from switchboard.model import Visit, new_visitor_id
from switchboard.site import PresenceSettings
from tests.e2e.support.bridge import Bridge, Server, bridge
from tests.e2e.support.ejabberd import PrivateEjabberd
from tests.e2e.support.faults import proxy
from tests.e2e.support.house import (
    DESK,
    DESK_FULL,
    PASSWORD,
    SECRET,
    WRITING,
    House,
    Kind,
    api_of,
    befriend,
    jid,
    running,
    sees,
    serving,
)
from tests.e2e.support.operator import Operator, Received
from tests.e2e.support.parley import Parley
from tests.e2e.support.ports import free_port
from tests.e2e.support.wait import eventually

pytestmark = pytest.mark.prosody

ASKING = PresenceSettings(without_roster="subscribe")
ON_SPEAKING = PresenceSettings(show="spoke")
OWN_CONTACTS = 2000


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prosody that lets the component do nothing."""
    with serving("bare", tmp_path_factory.mktemp("bare")) as one:
        yield one


@pytest.fixture(scope="module")
def ejabberd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An ejabberd with its API."""
    with serving("ejabberd", tmp_path_factory.mktemp("ejabberd")) as one:
        yield one


@asynccontextmanager
async def housed(kind: Kind, server: Server, folder: Path) -> AsyncIterator[House]:
    """A house with the operator ann."""
    one = House(kind, server, folder)
    await one.add_user("ann")
    yield one
    await one.close()


def requests(operator: Operator, visit: Visit) -> list[Received]:
    """The subscription requests that a visitor sent."""
    return [
        one
        for one in operator.received
        if one.type == "subscribe" and one.sender == jid(visit.visitor)
    ]


def taken_back(operator: Operator) -> list[Received]:
    """What an operator must never be told."""
    return [one for one in operator.received if one.type in ("unsubscribed", "unsubscribe")]


class TestAsking:
    """No privileges and no API: a site may let visitors ask to be added."""

    @pytest.fixture
    async def house(self, bare: Server, tmp_path: Path) -> AsyncIterator[House]:
        async with housed("bare", bare, tmp_path) as one:
            yield one

    async def test_a_visitor_asks_once(self, house: House) -> None:
        """The request says who it is; who is added shows presence, in every later process too."""
        async with house.bridge("ann", presence=ASKING) as desk:
            ann = await house.login("ann")
            visit = desk.arrive("Eve <&>")
            asked = await ann.wait_for(
                lambda one: one.type == "subscribe" and one.sender == jid(visit.visitor)
            )
            assert asked.child_text("status") == "Eve <&> is a visitor of The shop"
            assert asked.xml.findtext("{http://jabber.org/protocol/nick}nick") == "Eve <&>"
            assert ann.presence_of(jid(visit.visitor)) is None
            ann.send_presence_to(jid(visit.visitor), "subscribed")
            ann.send_presence_to(jid(visit.visitor), "subscribe")
            await ann.wait_for(
                lambda one: one.type == "subscribed" and one.sender == jid(visit.visitor)
            )
            await sees(ann, visit)
            desk.attendance.closed(visit.visitor, 1)
            await sees(ann, visit, type="unavailable")
            desk.attendance.update(visit, stream=2)
            await sees(ann, visit)
        async with house.bridge("ann") as desk:
            await sees(ann, visit, type="unavailable")
            desk.arrive("Eve <&>", visitor=visit.visitor)
            await sees(ann, visit)
        assert len(requests(ann, visit)) == 1
        assert taken_back(ann) == []

    async def test_who_does_not_answer_is_not_asked_again(self, house: House) -> None:
        """Nor is who declines, whatever the visitor and the gateway do."""
        async with house.bridge("ann", presence=ASKING) as desk:
            ann = await house.login("ann")
            ignored, declined = desk.arrive("Ignored"), desk.arrive("Declined")
            await eventually(lambda: requests(ann, ignored) and requests(ann, declined), 10.0)
            ann.send_presence_to(jid(declined.visitor), "unsubscribed")
            await desk.talks.say(declined, "c1", "hello?")
            await ann.wait_for_message("hello?", jid(declined.visitor))
        async with house.bridge("ann") as desk:
            for visit in (ignored, declined):
                desk.arrive(visit.details.name, visitor=visit.visitor)
            last = desk.arrive("Last")
            await eventually(lambda: requests(ann, last), 10.0, "the list was gone through")
            assert len(requests(ann, ignored)) == len(requests(ann, declined)) == 1
        for visit in (ignored, declined):
            assert ann.presence_of(jid(visit.visitor)) is None
        assert taken_back(ann) == []

    async def test_nobody_is_asked_unless_the_site_wants_it(self, house: House) -> None:
        """The desk is the one contact, and says how many there are."""
        async with house.bridge("ann") as desk:
            ann = await house.login("ann")
            visit = desk.arrive()
            await ann.wait_for(
                lambda one: (
                    one.sender == DESK_FULL and one.child_text("status") == "1 visitor, 0 waiting"
                )
            )
            assert requests(ann, visit) == []
            assert desk.edge.gateways[0].contact_lists() == {"hosts": {"localhost": "desk"}}


class TestFilters:
    """A server that lets only contacts' messages through."""

    @pytest.mark.parametrize("kind", WRITING)
    async def test_a_line_of_a_new_visitor_arrives(self, kind: Kind, tmp_path: Path) -> None:
        """The entry comes before the line, although only who has spoken gets one."""
        with blocking_strangers(kind, tmp_path / kind) as server:
            async with (
                housed(kind, server, tmp_path) as house,
                house.bridge("ann", presence=ON_SPEAKING) as desk,
            ):
                ann = await house.login("ann")
                await sees_desk(ann, desk, house)
                stranger = new_visitor_id()
                for visitor, words in ((stranger, "of a stranger"), ("shop", "of the desk")):
                    desk.edge.gateways[0].link.send(
                        outbound.notice(f"{visitor}@{server.domain}", ann.full_jid, words)
                    )
                await ann.wait_for_message("[desk] of the desk")
                for number in range(3):
                    visit = desk.arrive(f"Eve {number}")
                    assert jid(visit.visitor) not in ann.roster()
                    await desk.talks.say(visit, "c1", f"line {number}")
                    await ann.wait_for_message(f"line {number}", jid(visit.visitor))
                assert ann.messages(jid(stranger)) == [], "the filter is at work"

    async def test_the_domain_as_a_contact_opens_the_filter(self, tmp_path: Path) -> None:
        """Where nobody writes the list, ejabberd lets all visitors through by that one entry."""
        people = {"ann@localhost": "Ann"}
        with blocking_strangers("ejabberd", tmp_path / "ejabberd") as server:
            await server.add_user("ann", PASSWORD)
            ann = Operator("ann@localhost", PASSWORD)
            async with bridge(tmp_path, server, people) as desk:
                await desk.linked()
                await ann.login(server.c2s_port)
                await befriend(ann, DESK)
                await befriend(ann, server.domain)
                visit = desk.arrive()
                await desk.talks.say(visit, "c1", "hello?")
                await ann.wait_for_message("hello?", jid(visit.visitor))
                await ann.logout()


async def sees_desk(operator: Operator, desk: Bridge, house: House) -> None:
    """The desk is a contact, and knows of the operator."""
    there = desk.edge.gateways[0]._operators.is_there
    await eventually(lambda: DESK in operator.roster() and there(house.address("ann")), 10.0)


@contextmanager
def blocking_strangers(kind: Kind, folder: Path) -> Iterator[Server]:
    """A server with `mod_block_strangers`, each its own of that name."""
    with pytest.MonkeyPatch.context() as patch:
        one: Server
        if kind == "ejabberd":
            one = PrivateEjabberd(
                folder, free_port(), free_port(), secret=SECRET, strangers_blocked=True
            )
        else:
            module = '"block_strangers",\n}}\nauth'
            configuration = private_prosody._CONFIGURATION.replace("}}\nauth", module)
            assert module in configuration
            patch.setattr(private_prosody, "_CONFIGURATION", configuration)
            one = PrivateProsody(folder, free_port(), free_port(), secret=SECRET)
        with running(one):
            yield one


class TestOwnContacts:
    """An operator with two thousand contacts of their own."""

    async def test_all_of_them_stay_as_they_are(self, tmp_path: Path) -> None:
        """Visitors come and go, gateways too; no other entry is written, renamed or removed."""
        folder = tmp_path / "prosody"
        server = PrivateProsody(folder, free_port(), free_port(), secret=SECRET)
        house = House("prosody", server, tmp_path)
        await house.add_user("ann")
        rosters = folder / "data" / "localhost" / "roster"
        rosters.mkdir(parents=True, exist_ok=True)
        entries = "".join(
            f'["friend{number}@localhost"] = {{ subscription = "both"; name = "Friend {number}"; '
            f"groups = {{ Friends = true }}; }};\n"
            for number in range(OWN_CONTACTS)
        )
        account = house.address("ann").partition("@")[0]
        head = "[false] = { version = 1; pending = {}; };\n"
        (rosters / f"{account}.dat").write_text(f"return {{\n{head}{entries}}};\n")
        with running(server):
            ann = await house.login("ann")
            before = ann.roster()
            assert len(before) == OWN_CONTACTS
            came: list[Visit] = []
            for _ in range(2):
                async with house.bridge("ann") as desk:
                    visits = [desk.arrive(f"Eve {number}") for number in range(10)]
                    came += visits
                    for visit in visits:
                        await house.appears(ann, visit)
                    for visit in visits[:5]:
                        desk.attendance.closed(visit.visitor, 1)
                    for visit in visits[:5]:
                        await house.leaves(ann, visit)
            again = await house.login("ann", resource="again")
            after = again.roster()
            assert {who: one for who, one in after.items() if who in before} == before
            assert {who for who in after if who not in before} <= {
                DESK,
                *(jid(visit.visitor) for visit in came),
            }
            await house.close()


class TestPrintedConfiguration:
    """What `parley jabber-config ejabberd` prints, included in the ejabberd.yml that Debian has."""

    async def test_one_line_more_is_all_it_takes(self, tmp_path: Path) -> None:
        """It starts, and serves the component, presence and the API; visitors appear."""
        folder = tmp_path / "ejabberd"
        server = PrivateEjabberd(folder, free_port(), free_port(), secret=SECRET, debian=True)
        with running(server):
            async with (
                housed("ejabberd", server, tmp_path) as house,
                house.bridge("ann") as desk,
            ):
                ann = await house.login("ann")
                visit = desk.arrive("Eve")
                await house.appears(ann, visit)
                await desk.talks.say(visit, "c1", "hi")
                await ann.wait_for_message("hi", jid(visit.visitor))
                desk.attendance.closed(visit.visitor, 1)
                await sees(ann, visit, type="unavailable")

    async def test_a_secret_reaches_ejabberd_as_it_is(self, tmp_path: Path) -> None:
        """No character of it ends its YAML string, or is taken for the template's own."""
        secret = "\"'\\ #{ each host: $port &x *y ü😀\u2028\u0085\t"
        server = PrivateEjabberd(tmp_path / "server", free_port(), free_port(), secret=secret)
        with running(server):
            async with bridge(tmp_path, server, {}, secret=secret) as desk:
                await desk.linked()

    async def test_check_names_way_and_remedy(self, ejabberd: Server, tmp_path: Path) -> None:
        """Before the start and while it runs; a wrong password is one line with the remedy."""
        parley = Parley(tmp_path / "parley", ejabberd)
        settings = api_of(ejabberd)
        assert settings is not None
        plain = parley.config.read_text("utf-8")

        def configure(password: str) -> None:
            section = f'[ejabberd]\napi = "{settings.url}"\nuser = "{settings.user}"\n'
            parley.config.write_text(f'{plain}{section}password = "{password}"\n', "utf-8")

        try:
            configure("not this one")
            await parley.set_up({"ann@localhost": "Ann"})
            ran = await asyncio.to_thread(parley.command, "check")
            assert ran.returncode == 1
            assert f"fail ejabberd's API {settings.url}: the user or the password" in ran.stdout
            configure(settings.password)
            for _ in range(2):
                ran = await asyncio.to_thread(parley.command, "check")
                assert ran.returncode == 0, ran.stdout
                assert f"ok ejabberd's API {settings.url}" in ran.stdout
                assert "ok contact lists localhost: written by ejabberd's API" in ran.stdout
                if not parley.ready()[0]:
                    await parley.start()
                    await eventually(lambda: "'up'" in str(parley.ready()[1]), 10.0)
            assert parley.ready()[1]["contact_lists"]["chat.localhost"] == {
                "hosts": {"localhost": "api"},
                "api": {"state": "up"},
            }
        finally:
            parley.end()


class TestApi:
    """ejabberd's API, out of reach or refusing."""

    @pytest.fixture
    async def house(self, ejabberd: Server, tmp_path: Path) -> AsyncIterator[House]:
        async with housed("ejabberd", ejabberd, tmp_path) as one:
            yield one

    async def test_one_that_is_frozen_stalls_nothing(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Lines and known visitors' presence go on; it is noted once, and healed by itself."""
        settings = api_of(house.server)
        assert settings is not None
        port = int(settings.url.rpartition(":")[2].partition("/")[0])
        async with proxy(port) as way:
            there = settings.url.replace(str(port), str(way.port))
            api = msgspec.structs.replace(settings, url=there)
            async with house.bridge("ann", api=api) as desk:
                ann = await house.login("ann")
                known = desk.arrive("Known")
                await house.appears(ann, known)
                way.black_hole()
                new = desk.arrive("New")
                await desk.talks.say(new, "c1", "does it arrive?")
                await ann.wait_for_message("does it arrive?", jid(new.visitor))
                desk.attendance.closed(known.visitor, 1)
                await sees(ann, known, type="unavailable")
                state = desk.edge.gateways[0].contact_lists
                await eventually(lambda: "unreachable" in str(state()), 10.0)
                assert ann.presence_of(jid(new.visitor)) is None, "no entry, no presence"
                await asyncio.sleep(6.0)  # another attempt
                assert len(warnings(caplog)) == 1
                way.black_hole(False)
                way.cut()
                await eventually(lambda: jid(new.visitor) in ann.roster(), 15.0)
                await sees(ann, new)
                await eventually(lambda: jid(known.visitor) not in ann.roster(), 10.0)
                assert "'up'" in str(state())

    async def test_one_that_refuses_us_is_said_once(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No entry and no stranger's presence; the reason is shown, and lines arrive."""
        settings = api_of(house.server)
        assert settings is not None
        wrong = msgspec.structs.replace(settings, password="not this one")
        async with house.bridge("ann", api=wrong) as desk:
            ann = await house.login("ann", knows_the_desk=False)
            visit = desk.arrive()
            state = desk.edge.gateways[0].contact_lists
            await eventually(lambda: "password of [ejabberd] is wrong" in str(state()), 10.0)
            await desk.talks.say(visit, "c1", "hi")
            await ann.wait_for_message("hi", jid(visit.visitor))
            await asyncio.sleep(6.0)  # another attempt
            assert len(warnings(caplog)) == 1
            assert ann.presence_of(jid(visit.visitor)) is None
            assert ann.roster() == {}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of the API."""
    return [
        one.getMessage()
        for one in caplog.records
        if one.levelno >= logging.WARNING and one.name.endswith("buddies.api")
    ]
