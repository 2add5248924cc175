"""Requests of ours that wait for an answer (RFC 6120 §8.2.3)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from . import namespaces as ns
from . import outbound
from .inbound.stanza import Iq
from .xml import Xml, element

ANSWER_WITHIN = 15.0


class Iqs:
    """Matches answers to requests by id and sender; `up`: whether anything can be sent."""

    def __init__(self, send: Callable[[Xml], None], up: Callable[[], bool]) -> None:
        self._send = send
        self._up = up
        self._numbers = itertools.count(1)
        self._waiting: dict[tuple[str, str], asyncio.Future[Iq | None]] = {}

    async def ask(self, to: str, build: Callable[[str], Xml]) -> Iq | None:
        """Sends what `build` makes of a fresh id; the answer, or None: none within ANSWER_WITHIN
        seconds, or the link is or went down.
        """
        if not self._up():
            return None
        id = f"q{next(self._numbers)}"
        answer: asyncio.Future[Iq | None] = asyncio.get_running_loop().create_future()
        self._waiting[to, id] = answer
        self._send(build(id))
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._waiting.pop((to, id), None)

    async def disco(self, domain: str, to: str) -> Iq | None:
        """What an entity is (XEP-0030 §3.1), asked from the domain; as `ask`."""
        query = element("query", {"xmlns": ns.DISCO_INFO})
        return await self.ask(to, lambda id: outbound.iq("get", domain, to, id, query))

    def answered(self, iq: Iq) -> bool:
        """Hands over a result or an error; False if nobody waits for it."""
        answer = self._waiting.get((iq.sender.full, iq.id))
        if answer is None or answer.done():
            return False
        answer.set_result(iq)
        return True

    def abandon(self) -> None:
        """The link is down: nothing will be answered any more."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)
        self._waiting.clear()
