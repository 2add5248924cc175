"""One run: the house behind its proxies, visitors and operators at work, the storm, the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parley.private_prosody import PrivateProsody
from tests.chaos.desk import Colleague, InProfanity, Scripted
from tests.chaos.storm import Blow, Storm, say
from tests.chaos.verdict import Account, Desk, Lines, Verdict, judge
from tests.chaos.visitor import Visitor, Way
from tests.chaos.ways import OverPoll, OverSocket, OverStream
from tests.e2e.support.faults import Proxy, proxy
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.wait import eventually

PASSWORD = "correct horse"
OPERATORS = {"ann": "Ann", "bob": "Bob", "cyd": "Cyd"}
LOGIN_SECONDS = 90.0
"""profanity takes up to 50 s to come back."""
SAID_SECONDS = 60.0
"""After the storm, until all that was said is acknowledged."""
QUIET_SECONDS = 3.0
"""So long nothing is new before the count."""
HEAL_SECONDS = 60.0
"""After that, until everybody has everything."""
PRESENCE_SECONDS = 10.0
CHANGES = 0.25
"""The share of visitors who leave at the end."""


@dataclass(frozen=True)
class Plan:
    """What is to happen. Times in seconds; `lives`: how long browsers' connections do."""

    visitors: int
    messages: int
    seconds: float
    blows: tuple[Blow, ...]
    seed: int = 1
    profanity: bool = True
    lives: tuple[float, float] = (1.0, 5.0)
    delay: float = 0.01
    ways: tuple[Callable[[int], Way], ...] = (OverSocket, OverPoll, OverStream)


@dataclass
class Outcome:
    """What a run gave."""

    plan: Plan
    verdict: Verdict
    seconds: float
    browser_cuts: int
    wrong_presence: list[str]
    ways: dict[str, int]
    says: int
    resets: int
    repeated: int
    gaps: int
    refusals: int
    logins: dict[str, int]
    reminders: int
    complaints: list[str] = field(default_factory=list)


@dataclass
class _House:
    prosody: PrivateProsody
    parley: Parley
    browsers: Proxy
    gateway: Proxy
    operators: list[Proxy]


