"""The telling side of the Redis bus: what goes out in one pipeline, and what is asked in it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import Any

import msgspec
from msgspec import Raw, Struct
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from ..events import Event, Look
from . import recent
from .channels import CONVERSATION, LOST, channel_of
from .outgoing import Item, Outgoing

ANSWER_SECONDS = 1.0
"""How long anything may take that Redis is asked for."""
PING_SECONDS = 0.5
MOST_AT_ONCE = 2_000
"""Events of one pipeline: so that it takes less than ANSWER_SECONDS."""

log = logging.getLogger(__name__)


class Parcel(Struct, array_like=True):
    """What is published on a channel."""

    origin: str
    events: list[tuple[str, Raw]]


class _Question(Struct):
    """Somebody waits for a conversation's recent list."""

    conversation: str
    answer: asyncio.Future[list[bytes] | None]


class Publisher:
    """What one process tells, by the connection that `client` has at the time.

    Between `open` and `close` events wait to be sent; before and afterwards they are dropped, as
    `Outgoing` does it.
    """

    def __init__(self, client: Redis, prefix: str, origin: str) -> None:
        self._client = client
        self._prefix = prefix
        self._origin = origin
        self._generation = prefix + "recent"
        self._outgoing = Outgoing()
        self._questions: list[_Question] = []
        self._open = False
        self._renews = False  # a list may lack its newest row
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._encoder = msgspec.msgpack.Encoder()
        self._encoded: tuple[Event | None, Raw] = (None, Raw())
        self._complained = False

    def open(self) -> None:
        """From here on nothing is dropped."""
        self._open = True

    def close(self, worked: bool) -> None:
        """The connection is gone; if it `worked`, lists may lack what was on its way."""
        self._open = False
        self._renews = self._renews or worked
        self._outgoing.drop(self._outgoing.take(len(self._outgoing)))
        questions, self._questions = self._questions, []
        _leave_open(questions)

    def put(self, topic: str, event: Event) -> None:
        """Tells other processes."""
        known, raw = self._encoded
        if known is not event:
            # The same event goes to a conversation's topic and to its domain's.
            raw = Raw(self._encoder.encode(event))
            self._encoded = (event, raw)
        item = Item(topic, event, raw)
        if self._open:
            self._outgoing.put(item)
            self._wake.set()
        else:
            self._outgoing.drop([item])

    async def recent(self, conversation: str) -> list[bytes] | None:
        """The conversation's list, with all that this process has told before; None: no answer."""
        question = _Question(conversation, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        self._wake.set()
        await asyncio.wait([question.answer], timeout=ANSWER_SECONDS)
        return question.answer.result() if question.answer.done() else None

    async def run(self) -> None:
        """Sends what comes, and asks for a sign of life when nothing does."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    await self._wake.wait()
            await self.send_all()

    async def send_all(self) -> None:
        """Sends what waits; raises what the connection raises, or TimeoutError."""
        async with self._turn:
            self._wake.clear()
            await self._send_some()
            while self._outgoing or self._questions:
                await self._send_some()

    async def _send_some(self) -> None:
        items = self._outgoing.take(MOST_AT_ONCE)
        made_good = self._outgoing.make_good() if self._outgoing.dropped else None
        questions: list[_Question] = []
        if not self._outgoing:
            questions, self._questions = self._questions, []
        sent = False
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._pipe(items, made_good, questions)
            sent = True
        finally:
            if not sent:
                self._outgoing.drop(items)
                if made_good is not None:
                    self._outgoing.failed(*made_good)
            _leave_open(questions)

    async def _pipe(
        self,
        items: list[Item],
        made_good: tuple[list[tuple[str, Look]], bool] | None,
        questions: list[_Question],
    ) -> None:
        pipe = self._client.pipeline(transaction=False)
        renews = self._renews or made_good is not None
        if renews:
            pipe.incr(self._generation)
        writes = self._write_recent(pipe, items) + renews
        looks, lost = made_good or ([], False)
        parcels: defaultdict[str, list[tuple[str, Raw]]] = defaultdict(list)
        for topic, look in looks:
            parcels[channel_of(topic)].append((topic, Raw(self._encoder.encode(look))))
        for item in items:
            parcels[channel_of(item.topic)].append((item.topic, item.raw))
        if lost:
            parcels[LOST] = []
        for channel, told in parcels.items():
            parcel = self._encoder.encode(Parcel(self._origin, told))
            pipe.publish(self._prefix + channel, parcel)
        for question in questions:
            pipe.eval(recent.READ, 1, self._generation, question.conversation)
        if not len(pipe):
            pipe.ping()
        answers = await pipe.execute(raise_on_error=False)
        self._wrote(answers[:writes], renews)
        read = len(answers) - len(questions)
        for answer in answers[writes:read]:
            if isinstance(answer, Exception):
                raise answer
        for question, answer in zip(questions, answers[read:], strict=True):
            if isinstance(answer, list) and not question.answer.done():
                question.answer.set_result(answer)

    def _write_recent(self, pipe: Pipeline, items: list[Item]) -> int:
        """Gives the number of commands."""
        rows: defaultdict[str, list[Raw]] = defaultdict(list)
        for item in items:
            if isinstance(item.event, recent.KEPT) and item.topic.startswith(CONVERSATION):
                rows[item.topic.removeprefix(CONVERSATION)].append(item.raw)
        for conversation, told in rows.items():
            raws = map(bytes, told[-2 * recent.ROWS :])
            pipe.eval(recent.PUSH, 1, self._generation, conversation, *raws)
        return len(rows)

    def _wrote(self, answers: list[Any], renewed: bool) -> None:
        """Lists that could not be written are not to be believed, until that is known to all."""
        problem = next((one for one in answers if isinstance(one, ResponseError)), None)
        self._renews = problem is not None
        if problem is not None and not self._complained:
            log.warning("Redis keeps no recent rows: %s", problem)
        self._complained = problem is not None


def _leave_open(questions: list[_Question]) -> None:
    for question in questions:
        if not question.answer.done():
            question.answer.set_result(None)
