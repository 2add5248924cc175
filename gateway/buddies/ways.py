"""Which way an operator's contact list is written: by privilege, by ejabberd's API, or not at all.

Where there is no way, a site chooses: visitors ask to be added, or the desk is the one contact.
"""

from __future__ import annotations

import enum
from typing import Protocol

from switchboard.model import Shown

from .api import ApiRosters
from .privilege import Privileges


class Way(enum.StrEnum):
    """How visitors come into the contact lists of a host's operators."""

    PRIVILEGE = "privilege"
    API = "api"
    SUBSCRIBE = "subscribe"
    DESK = "desk"


class RosterWriter(Protocol):
    """Writes entries into operators' contact lists; never touches one that is not ours."""

    def roster(self, address: str) -> bool:
        """Whether that user's contact list may be written, as far as is known."""

    @property
    def ready(self) -> bool:
        """Whether it is worth while to try now."""

    def refused(self, address: str) -> bool:
        """Whether that user's host turned out to take no entries."""

    def carried_out(self, address: str) -> bool:
        """Whether an entry was taken for that user's host: an error there will pass."""

    async def add(self, entry: Shown) -> bool:
        """Adds or renames an entry; False if that was not done."""

    async def remove(self, entry: Shown) -> bool:
        """Removes an entry; one that is not there counts as removed."""


class Ways:
    """The ways of one component domain."""

    def __init__(self, privileges: Privileges, api: ApiRosters | None) -> None:
        self._privileges = privileges
        self._api = api

    def writer(self, address: str) -> RosterWriter | None:
        """Who writes that user's contact list now; None: nobody can."""
        if self._privileges.roster(address):
            return self._privileges
        if self._api is not None and self._api.roster(address):
            return self._api
        return None

    def way(self, address: str, asks: bool) -> Way:
        """The way that is taken; `asks`: the site wants visitors to ask where there is none."""
        match self.writer(address):
            case Privileges():
                return Way.PRIVILEGE
            case None:
                return Way.SUBSCRIBE if asks else Way.DESK
            case _:
                return Way.API

    def api_health(self) -> dict[str, str] | None:
        """The API's state and why it does not serve; None: none is configured."""
        if self._api is None:
            return None
        found = {"state": self._api.state.value}
        return {**found, "reason": self._api.reason} if self._api.reason else found

    async def close(self) -> None:
        """Lets go of connections."""
        if self._api is not None:
            await self._api.close()
