"""Presence and subscriptions (RFC 6121 §3, §4) towards visitors, desks and the component."""

from __future__ import annotations

from functools import partial

from switchboard.lanes import Lanes

from .. import outbound
from ..buddies.list import BuddyList
from ..buddies.privilege import Privileges
from ..component import Link
from ..delivery import Delivery
from ..desk import Desks
from ..iqs import Iqs
from ..jids import Jid, site_of, visitor_of
from ..operators import Operators
from ..rights import Rights
from .stanza import Presence


class PresenceDoor:
    """What presence from outside does."""

    def __init__(
        self,
        link: Link,
        operators: Operators,
        rights: Rights,
        privileges: Privileges,
        delivery: Delivery,
        buddies: BuddyList,
        desks: Desks,
        iqs: Iqs,
        lanes: Lanes,
    ) -> None:
        self._link = link
        self._operators = operators
        self._rights = rights
        self._privileges = privileges
        self._delivery = delivery
        self._buddies = buddies
        self._desks = desks
        self._iqs = iqs
        self._lanes = lanes

    def came_or_went(self, presence: Presence) -> bool:
        """Takes a resource's coming and going; False if the stanza is about something else."""
        if presence.type not in ("", "unavailable", "error"):
            return False
        if not self._rights.is_operator(presence.sender.bare):
            self._note_other(presence)
        elif presence.type:
            self._unavailable(presence.sender, presence.to)
        else:
            self._available(presence)
        return True

    async def handle(self, presence: Presence) -> None:
        """Subscriptions and probes, in the order of their sender's."""
        sender, to = presence.sender, presence.to
        if not self._rights.is_operator(sender.bare):
            if not self._note_other(presence) and presence.type in ("subscribe", "probe"):
                self._answer(to, sender.bare, "unsubscribed")
            return
        match presence.type:
            case "probe":
                await self._probed(sender, to)
            case "subscribe":
                await self._subscribe(sender, to)
            case "subscribed":
                if (visitor := visitor_of(to.local)) is not None:
                    await self._buddies.granted(sender.bare, visitor)
            case "unsubscribe":
                if (visitor := visitor_of(to.local)) is not None:
                    await self._buddies.unsubscribed(sender.bare, visitor)
                elif (site := site_of(to.local)) and self._rights.of_site(sender.bare, site):
                    await self._buddies.unsubscribed(sender.bare, site)
                    self._desks.removed(site, sender.bare)
            case _:
                pass

    def _note(self, presence: Presence) -> None:
        """Somebody of a host that tells us all presence: they may become an operator later."""
        if presence.type == "":
            self._operators.available(presence.sender, "", presence.show, presence.priority)
        else:
            self._operators.unavailable(presence.sender, "")

    def _note_other(self, presence: Presence) -> bool:
        """Who is no operator may become one; True if the server tells everybody's presence."""
        managed = not presence.to.local and self._privileges.presence(presence.sender.domain)
        if managed:
            self._note(presence)
        return managed

    def _available(self, presence: Presence) -> None:
        sender, to = presence.sender, presence.to
        before = self._operators.availability(sender.bare)
        came = self._operators.available(sender, to.local, presence.show, presence.priority)
        resource = self._operators.resource(sender)
        if resource is not None and not resource.retold:
            self._delivery.clients.came(sender, resource.repeated)
        site = site_of(to.local)
        if site is not None and came:
            self._desks.added(site, sender.bare)
        if came or self._operators.availability(sender.bare) is not before:
            self._delivery.operator_here(sender.bare)
            self._desks.announce()
            self._buddies.touch()

    def _unavailable(self, sender: Jid, to: Jid) -> None:
        if self._operators.unavailable(sender, to.local):
            self._gone(sender)
        elif self._operators.hidden(sender):
            self._lanes.put(f"disco {sender.full}", partial(self._look_for, sender))

    async def _look_for(self, sender: Jid) -> None:
        """Only the server answers for a client that is gone: by an error (RFC 6121 §8.5.3.2)."""
        answer = await self._iqs.disco(self._link.domain, sender.full)
        if answer is not None and answer.type == "error" and self._operators.hidden(sender):
            self._operators.drop(sender)
            self._gone(sender)

    def _gone(self, sender: Jid) -> None:
        self._delivery.clients.gone(sender)
        self._desks.announce()
        if not self._operators.is_there(sender.bare):
            self._buddies.presences.operator_gone(sender.bare)
            self._desks.operator_gone(sender.bare)

    async def _probed(self, sender: Jid, to: Jid) -> None:
        if (visitor := visitor_of(to.local)) is not None:
            if await self._rights.over(sender.bare, visitor):
                self._buddies.presences.answer_probe(sender.bare, visitor)
        elif (site := site_of(to.local)) is not None and self._rights.of_site(sender.bare, site):
            self._desks.added(site, sender.bare)
        elif not to.local:
            self._answer(to, sender.bare, None)

    async def _subscribe(self, sender: Jid, to: Jid) -> None:
        if (visitor := visitor_of(to.local)) is not None:
            if not await self._rights.over(sender.bare, visitor):
                # One whom nobody knows yet may be known once the web nodes have told who is here.
                if await self._rights.site_of(visitor) is not None:
                    self._answer(to, sender.bare, "unsubscribed")
                return
            self._answer(to, sender.bare, "subscribed")
            if not self._buddies.asked(sender.bare, visitor):
                self._answer(to, sender.bare, "subscribe")
            await self._buddies.subscribed(sender.bare, visitor)
        elif (site := site_of(to.local)) is not None and self._rights.of_site(sender.bare, site):
            self._answer(to, sender.bare, "subscribed")
            self._answer(to, sender.bare, "subscribe")
            self._buddies.desk_wanted(sender.bare, site)
            self._desks.added(site, sender.bare)
        elif not to.local:
            # ejabberd's filter against strangers lets all of a domain through that is a contact.
            self._answer(to, sender.bare, "subscribed")
            self._answer(to, sender.bare, "subscribe")
            self._answer(to, sender.bare, None)
        else:
            self._answer(to, sender.bare, "unsubscribed")

    def _answer(self, from_: Jid, to: str, kind: str | None) -> None:
        self._link.send(outbound.presence(from_.bare, to, kind))
