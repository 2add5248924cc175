"""Contact-list entries by ejabberd's HTTP API (mod_http_api with mod_admin_extra).

What ejabberd before 23.10 grants and does not carry out (XEP-0356), it does here: an entry is
pushed to the operator's clients, and the operator's presence comes to us by it. Removing one makes
ejabberd send `unsubscribe` and `unsubscribed` in the operator's name. Later releases need none of
this, and since 24.02 name `group` otherwise.

An API that does not serve is asked again every RETRY seconds, by one call; the others fail at once.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable

import httpx2
from msgspec import Struct

from switchboard.model import Shown
from switchboard.ports import Clock

from ..jids import parse

ANSWER_WITHIN = 5.0
"""Seconds that a call may take, its connection included."""
RETRY = 5.0
"""Seconds between two attempts while the API does not serve."""
HOST_RETRY = 60.0
"""Seconds after which a host that the API failed for, as for one that is not its own, is tried."""
AT_ONCE = 4
"""Calls under way at a time."""

_NO_USER = "Invalid 'localuser'"

log = logging.getLogger(__name__)


class ApiSettings(Struct, frozen=True):
    """Where the API is, and as whom it is called: a JID and its password, or nobody."""

    url: str
    user: str = ""
    password: str = ""


class ApiState(enum.StrEnum):
    """Where the API stands, as `/readyz`, `parley check` and the log tell it."""

    UNTRIED = "untried"
    UP = "up"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


class ApiError(Exception):
    """A call was not carried out; `state` is what that says of the API as a whole, if anything."""

    def __init__(self, words: str, state: ApiState | None) -> None:
        super().__init__(words)
        self.state = state


class EjabberdApi:
    """The two commands we need, as typed calls."""

    def __init__(self, settings: ApiSettings) -> None:
        self._url = settings.url.rstrip("/")
        self._client = httpx2.AsyncClient(
            auth=(settings.user, settings.password) if settings.user else None,
            timeout=ANSWER_WITHIN,
            limits=httpx2.Limits(max_connections=AT_ONCE),
            trust_env=False,  # a proxy of the surroundings is none for the server beside us
        )

    async def add(self, entry: Shown, contact: str) -> None:
        """Adds an entry or replaces it. Raises ApiError."""
        await self._call("add_rosteritem", _addition(entry, contact))

    async def remove(self, entry: Shown, contact: str) -> None:
        """Removes an entry; one that is not there counts as removed. Raises ApiError."""
        await self._call("delete_rosteritem", _removal(entry, contact))

    async def try_out(self) -> None:
        """Whether the API is there and lets us; changes nothing. Raises ApiError."""
        # A space is no user's name; rights are looked at before it is.
        nobody = Shown("", " @nowhere.invalid", "", "", "")
        for answer in (
            await self._post("add_rosteritem", _addition(nobody, "nobody@nowhere.invalid")),
            await self._post("delete_rosteritem", _removal(nobody, "nobody@nowhere.invalid")),
        ):
            if answer.status_code != httpx2.codes.BAD_REQUEST or _NO_USER not in answer.text:
                raise _refusal(answer)

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._client.aclose()

    async def _call(self, command: str, arguments: dict[str, str]) -> None:
        answer = await self._post(command, arguments)
        if answer.status_code != httpx2.codes.OK or answer.text.strip() != "0":
            raise _refusal(answer)

    async def _post(self, command: str, arguments: dict[str, str]) -> httpx2.Response:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._client.post(f"{self._url}/{command}", json=arguments)
        except TimeoutError:
            words = f"{self._url} does not answer within {ANSWER_WITHIN:g} s"
            raise ApiError(words, ApiState.UNREACHABLE) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
            words = f"nothing answers at {self._url} ({type(problem).__name__})"
            raise ApiError(words, ApiState.UNREACHABLE) from None


def _removal(entry: Shown, contact: str) -> dict[str, str]:
    user, to = parse(entry.operator), parse(contact)
    return {
        "localuser": user.local,
        "localhost": user.domain,
        "user": to.local,
        "host": to.domain,
    }


def _addition(entry: Shown, contact: str) -> dict[str, str]:
    # A semicolon would make two groups of one.
    group = entry.group.replace(";", ",")
    return {**_removal(entry, contact), "nick": entry.name, "group": group, "subs": "both"}


def _refusal(answer: httpx2.Response) -> ApiError:
    match answer.status_code:
        case 401:
            words = "the user or the password of [ejabberd] is wrong"
        case 403:
            words = "the API lets us not write contact lists: see api_permissions"
        case 404:
            words = "the address is not the API's, or mod_admin_extra is missing"
        case status:
            return ApiError(f"{status} {answer.text[:200]!r}", None)
    return ApiError(words, ApiState.REFUSED)


class ApiRosters:
    """One way of writing contact lists: by the API, for the hosts that it serves.

    `ours`: whether we may speak for the domain.
    """

    def __init__(
        self, domain: str, api: EjabberdApi, clock: Clock, ours: Callable[[], bool]
    ) -> None:
        self.state = ApiState.UNTRIED
        self.reason = ""
        self._domain = domain
        self._api = api
        self._clock = clock
        self._ours = ours
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._retry_at = 0.0
        self._served: set[str] = set()
        """Hosts for which it has taken an entry: an error there will pass."""
        self._failed_for: dict[str, float] = {}
        """Host -> when it may be tried again (monotonic seconds)."""

    def roster(self, address: str) -> bool:
        """Whether that user's contact list may be one of the API's."""
        return self._clock.monotonic() >= self._failed_for.get(parse(address).domain, 0.0)

    @property
    def ready(self) -> bool:
        """Whether it serves, or may be asked again whether it does."""
        return self._clock.monotonic() >= self._retry_at and self._ours()

    def refused(self, address: str) -> bool:
        """Whether it turned out to write no contact lists of that user's host."""
        return not self.roster(address)

    def carried_out(self, address: str) -> bool:
        """Whether it serves, and has taken an entry for that user's host."""
        return self.state is ApiState.UP and parse(address).domain in self._served

    async def add(self, entry: Shown) -> bool:
        """Adds or renames an entry; False if that was not done."""
        return await self._try(entry, remove=False)

    async def remove(self, entry: Shown) -> bool:
        """Removes an entry; one that is not there counts as removed."""
        return await self._try(entry, remove=True)

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._api.close()

    async def _try(self, entry: Shown, *, remove: bool) -> bool:
        host = parse(entry.operator).domain
        async with self._slots:
            if not self.ready or not self.roster(entry.operator):
                return False
            call = self._api.remove if remove else self._api.add
            try:
                await call(entry, f"{entry.visitor}@{self._domain}")
            except ApiError as problem:
                self._failed(host, problem)
                return False
        self._served.add(host)
        self._change(ApiState.UP, "")
        return True

    def _failed(self, host: str, problem: ApiError) -> None:
        now = self._clock.monotonic()
        if problem.state is not None:
            self._retry_at = now + RETRY
            self._change(problem.state, str(problem))
        elif host in self._served:
            log.warning("%s: ejabberd's API: %s", self._domain, problem)
        else:
            self._failed_for[host] = now + HOST_RETRY
            log.warning(
                "%s: ejabberd's API writes no contact lists of %s: %s", self._domain, host, problem
            )

    def _change(self, state: ApiState, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        if state is ApiState.UP:
            log.info("%s: ejabberd's API writes contact lists", self._domain)
        else:
            log.warning("%s: ejabberd's API: %s", self._domain, reason)
