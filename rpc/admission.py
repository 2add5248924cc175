"""Who may come in: origins, client addresses behind proxies, and rates.

All of it is kept in this process; what is refused at the door costs no dependency anything.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from switchboard.errors import Forbidden, RetryLater
from switchboard.origins import normal_origin
from switchboard.ports import Clock
from switchboard.site import Site

_TABLE_SIZE = 100_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WrongOrigin(Forbidden):
    """The page that calls is none of the site's: HTTP 403, close code 4403."""

    def __init__(self, origin: str | None = None, site: str = "") -> None:
        words = "This page's origin is not one of the site's."
        if site:
            mend = f"`parley site set {site} origins=…` names those that are"
            words = f"{origin} is not an origin of the site {site}: {mend}."
        super().__init__("forbidden", words)


class TooManyVisitors(RetryLater):
    """Too many new visitors come from one address: HTTP 429."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("rate_limited", "Too many new visitors from there.", retry_after)


class TooManyMessages(RetryLater):
    """A visitor writes too much."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("rate_limited", "Too many messages; please wait.", retry_after)


class Origins:
    """The origins of all sites, as normal origins; to be told of each change of the sites."""

    def __init__(self) -> None:
        self._by_site: dict[str, frozenset[str]] = {}
        self._all: frozenset[str] = frozenset()

    def load(self, sites: Iterable[Site]) -> None:
        """Replaces what is known."""
        self._by_site = {
            site.key: frozenset(filter(None, map(normal_origin, site.settings.origins)))
            for site in sites
        }
        self._all = frozenset().union(*self._by_site.values())

    def some_sites(self, origin: str | None) -> bool:
        """Whether a page of that origin may read our answers at all."""
        return origin is not None and origin in self._all

    def check(self, site: str, origin: str | None) -> None:
        """Raises WrongOrigin; a request without an origin comes from no page and is served."""
        if origin is not None and origin not in self._by_site.get(site, frozenset()):
            raise WrongOrigin(origin, site)


class Proxies:
    """Finds the client behind the proxies that we trust (addresses or networks)."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(t, strict=False) for t in trusted]

    def client(self, peer: str | None, forwarded: Sequence[str]) -> str:
        """The client's address: of X-Forwarded-For the rightmost that is no trusted proxy.

        `peer` is the connection's other end, None for a Unix socket (trusted). Of an IPv6
        address the /64 counts: that is what one client commands.
        """
        client = "local"
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        for hop in [*hops, *([] if peer is None else [peer])][::-1]:
            address = _address(hop)
            if address is None:
                break
            client = _counted(address)
            if not any(address in network for network in self._trusted):
                break
        return client


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _counted(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Rates:
    """Token buckets: `most` at once, then as they refill in `seconds`; 0 is no limit.

    Each process counts for itself, in its memory: no cache that is gone lets anybody through, and
    with several web nodes a client may do so much on each.
    With `strict`, what was refused counts too, so that whoever hammers on stays out.
    """

    def __init__(self, most: int, clock: Clock, strict: bool = False, seconds: float = 60) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._strict = strict
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """0.0 if the caller may go on, else the seconds until it may try again."""
        if not self._most:
            return 0.0
        now = self._clock.monotonic()
        left, since = self._buckets.get(key, (float(self._most), now))
        left = min(self._most, left + (now - since) * self._most / self._seconds)
        granted = left >= 1
        if granted:
            left -= 1
        elif self._strict:
            left = max(left - 1, -self._most)
        self._buckets[key] = (left, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > _TABLE_SIZE:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - left) * self._seconds / self._most

    def sweep(self) -> None:
        """Forgets buckets that are full again; to be called now and then."""
        full_since = self._clock.monotonic() - self._seconds * (2 if self._strict else 1)
        while self._buckets:
            key, (_, since) = next(iter(self._buckets.items()))
            if since > full_since:
                return
            del self._buckets[key]


def whole_seconds(seconds: float) -> int:
    """For `retry_after` and Retry-After: rounded up, at least 1."""
    return max(1, math.ceil(seconds))
