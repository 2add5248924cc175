"""One run: the house behind its proxies, visitors and operators at work, the storm, the verdict."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.contacts import Contacts
from tests.chaos.desk import Colleague, InProfanity, Scripted
from tests.chaos.house import PASSWORD, Home, House, ServerName, house
from tests.chaos.presence import wrong_presence
from tests.chaos.storm import Blow, Storm, say
from tests.chaos.verdict import Account, Desk, Lines, Verdict, judge
from tests.chaos.visitor import Visitor, Way
from tests.chaos.ways import OverPoll, OverSocket, OverStream
from tests.e2e.support.parley import SITE
from tests.e2e.support.wait import eventually

LOGIN_SECONDS = 90.0
"""profanity takes up to 50 s to come back."""
SAID_SECONDS = 60.0
"""After the storm, until all that was said is acknowledged."""
QUIET_SECONDS = 3.0
"""So long nothing is new before the count."""
HEAL_SECONDS = 60.0
"""After that, until everybody has everything."""
LISTS_SECONDS = 30.0
"""After that, until operators who keep their contact lists themselves have done so."""


@dataclass(frozen=True)
class Plan:
    """What is to happen. Times in seconds; `lives`: how long browsers' connections do.

    `profanity`: the third operator is a real one.
    """

    visitors: int
    messages: int
    seconds: float
    blows: tuple[Blow, ...]
    server: ServerName = "prosody"
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


async def run(plan: Plan, folder: Path) -> Outcome:
    """Runs the plan; nothing is raised for a broken promise, all of them are in the outcome."""
    began = time.monotonic()
    chance = random.Random(plan.seed)
    async with house(plan.server, folder, plan.seed, plan.delay) as home:
        colleagues = _colleagues(plan, folder, home, chance)
        works = [asyncio.ensure_future(one.run()) for one in colleagues]
        visitors = [
            Visitor(
                number,
                SITE,
                home.browsers.port,
                plan.ways[number % len(plan.ways)](home.browsers.port),
                random.Random(plan.seed * 1000 + number),
            )
            for number in range(plan.visitors)
        ]
        try:
            await eventually(lambda: all(one.here for one in colleagues), 30.0, "operators log in")
            for visitor in visitors:
                visitor.come()
            await eventually(lambda: all(one.id for one in visitors), 30.0, "visitors are there")
            await _talk(plan, home, visitors, chance)
            home.browsers.cut_no_more()
            await eventually(
                lambda: all(one.settled for one in visitors),
                SAID_SECONDS,
                lambda: f"acknowledged; waiting: {[v.name for v in visitors if not v.settled]}",
            )
            say("all is acknowledged")
            await eventually(
                lambda: all(one.here for one in colleagues), LOGIN_SECONDS, "operators come back"
            )
            verdict = await count(home, visitors, colleagues)
            await eventually(
                lambda: all(one.complete for one in colleagues if isinstance(one, Scripted)),
                LISTS_SECONDS,
                "contact lists that are kept by hand are complete",
            )
            wrong = await wrong_presence(home, visitors, colleagues, chance)
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
        return _outcome(plan, verdict, wrong, began, home, visitors, colleagues)


def _colleagues(plan: Plan, folder: Path, home: House, chance: random.Random) -> list[Colleague]:
    """One with receipts, one without who answers pings, and a real client or one like the first."""
    doors = [one.port for one in home.operators]
    host = home.server.host

    def scripted(name: str, number: int, receipts: bool = True) -> Scripted:
        kept = Contacts(f"{SITE}@{home.server.domain}") if home.by_hand else None
        return Scripted(
            f"{name}@{host}",
            PASSWORD,
            doors[number],
            (number, 3),
            chance,
            receipts=receipts,
            kept=kept,
        )

    third: Colleague = (
        InProfanity(folder / "cyd", f"cyd@{host}", PASSWORD, doors[2], (2, 3))
        if plan.profanity
        else scripted("cyd", 2)
    )
    return [scripted("ann", 0), scripted("bob", 1, receipts=False), third]


async def _talk(
    plan: Plan, home: House, visitors: Sequence[Visitor], chance: random.Random
) -> None:
    """Everybody says their lines, now and then several at once, while the storm rages."""
    home.browsers.cut_at_random(*plan.lives)
    storm = Storm(home.server, home.parley, home.gateway, home.operators)
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


async def count(
    home: Home,
    visitors: Sequence[Visitor],
    colleagues: Sequence[Colleague],
    frozen: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """The verdict once nothing moves any more: perfect, or what it is after HEAL_SECONDS.

    `frozen`: when whoever has the Jabber link was, while another took it over.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HEAL_SECONDS
    while True:
        await _quiet(visitors, colleagues, deadline)
        stored: dict[str, list[tuple[int, str, str]]] = {}
        for line in await home.transcript():
            stored.setdefault(line["conversation"], []).append(
                (line["seq"], line["from"]["kind"], line["body"])
            )
        verdict = _verdict(home.domain, stored, visitors, colleagues, frozen)
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
    frozen: Sequence[tuple[float, float]],
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
        held_up = {
            text
            for text, at in one.notes.sent_at.items()
            if any(since - 1.0 < at < until for since, until in frozen)
        }
        desk = Desk(one.notes.name, {}, {}, frozenset(one.notes.receipts), held_up)
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


def _outcome(
    plan: Plan,
    verdict: Verdict,
    wrong: list[str],
    began: float,
    home: House,
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
        browser_cuts=home.browsers.cuts,
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
