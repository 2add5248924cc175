"""A room over the kill of the Jabber server: nothing is lost, and nobody stays who is gone."""

from __future__ import annotations

from pathlib import Path

from parley.private_prosody import PrivateProsody
from switchboard.model import new_visitor_id
from switchboard.rooms import RoomSettings
from tests.e2e.conftest import PASSWORD
from tests.e2e.support.bridge import bridge
from tests.e2e.support.occupant import Occupant
from tests.e2e.support.operator import Operator
from tests.e2e.support.wait import eventually

ROOM = "lobby%shop@chat.localhost"


async def test_the_jabber_server_is_killed(prosody: PrivateProsody, tmp_path: Path) -> None:
    """Who comes back has every line in order, once; who does not is out of the room."""
    people = {"ann@localhost": "Ann"}
    rooms = {"lobby": RoomSettings()}
    visitor = new_visitor_id()
    async with bridge(tmp_path, prosody, people, rooms=rooms) as running:
        await running.linked()
        ann, bob = (Operator(f"{name}@localhost", PASSWORD) for name in ("ann", "bob"))
        for client in (ann, bob):
            await client.login(prosody.c2s_port)
        inside, other = Occupant(ann, ROOM, "Ann"), Occupant(bob, ROOM, "Bob")
        await inside.join()
        await other.join()
        inside.say("before")
        await other.hears("before")
        prosody.kill()
        link = running.edge.gateways[0].link
        await eventually(lambda: not link.up, 10.0, "the link is lost")
        await running.say_in("lobby", visitor, "Gus", "meanwhile")
        await prosody.start()
        await running.linked()
        back = Operator("ann@localhost", PASSWORD, resource="again")
        await back.login(prosody.c2s_port)
        again = Occupant(back, ROOM, "Ann")
        await again.join()
        again.say("after")
        await again.hears("after")
        told = [one.body for one in back.received if one.type == "groupchat" and one.body]
        assert told == ["before", "meanwhile", "after"]

        async def alone() -> bool:
            kept = await running.store.occupants()
            return [one.jid for one in kept] == [back.full_jid]

        await eventually(alone, 10.0, "who is gone is out")
        await back.logout()
