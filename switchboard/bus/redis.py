"""The bus between processes: publish and subscribe by Redis.

Subscribers in the process itself get what it publishes at once; what comes back from Redis with the
process's own origin is skipped. A channel carries parcels in MessagePack: `[origin, [[topic,
event], …]]`, all that a process had for that channel in one turn of its loop, or while the turn
before was on its way. All parcels of a turn go in one pipeline, together with the rows for the
`recent` lists, which are written first: whoever listens to a channel and then reads the list has
all.

A parcel without events, on the channel `lost`, says that its sender could not tell something that
the store knows: everybody is to look (`on_missed`). Rows that could not be told are told as `Look`.

There are two connections, and both must answer in a bounded time: the subscriber's is pinged, the
publisher's is used or pinged. If either fails both are made anew, with all subscriptions.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline, PubSub
from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.exceptions import RedisError, ResponseError

from ..errors import Reject
from ..events import Event, Look
from ..ports import Unsubscribe
from . import recent
from .channels import CONVERSATION, Channels, channel_of
from .memory import Listener, MemoryBus
from .missed import Missed
from .outgoing import Item, Outgoing

ANSWER_SECONDS = 1.0
"""How long anything may take that Redis is asked for."""
PING_SECONDS = 0.5
SILENT_SECONDS = 1.5
"""After that long without a word it is frozen."""
STEADY_SECONDS = 2.0
"""A connection that does not live so long counts as one more failure."""
MOST_AT_ONCE = 2_000
"""Events of one pipeline: so that it takes less than ANSWER_SECONDS."""

LOST = "lost"

FAILURES = (RedisError, OSError, TimeoutError)

log = logging.getLogger(__name__)


class Parcel(Struct, array_like=True):
    """What is published on a channel."""

    origin: str
    events: list[tuple[str, Raw]]


class _Question(Struct):
    """Somebody waits for a conversation's recent list."""

    conversation: str
    answer: asyncio.Future[list[bytes] | None]


