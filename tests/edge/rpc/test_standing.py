"""What a visitor is told of the talk, the queue, the site's hours and forms; and what they rate."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from switchboard.conversation import Ended, HandedBack
from switchboard.events import DesksAsked, Queue, Rated, desk_topic, domain_topic
from switchboard.hours import HoursSettings
from switchboard.model import DeskState
from switchboard.site import FormField, FormSettings, Site, Trigger
from switchboard.store import SqlStore
from tests.edge.rpc.client import RpcError
from tests.edge.rpc.conftest import ACME, DOMAIN, ManualClock, World, eventually


def queue(world: World, *visitors: str) -> None:
    """The gateway's word on who waits."""
    world.bus.publish(desk_topic("acme"), Queue("acme", visitors))


async def test_a_talk_from_its_first_line_to_its_end(world: World) -> None:
    """Each turn of it is told once, in words that name who has it, and moves no cursor."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    assert hello["talk"] == {"state": "quiet"}
    await socket.call("say", id="m1", body="Hello?")
    await socket.message()
    cursor = socket.cursor
    await world.talks.change(visitor, DOMAIN, Ended())
    await socket.quiet()
    assert socket.cursor == cursor
    await world.operator_says(visitor, "Good day")
    await world.operator_says(visitor, "How are you?")
    await world.talks.change(visitor, DOMAIN, HandedBack())
    await socket.quiet()
    assert [event["data"] for event in socket.talks] == [
        {"state": "waiting"},
        {"state": "quiet"},
        {"state": "taken", "name": "Ann"},
        {"state": "waiting"},
    ]
    again = await world.http().call("hello", site="acme", token=hello["token"])
    assert again["talk"] == {"state": "waiting"}


async def test_a_talk_that_ended_meanwhile(world: World) -> None:
    """Who comes back by any way is told how it stands now; a poll tells it once."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    said = await socket.answer("say", id="m1", body="Hello?")
    await world.operator_says(visitor, "Good day")
    await socket.message()
    await socket.message()
    socket.close()
    http, token = world.http(), said["token"]
    polled = await http.answer("poll", token=token, cursor=socket.cursor, wait=0)
    talks = [one for one in polled["result"]["events"] if one["type"] == "talk"]
    assert talks == [{"type": "talk", "data": {"state": "taken", "name": "Ann"}}]
    await world.talks.change(visitor, DOMAIN, Ended())
    source = await world.stream(token, socket.cursor)
    events = [await source.any_event() for _ in range(2)]
    assert [event["type"] for event in events] == ["desk", "talk"]
    assert events[1]["data"] == {"state": "quiet"}
    for found in ([{"type": "talk", "data": {"state": "quiet"}}], []):
        cursor = polled["result"]["cursor"]
        polled = await http.answer("poll", token=token, cursor=cursor, wait=0)
        assert polled["result"]["events"] == found


async def test_a_node_that_begins(world: World, store: SqlStore, clock: ManualClock) -> None:
    """It asks how the desks are, so that its first visitor is not told that nobody is there."""

    def gateway(event: Any) -> None:
        if isinstance(event, DesksAsked):
            world.desk(DeskState.ONLINE)

    world.bus.subscribe(domain_topic(DOMAIN), gateway)
    other = World(store, clock, world.bus)
    await other.start()
    try:
        assert (await other.http().call("hello", site="acme"))["desk"]["state"] == "online"
    finally:
        await other.stop()


async def desk_by_poll(node: World, token: str, cursor: str) -> tuple[list[str], str]:
    """What a poll at that node tells of the desk, and the cursor after it."""
    polled = await node.http().call("poll", token=token, cursor=cursor)
    desks = [one["data"]["state"] for one in polled["events"] if one["type"] == "desk"]
    return desks, polled["cursor"]