async def run(plan: Plan, folder: Path) -> Outcome:
    """Runs the plan; nothing is raised for a broken promise, all of them are in the outcome."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    async with _house(plan, folder) as house:
        colleagues = _colleagues(plan, folder, house, chance)
        works = [asyncio.ensure_future(one.run()) for one in colleagues]
        visitors = [
            Visitor(
                number,
                SITE,
                house.browsers.port,
                plan.ways[number % len(plan.ways)](house.browsers.port),
                random.Random(plan.seed * 1000 + number),
            )
            for number in range(plan.visitors)
        ]
        try:
            await eventually(lambda: all(one.here for one in colleagues), 30.0, "operators log in")
            for visitor in visitors:
                visitor.come()
            await eventually(lambda: all(one.id for one in visitors), 30.0, "visitors are there")
            await _talk(plan, house, visitors, chance)
            house.browsers.cut_no_more()
            await eventually(
                lambda: all(one.settled for one in visitors),
                SAID_SECONDS,
                lambda: f"acknowledged; waiting: {[v.name for v in visitors if not v.settled]}",
            )
            say("all is acknowledged")
            await eventually(
                lambda: all(one.here for one in colleagues), LOGIN_SECONDS, "operators come back"
            )
            verdict = await _count(house, visitors, colleagues)
            wrong = await _wrong_presence(visitors, colleagues, chance)
            for work in works:
                if work.done():
                    work.result()
            for visitor in visitors:
                visitor.check()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            for visitor in visitors:
                await visitor.leave(politely=False)
            for one in colleagues:
                await one.close()
        return _outcome(plan, verdict, wrong, began, house, visitors, colleagues)


def _colleagues(plan: Plan, folder: Path, house: _House, chance: random.Random) -> list[Colleague]:
    """One with receipts, one without who answers pings, and a real client."""
    doors = [one.port for one in house.operators]
    host = house.prosody.host
    third: Colleague
    if plan.profanity:
        third = InProfanity(folder / "cyd", f"cyd@{host}", PASSWORD, doors[2], (2, 3))
    else:
        third = Scripted(f"cyd@{host}", PASSWORD, doors[2], (2, 3), chance)
    return [
        Scripted(f"ann@{host}", PASSWORD, doors[0], (0, 3), chance),
        Scripted(f"bob@{host}", PASSWORD, doors[1], (1, 3), chance, receipts=False),
        third,
    ]


async def _talk(
    plan: Plan, house: _House, visitors: Sequence[Visitor], chance: random.Random
) -> None:
    """Everybody says their lines, now and then several at once, while the storm rages."""
    house.browsers.cut_at_random(*plan.lives)
    storm = Storm(house.prosody, house.parley, house.gateway, house.operators)
    raging = asyncio.ensure_future(storm.rage(plan.blows))
    lines = sorted(
        (chance.uniform(0.0, plan.seconds), visitor.number)
        for visitor in visitors
        for _ in range(plan.messages)
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        for at, number in lines:
            await asyncio.sleep(max(0.0, began + at - loop.time()))
            visitor = visitors[number]
            visitor.check()
            visitor.say(f"v{number} m{len(visitor.said) + 1}")
            if raging.done():
                raging.result()
        await raging
    finally:
        raging.cancel()


async def _count(
    house: _House, visitors: Sequence[Visitor], colleagues: Sequence[Colleague]
) -> Verdict:
    """The verdict once nothing moves any more: perfect, or what it is after HEAL_SECONDS."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HEAL_SECONDS
    while True:
        await _quiet(visitors, colleagues, deadline)
        stored: dict[str, list[tuple[int, str, str]]] = {}
        for line in await asyncio.to_thread(house.parley.transcript):
            stored.setdefault(line["conversation"], []).append(
                (line["seq"], line["from"]["kind"], line["body"])
            )
        verdict = _verdict(house.prosody.domain, stored, visitors, colleagues)
        if not verdict.complaints or loop.time() > deadline:
            return verdict
        say(f"{len(verdict.complaints)} not yet, such as: {verdict.complaints[0][:300]}")


async def _quiet(
    visitors: Sequence[Visitor], colleagues: Sequence[Colleague], deadline: float
) -> None:
    """Returns when nothing new came for QUIET_SECONDS."""
    loop = asyncio.get_running_loop()
    last, since = -1, loop.time()
    while loop.time() < min(since + QUIET_SECONDS, deadline):
        now = sum(len(one.log) for one in visitors)
        now += sum(len(one.notes.sightings) + len(one.notes.sent) for one in colleagues)
        if now != last:
            last, since = now, loop.time()
        await asyncio.sleep(0.1)


def _verdict(
    domain: str,
    stored: dict[str, list[tuple[int, str, str]]],
    visitors: Sequence[Visitor],
    colleagues: Sequence[Colleague],
) -> Verdict:
    names = {f"{visitor.id}@{domain}": visitor.name for visitor in visitors}
    accounts = [
        Account(
            visitor.name,
            visitor.said,
            visitor.acknowledged,
            _lines(visitor),
            stored.get(visitor.id, []),
        )
        for visitor in visitors
    ]
    desks = []
    for one in colleagues:
        desk = Desk(one.notes.name, {}, {}, frozenset(one.notes.receipts))
        seen: dict[str, list[str]] = {}
        sent: dict[str, list[str]] = {}
        for sighting in one.notes.sightings:
            seen.setdefault(names.get(sighting.visitor, "?"), []).append(sighting.body)
        for jid, text in one.notes.sent:
            sent.setdefault(names.get(jid, jid), []).append(text)
        desk.seen, desk.sent = seen, sent
        desks.append(desk)
    return judge(accounts, desks)


def _lines(visitor: Visitor) -> Lines:
    return [(line.seq, line.kind, line.body) for line in visitor.log]


