"""What changes an earlier message outlives a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from parley.private_prosody import PrivateProsody
from switchboard.bus.memory import MemoryBus
from switchboard.clock import SystemClock
from switchboard.model import Act, Visit
from switchboard.reception import Talks
from switchboard.reception.talks import visitor_sender
from switchboard.store import open_store
from tests.e2e.support.house import jid
from tests.e2e.support.operator import Operator
from tests.e2e.support.parley import SITE, Parley
from tests.e2e.support.rpc import call
from tests.e2e.support.wait import eventually

Login = Callable[..., Awaitable[Operator]]


async def test_changes_survive_the_kill_of_parley(
    tmp_path: Path, prosody: PrivateProsody, operator: Login
) -> None:
    """SIGKILL: what was stored stands, both ways, and reaches the other side afterwards."""
    parley = Parley(tmp_path / "parley", prosody)
    await parley.set_up({"ann@localhost": "Ann"})
    await parley.start()
    try:
        ann = await operator("ann")
        page = {"url": "https://shop.example/", "title": "T", "referrer": "", "visible": True}
        hello = (await call(parley, "hello", site=SITE, page=page))["result"]
        await call(parley, "say", token=hello["token"], id="c1", body="Is it bleu?")
        visit = Visit(hello["visitor"]["id"], SITE, prosody.domain)
        hers = await ann.wait_for_message("Is it bleu?", jid(visit.visitor))
        own = ann.send_message_to(jid(visit.visitor), "it is geen")
        ann.send_correction(jid(visit.visitor), own, "it is green")

        def stored() -> bool:
            return "it is green" in [line["body"] for line in parley.transcript()]

        await eventually(lambda: asyncio.to_thread(stored), 20.0, "the correction is stored")
        parley.kill()
        # Stored as by a process that was killed before it could tell anybody.
        store = await open_store(f"sqlite:///{parley.folder}/parley.db", clock=SystemClock())
        talks = Talks(store, MemoryBus(), SystemClock(), 4000)
        who = visitor_sender(visit)
        edit = (visit.visitor, visit.site, visit.domain, Act.EDIT, 1, "Is it blue?")
        await talks.amend(who, *edit)
        await store.close()
        await parley.start()
        got = await ann.wait_for_message("Is it blue?", jid(visit.visitor), timeout=15.0)
        corrections = [one for one in ann.messages(jid(visit.visitor)) if one.replaces == hers.id]
        assert [one.body for one in corrections] == ["Is it blue?"]
        assert got.sender.startswith(jid(visit.visitor))
        left = await asyncio.to_thread(parley.transcript)
        assert [line["body"] for line in left] == ["Is it blue?", "it is green"]
    finally:
        parley.end()
