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
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import EqualJitterBackoff, NoBackoff
from redis.exceptions import RedisError

from ..errors import Reject
from ..events import Event
from ..ports import Unsubscribe
from . import recent
from .channels import CONVERSATION, LOST, Channels, channel_of
from .memory import Listener, MemoryBus
from .missed import Missed
from .publisher import ANSWER_SECONDS, PING_SECONDS, Parcel, Publisher

SILENT_SECONDS = 1.5
"""After that long without a word it is frozen."""
STEADY_SECONDS = 2.0
"""A connection that does not live so long counts as one more failure."""
FAILURES = (RedisError, OSError, TimeoutError)

log = logging.getLogger(__name__)


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
        self._local = MemoryBus()
        self._channels = Channels()
        self._channels.want(LOST)
        self._publisher = Publisher(self._client, self._prefix, self._origin)
        self._missed = Missed()
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
                await self._publisher.send_all()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._missed.close()
        await self._client.aclose()

    def publish(self, topic: str, event: Event) -> None:
        """See ports.Bus."""
        self._local.publish(topic, event)
        self._publisher.put(topic, event)

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
        raws = await self._publisher.recent(conversation)
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
                    # Before its first words, so that nothing is dropped after them.
                    self._publisher.open()
                    await self._publisher.send_all()
                self.up = was_up = True
                self.reason = ""
                log.info("the bus %s is there", self.name)
                self._missed.heard()
                for work in (self._follow(pubsub), self._ping(pubsub), self._publisher.run()):
                    tasks.create_task(work)
        except* Exception as group:  # noqa: BLE001 (it becomes the reason)
            problem = _first(group)
        finally:
            self.up = False
            self.reason = str(problem) or "no answer in time"
            self._channels.end()
            self._publisher.close(was_up)
            if was_up:
                self._missed.deaf()
            with contextlib.suppress(*FAILURES):
                await pubsub.aclose()  # type: ignore[no-untyped-call]
                await self._client.connection_pool.disconnect()
        if not isinstance(problem, FAILURES):
            log.error("the bus %s failed", self.name, exc_info=problem)
        return was_up, problem

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
