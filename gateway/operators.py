"""The operators' resources, as their presence tells them: who is there and takes chats."""

from __future__ import annotations

from collections.abc import Iterator

from switchboard.routing import Availability

from .jids import Jid

TAKES_NONE = frozenset({"xa", "dnd"})


class Resource:
    """One client of an operator; `receipts` and `ping` are None until they are known."""

    __slots__ = (
        "asked",
        "asleep",
        "away",
        "busy",
        "jid",
        "ping",
        "priority",
        "receipts",
        "repeated",
        "retold",
        "since",
        "told_by",
    )

    def __init__(self, jid: Jid, since: int) -> None:
        self.jid = jid
        self.since = since
        self.priority = 0
        self.away = False
        self.busy = False
        self.asleep = False
        self.asked = False
        self.receipts: bool | None = None
        self.ping: bool | None = None
        self.told_by: dict[str, tuple[str, int]] = {}
        """Local parts of ours that its presence was addressed to ("" is the domain): with what."""
        self.repeated = False
        """Whether its last presence said again what it had said before, as a new stream does."""
        self.retold = False
        """Whether its last presence told a new address of ours what others had been told."""

    @property
    def availability(self) -> Availability:
        """How far an operator with this resource alone takes chats."""
        if self.asleep:
            return Availability.GONE
        if self.busy or self.priority < 0:
            return Availability.BUSY
        return Availability.AWAY if self.away else Availability.READY

    @property
    def rank(self) -> tuple[Availability, int, int]:
        """The greater, the sooner it gets a line: availability, priority, then the newest."""
        return (self.availability, self.priority, self.since)


class Operators:
    """All resources of everybody whose presence reaches us, by bare JID."""

    def __init__(self) -> None:
        self._resources: dict[str, dict[str, Resource]] = {}
        self._counter = 0

    def available(self, jid: Jid, told_to: str, show: str, priority: int) -> bool:
        """A resource's presence; True if it was not there before, or slept."""
        resources = self._resources.setdefault(jid.bare, {})
        resource = resources.get(jid.resource)
        came = resource is None or resource.asleep
        if resource is None:
            self._counter += 1
            resource = resources[jid.resource] = Resource(jid, self._counter)
        before = resource.told_by.get(told_to)
        # A contact may be told again for many reasons; the domain that hears of all, for one only.
        hears_all = "" in resource.told_by
        resource.repeated = before == (show, priority) and (not told_to or not hears_all)
        known = not came and (show, priority) in resource.told_by.values()
        resource.retold = known and not resource.repeated
        resource.told_by[told_to] = (show, priority)
        resource.away = show == "away"
        resource.busy = show in TAKES_NONE
        resource.priority = priority
        resource.asleep = False
        return came

    def unavailable(self, jid: Jid, told_to: str) -> bool:
        """A resource has gone; True if that was news.

        Who removes one visitor from a contact list becomes unavailable to that visitor alone, so
        a resource stays as long as somebody else of ours sees it. The domain itself sees all.
        """
        resources = self._resources.get(jid.bare, {})
        resource = resources.get(jid.resource)
        if resource is None:
            return False
        resource.told_by.pop(told_to, None)
        if told_to and resource.told_by:
            return False
        self.drop(jid)
        return True

    def hidden(self, jid: Jid) -> bool:
        """Whether the domain alone is left of those of ours that saw the resource.

        Its owner may have removed the last contact; but ejabberd 23.01 tells who hears of all
        presence nothing of a stream that ended without a word, so the resource may be gone.
        """
        resource = self.resource(jid)
        return resource is not None and resource.told_by.keys() == {""}

    def drop(self, jid: Jid) -> None:
        """A resource turned out to be gone."""
        resources = self._resources.get(jid.bare, {})
        resources.pop(jid.resource, None)
        if not resources:
            self._resources.pop(jid.bare, None)

    def clear(self) -> None:
        """The link is down: nothing is known any more."""
        self._resources.clear()

    def resource(self, jid: Jid) -> Resource | None:
        """The resource of that full JID."""
        return self._resources.get(jid.bare, {}).get(jid.resource)

    def resources(self, address: str) -> list[Resource]:
        """All resources at that bare JID."""
        return list(self._resources.get(address, {}).values())

    def is_there(self, address: str) -> bool:
        """Whether any resource is there, asleep or not."""
        return address in self._resources

    def availability(self, address: str) -> Availability:
        """How far the operator takes chats."""
        resources = self._resources.get(address)
        if not resources:
            return Availability.GONE
        return max(resource.availability for resource in resources.values())

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._resources))