async def _wrong_presence(
    visitors: Sequence[Visitor], colleagues: Sequence[Colleague], chance: random.Random
) -> list[str]:
    """Some leave; 10 s later every operator sees who is there and who is not."""
    gone = chance.sample(list(visitors), max(1, int(len(visitors) * CHANGES)))
    for number, visitor in enumerate(gone):
        await visitor.leave(politely=number % 2 == 0)
    await asyncio.sleep(PRESENCE_SECONDS)
    return [
        f"{one.notes.name} sees {visitor.name} over {visitor.way.name} "
        + ("offline, who is there" if visitor not in gone else "online, who has gone")
        for one in colleagues
        for visitor in visitors
        if one.shows(f"{visitor.id}@chat.localhost", visitor.name) is (visitor in gone)
    ]


def _outcome(
    plan: Plan,
    verdict: Verdict,
    wrong: list[str],
    began: float,
    house: _House,
    visitors: Sequence[Visitor],
    colleagues: Sequence[Colleague],
) -> Outcome:
    tallies = [visitor.tally for visitor in visitors]
    ways: dict[str, int] = {}
    for visitor in visitors:
        ways[visitor.way.name] = ways.get(visitor.way.name, 0) + 1
    outcome = Outcome(
        plan=plan,
        verdict=verdict,
        seconds=time.monotonic() - began,
        browser_cuts=house.browsers.cuts,
        wrong_presence=wrong,
        ways=ways,
        says=sum(tally.says for tally in tallies),
        resets=sum(tally.resets for tally in tallies),
        repeated=sum(tally.repeated for tally in tallies),
        gaps=sum(tally.gaps for tally in tallies),
        refusals=sum(len(tally.refusals) for tally in tallies),
        logins={one.notes.name: one.notes.logins for one in colleagues if one.notes.logins},
        reminders=sum(one.notes.reminders for one in colleagues),
    )
    outcome.complaints = [*verdict.complaints, *wrong]
    if outcome.repeated or outcome.gaps:
        outcome.complaints.append(f"{outcome.repeated} events repeated, {outcome.gaps} gaps")
    return outcome


@asynccontextmanager
async def _house(plan: Plan, folder: Path) -> AsyncIterator[_House]:
    prosody = PrivateProsody(folder / "prosody", _port(), _port(), secret="s3cret")
    for name in OPERATORS:
        await prosody.add_user(name, PASSWORD)
    async with contextlib.AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(proxy(prosody.component_port))
        operators = [await stack.enter_async_context(proxy(prosody.c2s_port)) for _ in OPERATORS]
        parley = _Parley(folder / "parley", prosody, gateway.port)
        browsers = await stack.enter_async_context(proxy(parley.http_port, seed=plan.seed))
        browsers.up.delay = browsers.down.delay = plan.delay
        await prosody.start()
        try:
            await parley.set_up({f"{n}@{prosody.host}": name for n, name in OPERATORS.items()})
            await asyncio.to_thread(parley.must, "site", "set", SITE, "presence.max_buddies=100")
            await parley.start()
            yield _House(prosody, parley, browsers, gateway, operators)
        finally:
            parley.end()
            await prosody.stop()


class _Parley(Parley):
    """Behind a proxy towards the Jabber server, on ports that no outgoing connection takes."""

    def __init__(self, folder: Path, prosody: PrivateProsody, component_port: int) -> None:
        super().__init__(folder, prosody, limits=False)
        text = self.config.read_text("utf-8")
        http_port, admin_port = _port(), _port()
        for old, new in (
            (f"127.0.0.1:{self.http_port}", f"127.0.0.1:{http_port}"),
            (f"tcp:{self.http_port}:", f"tcp:{http_port}:"),
            (f"tcp:{self.admin_port}:", f"tcp:{admin_port}:"),
            (f"port = {prosody.component_port}", f"port = {component_port}"),
        ):
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text, "utf-8")
        self.http_port, self.admin_port = http_port, admin_port


def _port() -> int:
    """A free port below those that the system gives to outgoing connections.

    While a server is dead, hundreds of clients try to reach it; one of them would sooner or later
    be given the server's own port.
    """
    while True:
        port = random.SystemRandom().randrange(15000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
