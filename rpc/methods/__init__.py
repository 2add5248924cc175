"""The RPC's methods: one table, the same for every transport."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ..callers import Call
from ..services import Services
from . import amend, details, events, rate, rooms, talk, upload, visit
from .answers import Nothing


class Method(NamedTuple):
    """How a method is called, and what it gives."""

    run: Callable[[Services, Call, Any], Awaitable[Any]]
    params: type
    result: type
    socket_only: bool = False


METHODS = {
    "hello": Method(visit.hello, visit.Hello, visit.Welcome),
    "resume": Method(events.resume, events.Resume, events.Resumed, socket_only=True),
    "say": Method(talk.say, talk.Say, talk.Said),
    "edit": Method(amend.edit, amend.Edit, Nothing),
    "retract": Method(amend.retract, amend.Retract, Nothing),
    "react": Method(amend.react, amend.React, Nothing),
    "poll": Method(events.poll, events.PollParams, events.Polled),
    "typing": Method(talk.typing, talk.TypingParams, Nothing),
    "page": Method(visit.page, visit.PageParams, Nothing),
    "seen": Method(talk.seen, talk.Seen, Nothing),
    "profile": Method(details.profile, details.Profile, details.Told),
    "identify": Method(details.identify, details.Identify, details.Identified),
    "rate": Method(rate.rate, rate.Rate, Nothing),
    "upload": Method(upload.upload, upload.Upload, upload.Promised),
    "history": Method(talk.history, talk.History, talk.Lines),
    "join": Method(rooms.join, rooms.Join, rooms.Joined),
    "leave": Method(rooms.leave, rooms.Leave, Nothing),
    "members": Method(rooms.members, rooms.Members, rooms.Listed),
    "ping": Method(visit.ping, visit.Nobody, Nothing),
    "bye": Method(visit.bye, visit.Bye, Nothing),
}
