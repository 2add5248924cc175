"""Roles and affiliations: who is made to go, has voice, is a member, an admin or an owner.

XEP-0045 §8.2 to §8.5, §9 and §10.3 to §10.8. Operators are admins and the service's admins owners
of every room, whatever its own lists say. Visitors of the site have no JID by which a room could
know them: banning one is the site's ban, which the desk shares, and lifting it too.
"""

from __future__ import annotations

from msgspec.structs import replace

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.membership import Standing, check_affiliation, check_lists, check_role
from switchboard.reception import Bans, Directory, Rooms
from switchboard.rooms import MOST_AFFILIATIONS, Affiliation, Role, Room

from .. import namespaces as ns
from ..inbound.stanza import Iq
from ..jids import parse, visitor_bare, visitor_of
from ..xml import Xml, element
from . import stanzas
from .crowd import Crowd
from .door import Answer
from .guests import Guests
from .hall import Hall, Person
from .log import Log
from .presences import GONE, News
from .requests import Change, changes


class Moderating:
    """Answers requests of moderators, admins and owners, in the room's lane."""

    def __init__(
        self,
        domain: str,
        crowd: Crowd,
        log: Log,
        guests: Guests,
        rooms: Rooms,
        directory: Directory,
        bans: Bans,
    ) -> None:
        self._domain = domain
        self._crowd = crowd
        self._log = log
        self._guests = guests
        self._rooms = rooms
        self._directory = directory
        self._bans = bans
        query = f"{{{ns.MUC_ADMIN}}}query"
        self.answers: dict[tuple[str, str], Answer] = {
            ("get", query): self._lists,
            ("set", query): self._change,
        }

    async def _lists(self, iq: Iq) -> Xml:
        """Who has a role or an affiliation (§8.5, §9.2, §9.5, §9.8, §10.5, §10.8)."""
        assert iq.payload is not None
        room = self._crowd.room(iq.to.local)
        [wanted, *_] = changes(iq.payload)
        if wanted.role is not None:
            items = self._with_role(room, iq, wanted.role)
        else:
            actor = self._crowd.affiliation(room, iq.sender.bare)
            assert wanted.affiliation is not None
            check_lists(actor)
            items = await self._with_affiliation(room, wanted.affiliation)
        return element("query", {"xmlns": ns.MUC_ADMIN}, *items)

    def _with_role(self, room: Room, iq: Iq, role: Role) -> list[Xml]:
        hall = self._crowd.find(room.conversation)
        asker = None if hall is None else hall.of_client(iq.sender.full)
        if hall is None or asker is None or asker.role is not Role.MODERATOR:
            raise Forbidden("forbidden", "Only moderators see this.")
        return [
            stanzas.item(one.affiliation, role, nick=one.resource, jid=one.real_jid)
            for one in hall.with_role(role)
        ]

    async def _with_affiliation(self, room: Room, wanted: Affiliation) -> list[Xml]:
        listed = [one for one, what in room.settings.affiliations.items() if what is wanted]
        if wanted is Affiliation.ADMIN:
            operators = self._directory.operators(room.id.site)
            listed += [one.address for one in operators if one.address not in listed]
        addresses = [one for one in listed if self._crowd.affiliation(room, one) is wanted]
        if wanted is Affiliation.OWNER:
            addresses += [one for one in self._crowd.admins if one not in addresses]
        items = [stanzas.listed(wanted, address) for address in addresses]
        if wanted is Affiliation.OUTCAST:
            items += [
                stanzas.listed(wanted, visitor_bare(ban.visitor, self._domain), ban.name)
                for ban in await self._bans.holding(room.id.site)
            ]
        return items

    async def _change(self, iq: Iq) -> Xml:
        """All of it or, if one of the changes may not be, nothing (§9.2, §9.5)."""
        assert iq.payload is not None
        room = self._crowd.room(iq.to.local)
        wanted = changes(iq.payload)
        hall = self._crowd.find(room.conversation)
        asker = None if hall is None else hall.of_client(iq.sender.full)
        affiliation = self._crowd.affiliation(room, iq.sender.bare)
        actor = Standing(affiliation, Role.NONE if asker is None else asker.role)
        nick = "" if asker is None else asker.resource
        roles = [self._role(hall, actor, one) for one in wanted if one.role is not None]
        others = [one for one in wanted if one.role is None]
        standing = [self._affiliation(room, hall, iq, affiliation, one) for one in others]
        for person, role, reason in roles:
            assert hall is not None
            self._give_role(hall, person, role, reason, nick)
        if standing:
            await self._give_affiliations(room, standing, nick, iq.sender.bare)
        return Xml("")

    def _role(self, hall: Hall | None, actor: Standing, change: Change) -> tuple[Person, Role, str]:
        assert change.role is not None
        if actor.role is not Role.MODERATOR:
            raise Forbidden("forbidden", "Only moderators may do this.")
        person = None
        if hall is not None and change.nick is not None:
            person = hall.addressed(change.nick)
        if person is None:
            raise NotFound("unknown_occupant", "Nobody here has this name.")
        check_role(actor, person.standing, change.role)
        return person, change.role, change.reason

    def _give_role(self, hall: Hall, person: Person, role: Role, reason: str, actor: str) -> None:
        if role is not Role.NONE:
            self._crowd.set_role(hall, person, role, reason, actor)
            return
        self._expel(hall, person, stanzas.KICKED, reason, actor)

    def _affiliation(
        self, room: Room, hall: Hall | None, iq: Iq, actor: Affiliation, change: Change
    ) -> _Wanted:
        """Whose affiliation is to change, once it is known that it may."""
        assert change.affiliation is not None
        person = None
        if hall is not None and change.address is None and change.nick is not None:
            person = hall.addressed(change.nick)
        if change.address is None and person is None:
            raise NotFound("unknown_occupant", "Nobody here has this name.")
        address = change.address if person is None else person.address
        visitor = "" if person is None else person.visitor
        if address:
            local = parse(address)
            if local.domain == self._domain and (found := visitor_of(local.local)) is not None:
                address, visitor = "", found
        if visitor:
            banned = self._bans.of(room.id.site, visitor) is not None
            before = Affiliation.OUTCAST if banned else Affiliation.NONE
            check_affiliation(actor, before, change.affiliation, own=False)
            if change.affiliation not in (Affiliation.OUTCAST, Affiliation.NONE):
                raise Forbidden("not_allowed", "Visitors of the site can only be banned.")
            if hall is not None:
                person = hall.of_visitor(visitor)
            return _Wanted("", visitor, person, change)
        assert address
        if not _is_address(address):
            raise Reject("bad_request", "This is no bare JID.")
        before = self._crowd.affiliation(room, address)
        check_affiliation(actor, before, change.affiliation, own=address == iq.sender.bare)
        return _Wanted(address, "", None, change)

    async def _give_affiliations(
        self, room: Room, wanted: list[_Wanted], actor: str, by: str
    ) -> None:
        affiliations = dict(room.settings.affiliations)
        for one in wanted:
            if one.address:
                affiliations.pop(one.address, None)
                if one.change.affiliation is not Affiliation.NONE:
                    assert one.change.affiliation is not None
                    affiliations[one.address] = one.change.affiliation
        hall = self._crowd.find(room.conversation)
        if affiliations != room.settings.affiliations:
            why = {one.address: (one.change.reason, actor) for one in wanted if one.address}
            await self._save(room, hall, affiliations, why)
        for one in wanted:
            if one.visitor:
                await self._judge_visitor(room, hall, one, actor, by)

    async def _save(
        self,
        room: Room,
        hall: Hall | None,
        affiliations: dict[str, Affiliation],
        why: dict[str, tuple[str, str]],
    ) -> None:
        """What follows for who is there, follows from the room as it is then: see `settling`."""
        if len(affiliations) > MOST_AFFILIATIONS:
            raise Reject("full", "The room's lists are full.")
        if hall is not None:
            hall.why = why
        try:
            await self._rooms.configure(room, replace(room.settings, affiliations=affiliations))
        except NotFound:
            raise Forbidden("not_allowed", "A page's own room keeps no lists.") from None
        finally:
            if hall is not None:
                hall.why = {}

    async def _judge_visitor(
        self, room: Room, hall: Hall | None, wanted: _Wanted, actor: str, by: str
    ) -> None:
        site, visitor, person = room.id.site, wanted.visitor, wanted.person
        if wanted.change.affiliation is Affiliation.NONE:
            if self._bans.of(site, visitor) is not None:
                await self._bans.lift(site, visitor)
            return
        operator = self._directory.operator(site, by)
        who = actor or (operator.name if operator is not None else by)
        await self._bans.ban(site, visitor, "" if person is None else person.nick, who[:100], 0)
        if hall is not None and person is not None and person.id in hall.people:
            person.affiliation = Affiliation.OUTCAST
            self._expel(hall, person, stanzas.BANNED, wanted.change.reason, actor)

    def _expel(self, hall: Hall, person: Person, code: int, reason: str, actor: str) -> None:
        if person.visitor:
            self._guests.expelled(hall, person.visitor)
        news = News(GONE.kind, (code,), reason=reason, actor=actor)
        self._crowd.remove(hall, person, news, expelled=True)
        self._log.close(hall)


class _Wanted:
    """A change of somebody's affiliation that may be: by bare JID, or of a visitor."""

    __slots__ = ("address", "change", "person", "visitor")

    def __init__(self, address: str, visitor: str, person: Person | None, change: Change) -> None:
        self.address = address
        self.visitor = visitor
        self.person = person
        self.change = change


def _is_address(address: str) -> bool:
    jid = parse(address)
    return bool(jid.domain) and len(address) <= 500 and not set(address) & set(" \t\r\n<>\"'&")
