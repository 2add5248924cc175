"""What the stores say that they were asked: nothing of ours counts anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis
from sqlalchemy import create_engine, text

from .kinds import Digest

_DIGESTS = "performance_schema.events_statements_summary_by_digest"
_COMMANDS = ("select", "insert", "update", "delete", "commit", "rollback")
_OF_MEMCACHED = ("cmd_get", "cmd_set", "cmd_touch", "get_hits", "get_misses", "delete_hits")


@dataclass(frozen=True)
class Counts:
    """Since `Counters.reset`."""

    digests: list[Digest]
    commands: Mapping[str, int]
    """MariaDB's own (Com_…), by name: select, insert…"""
    memcached: Mapping[str, int]
    redis: Mapping[str, int]


class Counters:
    """Of one MariaDB, whose user may read performance_schema, some memcached, and one Redis."""

    def __init__(self, url: str, caches: Sequence[int], redis_port: int) -> None:
        self._engine = create_engine(url)
        self._caches = caches
        self._redis = redis.Redis(port=redis_port)
        self._before = Counts([], {}, {}, {})

    async def reset(self) -> None:
        """Counts from now on."""
        with self._engine.connect() as connection:
            connection.execute(text(f"TRUNCATE TABLE {_DIGESTS}"))
        self._before = await self._read()

    async def take(self) -> Counts:
        """What was counted; of its own statements the few commands remain."""
        now, before = await self._read(), self._before
        return Counts(
            now.digests,
            _since(now.commands, before.commands),
            _since(now.memcached, before.memcached),
            _since(now.redis, before.redis),
        )

    def close(self) -> None:
        """Lets go."""
        self._engine.dispose()
        self._redis.close()

    async def _read(self) -> Counts:
        memcached: Counter[str] = Counter()
        for port in self._caches:
            memcached.update(await _memcached(port))
        redis_calls = {
            name.removeprefix("cmdstat_"): stat["calls"]
            for name, stat in self._redis.info("commandstats").items()
        }
        return Counts(*self._mariadb(), memcached, redis_calls)

    def _mariadb(self) -> tuple[list[Digest], dict[str, int]]:
        digests = text(
            f"SELECT DIGEST_TEXT, COUNT_STAR, SUM_ROWS_AFFECTED FROM {_DIGESTS}"
            " WHERE SCHEMA_NAME = 'parley' AND DIGEST_TEXT NOT LIKE '%performance_schema%'"
            " AND DIGEST_TEXT NOT LIKE 'SHOW %'"
        )
        with self._engine.connect() as connection:
            if connection.execute(
                text(f"SELECT COUNT(*) FROM {_DIGESTS} WHERE DIGEST IS NULL")
            ).scalar_one():
                raise RuntimeError("MariaDB had no room for all digests")
            found = [
                Digest(row[0], int(row[1]), int(row[2])) for row in connection.execute(digests)
            ]
            status = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Com\\_%'")).all()
        all_commands = {name.removeprefix("Com_"): int(count) for name, count in status}
        return found, {name: all_commands[name] for name in _COMMANDS}


def _since(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    grown = {name: count - before.get(name, 0) for name, count in now.items()}
    return {name: count for name, count in grown.items() if count}


async def _memcached(port: int) -> dict[str, int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"stats\r\n")
    lines = (await reader.readuntil(b"END\r\n")).decode().splitlines()[:-1]
    writer.close()
    stats = dict(line.split(" ", 2)[1:] for line in lines)
    return {name: int(stats[name]) for name in _OF_MEMCACHED}
