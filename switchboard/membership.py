"""Who may do what in a room: pure, as XEP-0045 §5 has it in tables.

An affiliation is what somebody is to the room for good, a role what they may do while they are in
it. Each check raises a SwitchboardError and changes nothing: Forbidden `forbidden` for who may not
do such things at all, Forbidden `not_allowed` for what may not be done to that one, and Reject
`conflict` for what may not be done to oneself.
"""

from __future__ import annotations

from msgspec import Struct

from .errors import Forbidden, Reject
from .rooms import Affiliation, Role, RoomSettings

_RANK = {
    Affiliation.OUTCAST: 0,
    Affiliation.NONE: 1,
    Affiliation.MEMBER: 2,
    Affiliation.ADMIN: 3,
    Affiliation.OWNER: 4,
}
_MANAGING = frozenset({Affiliation.ADMIN, Affiliation.OWNER})


class Standing(Struct, frozen=True):
    """Somebody in a room, or the one who asks for something."""

    affiliation: Affiliation
    role: Role

    @property
    def manages(self) -> bool:
        """Whether they are admin or owner."""
        return self.affiliation in _MANAGING


def affiliation_of(
    settings: RoomSettings, address: str, *, admin: bool, operator: bool
) -> Affiliation:
    """What a bare JID is to a room: admins of the service own all, operators administrate theirs.

    Nobody can take that from them by the room's own list.
    """
    if admin:
        return Affiliation.OWNER
    listed = settings.affiliations.get(address, Affiliation.NONE)
    if operator and _RANK[listed] < _RANK[Affiliation.ADMIN]:
        return Affiliation.ADMIN
    return listed


def default_role(affiliation: Affiliation, settings: RoomSettings) -> Role:
    """What somebody who enters may do (§5.1.2 and §5.2.1)."""
    if affiliation in _MANAGING:
        return Role.MODERATOR
    if affiliation is Affiliation.OUTCAST:
        return Role.NONE
    if affiliation is Affiliation.NONE and settings.moderated:
        return Role.VISITOR
    return Role.PARTICIPANT


def role_after(role: Role, affiliation: Affiliation, settings: RoomSettings) -> Role:
    """The role of an occupant whose affiliation has changed (§5.1.3).

    What an affiliation brings comes with it; what a lost one brought, a moderator's rights, goes.
    """
    default = default_role(affiliation, settings)
    if affiliation in _MANAGING or affiliation is Affiliation.OUTCAST:
        return default
    if role is Role.MODERATOR:
        return default
    if affiliation is Affiliation.MEMBER and role is Role.VISITOR:
        return Role.PARTICIPANT
    return role


def check_enters(affiliation: Affiliation, settings: RoomSettings) -> None:
    """Raises Forbidden `banned` (§7.2.7) or `members_only` (§7.2.6)."""
    if affiliation is Affiliation.OUTCAST:
        raise Forbidden("banned", "You are banned from this room.")
    if settings.members_only and affiliation is Affiliation.NONE:
        raise Forbidden("members_only", "Only members may enter this room.")


def check_role(actor: Standing, target: Standing, role: Role) -> None:
    """Whether `actor` may give `target` that role; NONE makes them go (§5.1.3, §8)."""
    if actor.role is not Role.MODERATOR:
        raise Forbidden("forbidden", "Only moderators may do this.")
    if Role.MODERATOR in (target.role, role) and not actor.manages:
        raise _not_allowed("Only admins and owners make moderators, or unmake them.")
    if role is Role.MODERATOR or role is target.role:
        return
    if target.manages and role is not Role.NONE:
        raise _not_allowed("Admins and owners keep their voice and their rights.")
    if target.manages and _RANK[target.affiliation] >= _RANK[actor.affiliation]:
        raise _not_allowed("Nobody may do this to who is their equal, or above them.")
    if _RANK[target.affiliation] > _RANK[actor.affiliation]:
        raise _not_allowed("Nobody may do this to who is above them.")


def check_affiliation(
    actor: Affiliation, before: Affiliation, after: Affiliation, *, own: bool
) -> None:
    """Whether `actor` may change somebody's affiliation so (§5.2.2); `own`: it is their own."""
    if actor not in _MANAGING:
        raise Forbidden("forbidden", "Only admins and owners may do this.")
    if own and _RANK[after] < _RANK[before]:
        raise Reject("conflict", "Nobody may do this to themselves.")
    if actor is not Affiliation.OWNER and (before in _MANAGING or after in _MANAGING):
        raise _not_allowed("Only owners change who are admins and owners.")


def check_lists(actor: Affiliation) -> None:
    """Whether `actor` may see who has which affiliation (§9.2, §9.5, §10.5, §10.8)."""
    if actor not in _MANAGING:
        raise Forbidden("forbidden", "Only admins and owners may see the room's lists.")


def _not_allowed(words: str) -> Forbidden:
    return Forbidden("not_allowed", words)