async def test_polls_here_and_there(world: World, store: SqlStore, clock: ManualClock) -> None:
    """A page hears of the desk what it does not know, whichever node told it what it knows."""
    other = World(store, clock)
    await other.start()
    try:
        for node in (world, other):
            node.desk(DeskState.ONLINE)
        hello = await world.http().call("hello", site="acme")
        token, cursor = hello["token"], hello["cursor"]
        desks, cursor = await desk_by_poll(world, token, cursor)
        assert desks == []
        other.desk(DeskState.OFFLINE)
        desks, cursor = await desk_by_poll(other, token, cursor)
        assert desks == ["offline"]
        desks, cursor = await desk_by_poll(world, token, cursor)
        assert desks == ["online"]
        assert await desk_by_poll(world, token, cursor) == ([], cursor)
    finally:
        await other.stop()


async def test_a_poll_whose_answer_was_lost(world: World) -> None:
    """It is asked again with the same cursor, and says the same of the desk."""
    hello = await world.http().call("hello", site="acme")
    world.desk(DeskState.ONLINE)
    lost = await desk_by_poll(world, hello["token"], hello["cursor"])
    assert lost[0] == ["online"]
    assert await desk_by_poll(world, hello["token"], hello["cursor"]) == lost


async def test_the_place_in_the_queue(world: World) -> None:
    """Told when it changes, to nobody else, and no more once somebody has taken the talk."""
    world.desk(DeskState.ONLINE)
    socket, hello = await world.visitor()
    other, _ = await world.visitor()
    visitor = hello["visitor"]["id"]
    queue(world, "v-aaaaaaaaaaaaaaaa", visitor)
    assert (await world.http().call("hello", site="acme"))["desk"].get("queue") is None
    await socket.call("say", id="m1", body="Hello?")
    queue(world, "v-aaaaaaaaaaaaaaaa", visitor)
    queue(world, visitor)
    await world.operator_says(visitor, "Good day")
    queue(world)
    places = [e["data"] for e in await socket.quiet() if e["type"] == "desk"]
    assert [place.get("queue") for place in places] == [2, 1, None]
    assert [e for e in await other.quiet() if e["type"] == "desk"] == []
    await world.talks.change(visitor, DOMAIN, HandedBack())
    queue(world, visitor)
    assert [e["data"]["queue"] for e in await socket.quiet() if e["type"] == "desk"] == [1]
    again = await world.http().call("hello", site="acme", token=hello["token"])
    assert again["desk"] == {"state": "online", "name": "Acme", "queue": 1}


async def test_a_storm_in_the_queue_costs_one_word_each(world: World) -> None:
    """One word of the gateway tells everybody in it their place, and nobody twice."""
    sockets = [await world.visitor() for _ in range(20)]
    for number, (socket, _) in enumerate(sockets):
        await socket.call("say", id=f"m{number}", body="Hello?")
        await socket.message()
    waiting = [hello["visitor"]["id"] for _, hello in sockets]
    queue(world, *waiting)
    queue(world, *waiting)
    for place, (socket, _) in enumerate(sockets, 1):
        events = [e["data"]["queue"] for e in await socket.quiet() if e["type"] == "desk"]
        assert events == [place]


async def test_what_the_widget_needs_of_a_site(world: World) -> None:
    """Forms, triggers and hours come with `hello`; what is not set is as little as can be."""
    http = world.http()
    plain = (await http.call("hello", site="acme"))["settings"]
    assert plain["forms"] == {"pre_chat": [], "offline": [], "rating": True}
    assert (plain["upload"], plain["triggers"], plain["hours"]) == (None, [], None)
    settings = replace(
        ACME.settings,
        forms=FormSettings(pre_chat=(FormField("email", "Your mail", "email", True),)),
        triggers=(Trigger("May I help?", seconds=30, url="*/prices*"),),
        hours=HoursSettings(
            "Europe/Berlin", **dict.fromkeys(("monday", "sunday"), ("00:00-24:00",))
        ),
    )
    await world.store.save_site(Site("acme", settings))
    await world.directory.refresh()
    found = (await http.call("hello", site="acme"))["settings"]
    field = {
        "name": "email",
        "label": "Your mail",
        "kind": "email",
        "required": True,
        "options": [],
    }
    assert found["forms"] == {"pre_chat": [field], "offline": [], "rating": True}
    assert found["triggers"] == [{"text": "May I help?", "seconds": 30, "url": "*/prices*"}]
    opens: set[Any] = set()
    for _ in range(7):
        world.clock.step(86_400)
        opens.add((await http.call("hello", site="acme"))["settings"]["hours"]["next"])
    assert None in opens
    assert {str(moment)[-13:] for moment in opens - {None}} <= {"23:00:00.000Z", "22:00:00.000Z"}


