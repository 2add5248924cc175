"""What must cost no SQL, and what is known of a visitor without it."""

from __future__ import annotations

import asyncio
import json

from switchboard.events import VisitorHere, VisitorLeft
from switchboard.model import DeskState
from tests.edge.rpc.client import frame
from tests.edge.rpc.conftest import World, eventually


async def test_a_visitor_who_only_looks_costs_no_sql(world: World) -> None:
    """hello, page, profile, poll and bye by POST and on a socket: not one statement."""
    world.forget_statements()
    http = world.http()
    hello = await http.call("hello", site="acme", page={"url": "https://shop.test/"})
    token = hello["token"]
    await http.call("page", token=token, url="https://shop.test/a", title="A", visible=True)
    await http.call("profile", token=token, name="Zoe", email="zoe@shop.test")
    await http.call("poll", token=token, cursor=hello["cursor"])
    await http.call("history", token=token)
    await http.call("seen", token=token, seq=1, state="read")
    await http.call("hello", site="acme", token=token)
    await http.call("bye", token=token)
    socket = await world.socket()
    again = await socket.call("hello", site="acme", token=token)
    await socket.call("page", url="https://shop.test/b", title="B")
    await socket.call("bye")
    socket.close()
    resumed = await world.socket()
    await resumed.call("resume", token=token, cursor=again["cursor"])
    assert await resumed.quiet() == []
    await world.restart()
    await world.directory.refresh()
    world.forget_statements()
    polled = await world.http().call("poll", token=token, cursor=again["cursor"])
    assert [event["type"] for event in polled["events"]] == ["desk"]
    assert world.statements == []


async def test_waiting_costs_no_sql(world: World) -> None:
    """A talk with nothing new: polls, idle sockets, pings and sweeps cause no statement."""
    socket, hello = await world.visitor()
    said = await socket.answer("say", id="m1", body="Hello?")
    await world.operator_says(hello["visitor"]["id"], "Yes!")
    await socket.message()
    await socket.message()
    http = world.http()
    polled = await http.call("poll", token=said["token"], cursor=socket.cursor, wait=0)
    await http.call("poll", token=said["token"], cursor=polled["cursor"])
    await eventually(lambda: any("cursors" in s and "INSERT" in s for s in world.statements))
    await world.store.flush()

    world.forget_statements()
    for _ in range(3):
        again = await http.call("poll", token=said["token"], cursor=polled["cursor"], wait=0.05)
        assert again == {"cursor": polled["cursor"], "events": []}
    world.tick(50)
    await socket.call("ping")
    await socket.call("typing", state="composing")
    await socket.call("seen", seq=1, state="delivered")
    socket.close()
    await eventually(lambda: not world.edge.sockets)
    world.tick(30)
    again = await http.call("poll", token=said["token"], cursor=polled["cursor"])
    assert again["events"] == []
    assert world.statements == []


async def test_a_seat_is_given_up_in_the_end(world: World) -> None:
    """A minute after the last page has gone nothing is kept of the visitor."""
    socket, _ = await world.visitor()
    socket.close()
    await eventually(lambda: not world.edge.sockets)
    world.tick(59)
    assert len(world.edge._services.seats) == 1
    world.tick(2)
    assert len(world.edge._services.seats) == 0
    assert len(world.attendance) == 0


async def test_who_polls_stays(world: World) -> None:
    """A waiting poll keeps the visitor here beyond the grace period; without it they leave."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    visitor = hello["visitor"]["id"]
    poll = asyncio.create_task(
        http.call("poll", token=hello["token"], cursor=hello["cursor"], wait=0.5)
    )
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)
    world.tick(60)
    assert world.attendance.visit(visitor) is not None
    assert (await poll)["events"] == []
    world.tick(14)
    assert world.attendance.visit(visitor) is not None
    world.tick(2)
    assert world.attendance.visit(visitor) is None


async def test_a_closed_poll_is_given_up(world: World) -> None:
    """A client that hangs up waits no longer."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    reader, writer = await http.connect()
    del reader
    call = frame("poll", token=hello["token"], cursor=hello["cursor"], wait=30)
    body = json.dumps(call).encode()
    writer.write(b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)
    writer.close()
    await eventually(lambda: len(world.edge._services.polls._waiting) == 0)


async def test_a_page_change_is_no_news(world: World) -> None:
    """Leaving and coming back within the grace period: the operators see no departure."""
    events: list[object] = []
    world.bus.subscribe("census", events.append)
    socket, hello = await world.visitor()
    socket.close()
    await eventually(lambda: not world.edge.sockets)
    await world.http().call("bye", token=hello["token"])
    world.tick(10)
    again = await world.socket()
    await again.call(
        "hello", site="acme", token=hello["token"], page={"url": "https://shop.test/2"}
    )
    world.tick(30)
    await asyncio.sleep(0)
    here = [e.visit.page.url for e in events if isinstance(e, VisitorHere)]
    assert here[0] == "https://shop.test/"
    assert here[-1] == "https://shop.test/2"
    assert not any(isinstance(event, VisitorLeft) for event in events)


