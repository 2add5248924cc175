"""Who may do what in a room: the tables of XEP-0045 §5, walked."""

from __future__ import annotations

import itertools

import pytest

from switchboard.errors import Forbidden, Reject
from switchboard.membership import (
    Standing,
    affiliation_of,
    check_affiliation,
    check_enters,
    check_lists,
    check_role,
    default_role,
    role_after,
)
from switchboard.rooms import Affiliation, Role, RoomSettings

OUTCAST, NONE, MEMBER, ADMIN, OWNER = (
    Affiliation.OUTCAST,
    Affiliation.NONE,
    Affiliation.MEMBER,
    Affiliation.ADMIN,
    Affiliation.OWNER,
)
OPEN, MODERATED = RoomSettings(), RoomSettings(moderated=True)
MEMBERS = RoomSettings(members_only=True)
RISING = [OUTCAST, NONE, MEMBER, ADMIN, OWNER]

DEFAULT_ROLES = {
    (NONE, False): Role.PARTICIPANT,
    (NONE, True): Role.VISITOR,
    (MEMBER, False): Role.PARTICIPANT,
    (MEMBER, True): Role.PARTICIPANT,
    (ADMIN, False): Role.MODERATOR,
    (ADMIN, True): Role.MODERATOR,
    (OWNER, False): Role.MODERATOR,
    (OWNER, True): Role.MODERATOR,
    (OUTCAST, False): Role.NONE,
    (OUTCAST, True): Role.NONE,
}


@pytest.mark.parametrize(("affiliation", "moderated"), DEFAULT_ROLES)
def test_default_roles(affiliation: Affiliation, moderated: bool) -> None:
    """§5.1.2: who enters has the role that goes with the affiliation."""
    settings = MODERATED if moderated else OPEN
    assert default_role(affiliation, settings) is DEFAULT_ROLES[affiliation, moderated]


@pytest.mark.parametrize("affiliation", RISING)
def test_entering(affiliation: Affiliation) -> None:
    """§5.2.1: outcasts enter nowhere, and who is nothing to a members-only room not there."""
    for settings in (OPEN, MEMBERS):
        refused = affiliation is OUTCAST or (affiliation is NONE and settings is MEMBERS)
        if refused:
            with pytest.raises(Forbidden):
                check_enters(affiliation, settings)
        else:
            check_enters(affiliation, settings)


@pytest.mark.parametrize("listed", RISING)
def test_operators_are_admins(listed: Affiliation) -> None:
    """An operator is admin at least, an admin of the service owner, whatever the list says."""
    settings = RoomSettings(affiliations={"ann@example.org": listed})

    def of(admin: bool, operator: bool) -> Affiliation:
        return affiliation_of(settings, "ann@example.org", admin=admin, operator=operator)

    assert of(True, False) is of(True, True) is OWNER
    assert of(False, True) is (OWNER if listed is OWNER else ADMIN)
    assert of(False, False) is listed


STANDINGS = [
    Standing(affiliation, role)
    for affiliation, role in itertools.product(
        [NONE, MEMBER, ADMIN, OWNER], [Role.VISITOR, Role.PARTICIPANT, Role.MODERATOR]
    )
    if affiliation in (NONE, MEMBER) or role is Role.MODERATOR
]


def _may(actor: Standing, target: Standing, role: Role) -> bool:
    """§5.1.1 and §5.1.3, said once more."""
    if actor.role is not Role.MODERATOR:
        return False
    above = RISING.index(target.affiliation) > RISING.index(actor.affiliation)
    equal = target.affiliation is actor.affiliation
    if role is Role.MODERATOR:
        return actor.manages
    if target.manages:
        # They keep voice and rights as long as they are what they are; who is above them kicks.
        return role is Role.NONE and not above and not equal and actor.manages
    if target.role is Role.MODERATOR:
        return actor.manages
    return role is target.role or not above


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("target", STANDINGS)
@pytest.mark.parametrize("actor", STANDINGS)
def test_changing_roles(actor: Standing, target: Standing, role: Role) -> None:
    """§5.1.3: each change of a role is made by who may make it, and by nobody else."""
    if _may(actor, target, role):
        check_role(actor, target, role)
    else:
        with pytest.raises(Forbidden):
            check_role(actor, target, role)


@pytest.mark.parametrize("after", RISING)
@pytest.mark.parametrize("before", RISING)
@pytest.mark.parametrize("actor", RISING)
def test_changing_affiliations(actor: Affiliation, before: Affiliation, after: Affiliation) -> None:
    """§5.2.2: owners change all, admins what is below them, others nothing."""
    low = {OUTCAST, NONE, MEMBER}
    if actor is OWNER or (actor is ADMIN and {before, after} <= low):
        check_affiliation(actor, before, after, own=False)
    else:
        with pytest.raises(Forbidden):
            check_affiliation(actor, before, after, own=False)


@pytest.mark.parametrize("actor", [ADMIN, OWNER])
def test_nobody_lowers_themselves(actor: Affiliation) -> None:
    """§9.1, §10.4: a room keeps its owners, and nobody bans themselves."""
    for after in RISING[: RISING.index(actor)]:
        with pytest.raises(Reject):
            check_affiliation(actor, actor, after, own=True)


@pytest.mark.parametrize("affiliation", RISING)
@pytest.mark.parametrize("role", [Role.VISITOR, Role.PARTICIPANT, Role.MODERATOR])
def test_roles_follow_affiliations(affiliation: Affiliation, role: Role) -> None:
    """§5.1.3: what an affiliation brings comes with it, and a lost one leaves no moderator."""
    now = role_after(role, affiliation, MODERATED)
    if affiliation in (ADMIN, OWNER, OUTCAST):
        assert now is default_role(affiliation, MODERATED)
    elif affiliation is MEMBER:
        assert now is Role.PARTICIPANT
    else:
        assert now is (role if role is not Role.MODERATOR else Role.VISITOR)


@pytest.mark.parametrize("actor", RISING)
def test_lists(actor: Affiliation) -> None:
    """§9.5: admins and owners see them."""
    if actor in (ADMIN, OWNER):
        check_lists(actor)
    else:
        with pytest.raises(Forbidden):
            check_lists(actor)