async def test_a_rating(world: World) -> None:
    """Kept for the last talk, in one line, and the gateway is told."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    token, visitor = hello["token"], hello["visitor"]["id"]
    await http.call("say", token=token, id="m1", body="Hello?")
    await world.operator_says(visitor, "Good day")
    await world.talks.change(visitor, DOMAIN, Ended())
    for score, comment in ((1, ""), (4, "Fine,\n[desk] and\x00 quick " + "x" * 2000)):
        assert await http.call("rate", token=token, score=score, comment=comment) == {}
    (rating,) = await world.store.ratings(visitor)
    assert (rating.score, rating.operator) == (4, "o-ann")
    assert rating.comment.startswith("Fine, [desk] and quick xx")
    assert len(rating.comment) == 1000
    await eventually(
        lambda: [e.rating.score for e in world.heard if isinstance(e, Rated)] == [1, 4]
    )


@pytest.mark.parametrize("score", [0, 6, -1, 2.5, "5", None])
async def test_what_is_no_score(world: World, score: object) -> None:
    """1 to 5, and nothing else."""
    http = world.http()
    token = (await http.call("hello", site="acme"))["token"]
    await http.call("say", token=token, id="m1", body="Hello?")
    with pytest.raises(RpcError) as refused:
        await http.call("rate", token=token, score=score)
    assert refused.value.reason == "invalid"


async def test_who_never_spoke_rates_nothing(world: World) -> None:
    """And it costs no SQL."""
    http = world.http()
    token = (await http.call("hello", site="acme"))["token"]
    world.forget_statements()
    with pytest.raises(RpcError) as refused:
        await http.call("rate", token=token, score=5)
    assert refused.value.reason == "invalid"
    assert world.statements == []


async def test_what_nobody_has_seen_yet(world: World) -> None:
    """`hello` counts the operators' lines that no person saw, until the widget says one did."""
    socket, hello = await world.visitor()
    visitor = hello["visitor"]["id"]
    assert hello["unread"] == 0
    await socket.call("say", id="m1", body="Hello?")
    await world.operator_says(visitor, "Good day")
    await world.operator_says(visitor, "How are you?")
    for said, unread in (("delivered", 2), ("read", 1)):
        await socket.call("seen", seq=2, state=said)
        again = await world.http().call("hello", site="acme", token=hello["token"])
        assert again["unread"] == unread


@pytest.mark.parametrize(
    ("accent", "on_accent"),
    [("#000", "#fff"), ("#ff0", "#000"), ("#1a6b5c", "#fff"), ("#FF8800", "#000")],
)
async def test_the_sites_colour(world: World, accent: str, on_accent: str) -> None:
    """The widget is told it, and which of black and white can be read on it."""
    look = replace(ACME.settings.look, accent=accent)
    http = world.http()
    assert (await http.call("hello", site="acme"))["settings"]["look"]["style"] == ""
    await world.store.save_site(replace(ACME, settings=replace(ACME.settings, look=look)))
    await world.directory.refresh()
    told = (await http.call("hello", site="acme"))["settings"]["look"]["style"]
    assert told == f"--site-accent:{accent};--site-on-accent:{on_accent}"