async def test_what_is_kept_of_a_page(world: World) -> None:
    """Only http(s), without user, fragment and unlisted parameters; text is cleaned and cut."""
    socket = await world.socket()
    hello = await socket.call(
        "hello",
        site="acme",
        page={
            "url": "https://user:pw@shop.test/a?product=7&session=s#top",
            "title": "A\u202e \ufffe b\n" + "x" * 500,
            "referrer": "https://search.test/?q=secret",
            "visible": False,
        },
        name=" Zoe\u0000 ",
        locale="de",
    )
    visit = world.visit(hello["visitor"]["id"])
    assert hello["visitor"]["name"] == "Zoe"
    assert visit.page.url == "https://shop.test/a?product=7"
    assert visit.page.title.startswith("A b x")
    assert len(visit.page.title) == 200
    assert visit.page.referrer == "https://search.test/"
    assert (visit.page.visible, visit.locale) == (False, "de")
    await socket.call("page", url="javascript:alert(1)", title="B", visible=True)
    page = world.visit(hello["visitor"]["id"]).page
    assert (page.url, page.title, page.visible) == ("", "B", True)
    assert page.referrer == "https://search.test/"


async def test_hidden_by_post(world: World) -> None:
    """A page hidden by POST is hidden even while a poll waits."""
    http = world.http()
    hello = await http.call("hello", site="acme", page={"visible": True})
    token = hello["token"]
    poll = asyncio.create_task(http.call("poll", token=token, cursor=hello["cursor"], wait=0.5))
    await eventually(lambda: len(world.edge._services.polls._waiting) == 1)
    await http.call("page", token=token, url="https://shop.test/", visible=False)
    await poll
    assert not world.visit(hello["visitor"]["id"]).page.visible


async def test_details_are_kept_once_the_visitor_speaks(world: World) -> None:
    """Told before the first line, they are stored with it; later ones at once; and recalled."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    token, visitor = hello["token"], hello["visitor"]["id"]
    await http.call("profile", token=token, name="Zoe", fields={"order": "7"})
    assert await world.talks.details(visitor) is None
    token = (await http.answer("say", token=token, id="m1", body="Hello?"))["token"]
    details = await world.talks.details(visitor)
    assert details is not None
    assert (details.name, details.fields) == ("Zoe", {"order": "7"})
    result = await http.call("profile", token=token, email="zoe@shop.test")
    assert result == {"visitor": {"id": visitor, "name": "Zoe"}}

    await world.restart()
    await world.http().call("typing", token=token, state="composing")
    recalled = world.visit(visitor)
    assert recalled.spoken
    assert (recalled.details.name, recalled.details.email) == ("Zoe", "zoe@shop.test")


async def test_a_token_is_renewed(world: World) -> None:
    """At once when the visitor has spoken, after a day beside any result, and not in between."""
    socket, hello = await world.visitor()
    token = hello["token"]
    assert "token" not in await socket.answer("ping")
    spoken = await socket.answer("say", id="m1", body="Hello?")
    assert spoken["token"] != token
    assert "token" not in await socket.answer("say", id="m2", body="Hello?")
    http = world.http()
    assert "token" not in await http.answer("typing", token=spoken["token"], state="paused")
    assert "token" in await http.answer("typing", token=token, state="paused")
    world.clock.advance(86_401)
    assert "token" in await http.answer("typing", token=spoken["token"], state="paused")
    assert "token" in await socket.answer("typing", state="paused")
    assert "token" not in await socket.answer("typing", state="paused")


async def test_a_token_lives_its_days(world: World) -> None:
    """After them `hello` makes a new visitor, and anything else is told to say hello."""
    http = world.http()
    hello = await http.call("hello", site="acme")
    world.clock.advance(91 * 86_400)
    response = await http.post(frame("poll", token=hello["token"], cursor=hello["cursor"]))
    assert response.status == 200
    assert response.json["error"]["data"]["reason"] == "bad_token"
    again = await http.call("hello", site="acme", token=hello["token"])
    assert again["visitor"]["id"] != hello["visitor"]["id"]


async def test_the_first_visitor_knows_the_desk(world: World) -> None:
    """The desk is heard of before anybody asks; a gateway that falls silent leaves it offline."""
    world.desk(DeskState.ONLINE, name="Acme support")
    await asyncio.sleep(0)
    socket, hello = await world.visitor()
    assert hello["desk"] == {"state": "online", "name": "Acme support"}
    world.tick(11)
    assert (await socket.event())["data"] == {"state": "offline", "name": "Acme support"}
