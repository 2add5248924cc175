"""Requests that wait for an answer."""

from __future__ import annotations

import asyncio

from gateway.iqs import Iqs
from gateway.xml import Xml

DOMAIN = "chat.example.org"


async def test_what_cannot_be_sent_is_not_waited_for() -> None:
    """While the link is down there is no answer, at once: others may wait for it."""
    sent: list[Xml] = []
    iqs = Iqs(sent.append, lambda: False)
    async with asyncio.timeout(1.0):
        assert await iqs.disco(DOMAIN, "ann@example.org/desk") is None
    assert sent == []
