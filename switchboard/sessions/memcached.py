"""Visits in a ring of memcached servers, which several web nodes share.

A visitor's visit is on one server (rendezvous hashing); a server that is out is a miss, and what
is put there is dropped: no other one takes its place, because copies there would be old one day.
All processes must name the same servers, in whatever order.

**Nothing old comes back.** Each server holds a *life*, a random value under a key of ours, and each
visit is stored behind the life of that moment; a visit behind another life is a miss. Whoever could
not store a visit gives the server a new life before using it again, and with that what all
processes had stored there is a miss: a server that was frozen, or cut off, forgets. A set that was
given up and is carried out later carries the old life. Losing the life loses the visits.

What is left:

- A process that did not write while the server was away may read an old visit between the server's
  return and the new life, which comes within a second or two; if the process that could not write
  has ended meanwhile, or only it was cut off, for longer.
- Puts wait for up to FLUSH_EVERY. Of a visitor who changes nodes faster, the older visit is read;
  if both nodes put, the one that flushes last wins. A process that is killed loses what waits.
- A server that is taken out of the list and put back within a day has old visits: empty it before.

An old visit's details are known by their generation, which the token has too; its page, and when
the visitor was active, are told again by the call that reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import TypeVar

import msgspec
from pybreaker import STATE_CLOSED, CircuitBreaker, CircuitBreakerError
from pymemcache.client.base import Client, normalize_server_spec
from pymemcache.client.rendezvous import RendezvousHash
from pymemcache.exceptions import MemcacheError, MemcacheServerError

from ..model import Visit

IO_SECONDS = 0.2
"""For a connection, and for each answer."""
GET_SECONDS = 0.5
"""How long a caller waits at most, whatever else the server's thread has to do."""
FLUSH_EVERY = 1.0
CLOSE_SECONDS = 2.0
FAILURES = 3
"""In a row, until a server is out; the first may be a connection that a restart has cut."""
EXPIRE_SECONDS = 86_400
AT_ONCE = 100
"""Visits in one write."""
SCHEME = "memcached://"

FAULTS = (MemcacheError, OSError, ValueError, LookupError)
"""All that pymemcache raises of a server that is gone, is slow, or talks nonsense."""

_LIFE = "parley:life"
_LIFE_OCTETS = 8
_NEVER = 10 * 365 * 86_400
"""Seconds: the breaker's own clock is the wall's, so the flush decides when to try again."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def servers_of(url: str) -> tuple[str, ...]:
    """`host:port` or a socket's path of each server in a URL. Raises ValueError."""
    names = tuple(dict.fromkeys(url.removeprefix(SCHEME).split(",")))
    if not url.startswith(SCHEME) or not all(names):
        raise ValueError("write memcached://host:port,host:port")
    for name in names:
        try:
            normalize_server_spec(name)
        except ValueError:
            raise ValueError(f"{name!r} is no host:port") from None
    return names


def version(server: str, seconds: float) -> str:
    """What a server says it is, within about twice that time. Raises one of FAULTS."""
    client = Client(server, connect_timeout=seconds, timeout=seconds)
    try:
        found: bytes = client.version()
        return found.decode("ascii", "replace")
    finally:
        client.close()


class MemcachedSessions:
    """Implements ports.Sessions. Never raises: without memcached it is an empty cache."""

    def __init__(self, servers: Sequence[str], flush_every: float = FLUSH_EVERY) -> None:
        self._servers = {name: _Server(name, flush_every) for name in servers}
        self._ring = RendezvousHash(list(servers))

    async def get(self, visitor: str) -> Visit | None:
        """See ports.Sessions. What was put in this process counts before it is stored."""
        return await self._server(visitor).get(visitor)

    def put(self, visit: Visit) -> None:
        """See ports.Sessions. Stored within a second or so, the last of each visitor's."""
        self._server(visit.visitor).put(visit)

    def out(self) -> list[str]:
        """The servers that are not used now."""
        return [name for name, server in self._servers.items() if server.out]

    async def close(self) -> None:
        """Stores what waits, within CLOSE_SECONDS, and lets go."""
        await asyncio.gather(*(server.close() for server in self._servers.values()))

    def _server(self, visitor: str) -> _Server:
        return self._servers[self._ring.get_node(visitor)]