class _Subscription:
    """What a subscriber holds; calling it unsubscribes."""

    __slots__ = ("_channel", "_channels", "_stop")

    def __init__(self, channels: Channels, channel: str, stop: Unsubscribe) -> None:
        self._channels = channels
        self._channel = channel
        self._stop: Unsubscribe | None = stop

    def __call__(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None
            self._channels.unwant(self._channel)


class RedisBus:
    """Implements ports.Bus. Raises Reject for a URL that cannot be Redis's."""

    def __init__(self, url: str) -> None:
        try:
            self._client = redis_client(url)
        except ValueError as problem:
            raise Reject("invalid", f"Such a bus is redis://host:port/0: {problem}") from None
        self.name = shown(url)
        """The URL, without a password."""
        self.up = False
        self.reason = "not started"
        """Why it is not up."""
        self._origin = secrets.token_hex(8)
        number = self._client.connection_pool.connection_kwargs.get("db") or 0
        self._prefix = f"parley:{number}:"
        self._generation = self._prefix + "recent"
        self._local = MemoryBus()
        self._channels = Channels()
        self._channels.want(LOST)
        self._outgoing = Outgoing()
        self._questions: list[_Question] = []
        self._missed = Missed()
        self._sends = False  # events wait for Redis; else they are dropped
        self._renews = False  # a list may lack its newest row
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._encoded: tuple[Event | None, Raw] = (None, Raw())
        self._encoder = msgspec.msgpack.Encoder()
        self._parcels = msgspec.msgpack.Decoder(Parcel)
        self._events = msgspec.msgpack.Decoder(Event)
        self._doubted: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to connect; returns before Redis has answered."""
        self._missed.deaf()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Sends what waits, in a bounded time, and lets go."""
        if self.up:
            with contextlib.suppress(*FAILURES):
                await self._send_all()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._missed.close()
        await self._client.aclose()

    def publish(self, topic: str, event: Event) -> None:
        """See ports.Bus."""
        self._local.publish(topic, event)
        known, raw = self._encoded
        if known is not event:
            # The same event goes to a conversation's topic and to its domain's.
            raw = Raw(self._encoder.encode(event))
            self._encoded = (event, raw)
        item = Item(topic, event, raw)
        if self._sends:
            self._outgoing.put(item)
            self._wake.set()
        else:
            self._outgoing.drop([item])

    def subscribe(self, topic: str, listener: Listener) -> Unsubscribe:
        """See ports.Bus."""
        channel = channel_of(topic)
        self._channels.want(channel)
        return _Subscription(self._channels, channel, self._local.subscribe(topic, listener))

    async def listening(self, topic: str) -> None:
        """See ports.Bus."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._channels.heard(channel_of(topic))

    def on_missed(self, listener: Callable[[], None]) -> Unsubscribe:
        """See ports.Bus."""
        return self._missed.listen(listener)

    async def recent(self, conversation: str, after: int) -> list[Event] | None:
        """See ports.Bus."""
        await self.listening(CONVERSATION + conversation)
        if not self.up:
            return None
        # With what waits to be told, and after it: this process's own rows are in the list too.
        question = _Question(conversation, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        self._wake.set()
        await asyncio.wait([question.answer], timeout=ANSWER_SECONDS)
        raws = question.answer.result() if question.answer.done() else None
        try:
            return None if raws is None else recent.told_after(after, raws)
        except msgspec.DecodeError as problem:
            self._doubt(f"the recent list of {conversation}", problem)
            return None

    async def _run(self) -> None:
        backoff = EqualJitterBackoff(cap=1.0, base=0.1)
        loop = asyncio.get_running_loop()
        failures = 0
        logged: type[Exception] | None = None
        while True:
            began = loop.time()
            was_up, problem = await self._live()
            if was_up or type(problem) is not logged:
                logged = type(problem)
                log.warning("the bus %s is not there: %s", self.name, self.reason)
            steady = was_up and loop.time() - began >= STEADY_SECONDS
            failures = 1 if steady else failures + 1
            await asyncio.sleep(backoff.compute(failures))

    async def _live(self) -> tuple[bool, Exception]:
        """One life of the connections; whether they ever carried events, and what ended them."""
        was_up = False
        problem: Exception = ConnectionError("closed")
        pubsub = self._client.pubsub()
        self._channels.begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                async with asyncio.timeout(2 * ANSWER_SECONDS):
                    await self._ask(pubsub)
                    tasks.create_task(self._hear(pubsub))
                    await self._channels.all_heard()
                    # From here on nothing is dropped, so that nothing can be after this turn.
                    self._sends = True
                    await self._send_all()
                self.up = was_up = True
                self.reason = ""
                log.info("the bus %s is there", self.name)
                self._missed.heard()
                for work in (self._follow(pubsub), self._ping(pubsub), self._send()):
                    tasks.create_task(work)
        except* Exception as group:  # noqa: BLE001 (it becomes the reason)
            problem = _first(group)
        finally:
            self.up = self._sends = False
            self.reason = str(problem) or "no answer in time"
            self._channels.end()
            self._give_up()
            if was_up:
                self._renews = True
                self._missed.deaf()
            with contextlib.suppress(*FAILURES):
                await pubsub.aclose()  # type: ignore[no-untyped-call]
                await self._client.connection_pool.disconnect()
        if not isinstance(problem, FAILURES):
            log.error("the bus %s failed", self.name, exc_info=problem)
        return was_up, problem

    def _give_up(self) -> None:
        self._outgoing.drop(self._outgoing.take(len(self._outgoing)))
        questions, self._questions = self._questions, []
        for question in questions:
            if not question.answer.done():
                question.answer.set_result(None)

    async def _ask(self, pubsub: PubSub) -> None:
        more, less = self._channels.to_ask()
        if more:
            await pubsub.subscribe(*(self._prefix + channel for channel in more))
        if less:
            await pubsub.unsubscribe(*(self._prefix + channel for channel in less))

    async def _follow(self, pubsub: PubSub) -> None:
        while True:
            await self._channels.changed()
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._ask(pubsub)

    async def _ping(self, pubsub: PubSub) -> None:
        while True:
            async with asyncio.timeout(ANSWER_SECONDS):
                await pubsub.ping()
            await asyncio.sleep(PING_SECONDS)

    async def _hear(self, pubsub: PubSub) -> None:
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                heard = await pubsub.get_message(timeout=None)
            if heard is None:
                continue
            if heard["type"] == "message":
                self._opened(heard["data"])
            elif heard["type"] == "subscribe":
                self._channels.confirmed(heard["channel"].decode().removeprefix(self._prefix))

    def _opened(self, data: bytes) -> None:
        try:
            parcel = self._parcels.decode(data)
            if parcel.origin == self._origin:
                return
            if not parcel.events:
                self._missed.some()
            for topic, raw in parcel.events:
                self._local.publish(topic, self._events.decode(raw))
        except msgspec.DecodeError as problem:
            self._doubt("a message", problem)

    def _doubt(self, what: str, problem: Exception) -> None:
        """Logs once a kind what cannot be understood."""
        kind = what.split()[1]
        if kind not in self._doubted:
            self._doubted.add(kind)
            log.warning("the bus %s: %s is not ours and ignored: %s", self.name, what, problem)

    async def _send(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    await self._wake.wait()
            await self._send_all()

    async def _send_all(self) -> None:
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
            for question in questions:
                if not question.answer.done():
                    question.answer.set_result(None)

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
        if problem is not None:
            self._doubt("no recent rows are kept: Redis's answer", problem)


async def try_out(url: str) -> str:
    """Redis's version, once it is known to do all that a bus asks of it; disturbs nobody.

    Raises ValueError for a URL that is none, RedisError, OSError or TimeoutError.
    """
    client = redis_client(url)
    try:
        async with asyncio.timeout(3 * ANSWER_SECONDS):
            pubsub = client.pubsub()
            await pubsub.subscribe("parley:check")
            await client.publish("parley:check", b"")
            await client.eval(recent.READ, 1, "parley:check", "")
            await pubsub.aclose()  # type: ignore[no-untyped-call]
            return str((await client.info("server"))["redis_version"])
    finally:
        with contextlib.suppress(*FAILURES):
            await client.aclose()


def redis_client(url: str) -> Redis:
    """A client that says that it failed instead of trying again. Raises ValueError.

    All but connecting has to be given its time by whoever asks.
    """
    return Redis.from_url(
        url,
        protocol=2,
        # Its own limit is an asyncio.wait_for, which loses cancellations (CPython gh-86296).
        socket_timeout=None,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0, supported_errors=()),
    )


def shown(url: str) -> str:
    """A URL as it may stand in a log."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    one = group.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one
