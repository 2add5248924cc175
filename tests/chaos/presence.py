"""Whether operators see who is there: judged after some visitors have left.

Where the server lets Parley write contact lists, each operator has every visitor who is there as a
contact that is online, and nobody else. Where it does not, a contact list holds what its owner has
put there: the desk, which says that it is online and how many visitors there are, and the visitors
that the operator added; of any other visitor there is no entry and no presence.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterator, Sequence

from tests.chaos.desk import Colleague, Scripted
from tests.chaos.house import Home
from tests.chaos.visitor import Visitor
from tests.e2e.support.parley import SITE

PRESENCE_SECONDS = 10.0
CHANGES = 0.25
"""The share of visitors who leave at the end."""


async def wrong_presence(
    home: Home,
    visitors: Sequence[Visitor],
    colleagues: Sequence[Colleague],
    chance: random.Random,
) -> list[str]:
    """Some leave; 10 s later, a sentence for each contact that is not shown as it should be."""
    gone = chance.sample(list(visitors), max(1, int(len(visitors) * CHANGES)))
    for number, visitor in enumerate(gone):
        await visitor.leave(politely=number % 2 == 0)
    await asyncio.sleep(PRESENCE_SECONDS)
    domain = home.domain
    if not home.by_hand:
        return [
            f"{one.notes.name} sees {visitor.name} over {visitor.way.name} "
            + ("offline, who is there" if visitor not in gone else "online, who has gone")
            for one in colleagues
            for visitor in visitors
            if one.shows(f"{visitor.id}@{domain}", visitor.name) is (visitor in gone)
        ]
    scripted = [one for one in colleagues if isinstance(one, Scripted)]
    assert len(scripted) == len(colleagues), "others keep no contact list by hand"
    return [
        f"{one.notes.name} sees {what}"
        for one in scripted
        for what in wrong_by_hand(one, domain, visitors, gone)
    ]


def wrong_by_hand(
    one: Scripted, domain: str, visitors: Sequence[Visitor], gone: Collection[Visitor]
) -> Iterator[str]:
    """What is wrong in a contact list that this operator keeps."""
    desk = one.presence(f"{SITE}@{domain}")
    status = f"{len(visitors) - len(gone)} visitors, "
    if desk is None or desk.type or desk.child_text("show"):
        yield f"the desk not online: {desk and desk.text}"
    elif not (desk.child_text("status") or "").startswith(status):
        yield f"the desk with {desk.child_text('status')!r}, not {status!r}"
    for visitor in visitors:
        jid = f"{visitor.id}@{domain}"
        shown, is_mine = one.shows(jid, visitor.name), one.is_mine(visitor.number)
        if is_mine and shown is (visitor in gone):
            yield f"{visitor.name}, added, " + ("online, gone" if shown else "offline, there")
        elif not is_mine and (jid in one.contacts() or one.presence(jid) is not None):
            yield f"{visitor.name}, whom nobody added: {one.contacts().get(jid)}"