class _Server:
    """One server of the ring.

    All of its traffic is on one connection in one thread: a slow server holds up nobody but its
    own visits, and nothing of what stands under "In the thread" needs a lock.
    """

    def __init__(self, name: str, flush_every: float) -> None:
        self._name = name
        self._flush_every = flush_every
        self._waiting: dict[str, Visit] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._thread = ThreadPoolExecutor(1, f"memcached {name}")
        self._client = Client(name, connect_timeout=IO_SECONDS, timeout=IO_SECONDS, no_delay=True)
        self._breaker = CircuitBreaker(FAILURES, _NEVER, throw_new_error_on_trip=False)
        self._behind = False
        """Whether it lacks something that was put, and so may hold an older visit."""
        self._decoder = msgspec.msgpack.Decoder(Visit)
        self._told_of_garbage = False

    @property
    def out(self) -> bool:
        """Whether it is not used, or only tried."""
        return self._breaker.current_state != STATE_CLOSED

    # On the loop

    async def get(self, visitor: str) -> Visit | None:
        waits = self._waiting.get(visitor)
        if waits is not None or self._closed:
            return waits
        found = None
        loop = asyncio.get_running_loop()
        if not self.out:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GET_SECONDS):
                    found = await loop.run_in_executor(self._thread, self._read, visitor)
        if self.out:
            self._begin()
        return self._waiting.get(visitor) or found

    def put(self, visit: Visit) -> None:
        if not self._closed:
            self._waiting[visit.visitor] = visit
            self._begin()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._flush()
        self._thread.submit(self._client.close)
        self._thread.shutdown(wait=False)

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Runs while anything waits, or the server is not to be trusted."""
        while self._waiting or self.out or self._behind:
            await asyncio.sleep(self._flush_every)
            await self._flush()

    async def _flush(self) -> None:
        visits = list(self._waiting.values())
        if visits or self.out or self._behind:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store, visits)
        for visit in visits:
            if self._waiting.get(visit.visitor) is visit:
                del self._waiting[visit.visitor]

    # In the thread

    def _read(self, visitor: str) -> Visit | None:
        octets = self._try(lambda: self._fetch(_key(visitor)))
        if octets is None:
            return None
        try:
            visit = self._decoder.decode(octets)
        except msgspec.DecodeError as error:
            self._garbage(str(error))
            return None
        if visit.visitor != visitor:
            self._garbage("it is another visitor's")
            return None
        return visit

    def _store(self, visits: Sequence[Visit]) -> None:
        """Also tries whether a server that is out is back."""
        was_out = self.out
        if was_out:
            self._breaker.half_open()
        stored = self._try(lambda: self._write(visits), was_out)
        if not stored and visits:
            self._behind = True

    def _try(self, work: Callable[[], T], was_out: bool = False) -> T | None:
        """None if it cannot be done, or the server is out."""
        try:
            done = self._breaker.call(work)
        except CircuitBreakerError:
            return None
        except FAULTS as error:
            if self.out and not was_out:
                log.warning("memcached %s is out: %s; it is tried again", self._name, error)
            return None
        if was_out:
            log.warning("memcached %s is back", self._name)
        return done

    def _fetch(self, key: str) -> bytes | None:
        """What is stored there, if it is of the server's present life."""
        if self._behind:
            self._renew_life()
        found: dict[str, bytes] = self._client.get_many([_LIFE, key])
        life, value = found.get(_LIFE, b""), found.get(key, b"")
        if len(life) != _LIFE_OCTETS or value[:_LIFE_OCTETS] != life:
            return None
        return value[_LIFE_OCTETS:]

    def _write(self, visits: Sequence[Visit]) -> bool:
        life: bytes | None = None if self._behind else self._client.get(_LIFE)
        if life is None or len(life) != _LIFE_OCTETS:
            life = self._renew_life()
        for start in range(0, len(visits), AT_ONCE):
            values = {
                _key(visit.visitor): life + msgspec.msgpack.encode(visit)
                for visit in visits[start : start + AT_ONCE]
            }
            if self._client.set_many(values, EXPIRE_SECONDS, noreply=False):
                raise MemcacheServerError("it does not store")
        return True

    def _renew_life(self) -> bytes:
        """From now on nothing that was stored there counts."""
        life = secrets.token_bytes(_LIFE_OCTETS)
        if not self._client.set(_LIFE, life, noreply=False):
            raise MemcacheServerError("it does not store")
        self._behind = False
        return life

    def _garbage(self, problem: str) -> None:
        if not self._told_of_garbage:
            log.warning("memcached %s holds what is no visit: %s", self._name, problem)
        self._told_of_garbage = True


def _key(visitor: str) -> str:
    return "parley:" + blake2b(visitor.encode(), digest_size=16).hexdigest()
