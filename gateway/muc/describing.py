"""What rooms say of themselves (XEP-0045 §6, XEP-0128)."""

from __future__ import annotations

from switchboard.reception import Directory
from switchboard.rooms import Room

from .. import namespaces as ns
from ..inbound.stanza import Iq
from ..jids import room_bare, room_full
from ..xml import Xml, element
from . import stanzas
from .crowd import Crowd

RESERVED_NICK = "x-roomuser-item"
"""The node that is asked for the name by which somebody is known in a room (§7.12)."""

FEATURES = (
    ns.ARCHIVE,
    ns.ARCHIVE_EXTENDED,
    ns.DISCO_INFO,
    ns.DISCO_ITEMS,
    ns.MODERATE,
    ns.MODERATE_BEFORE,
    ns.MUC,
    ns.MUC_SELF_PING,
    ns.MUC_STABLE_ID,
    ns.OCCUPANT_ID,
    ns.PING,
    ns.RETRACT,
    ns.RETRACT_TOMBSTONE,
    ns.STANZA_IDS,
)
"""Of every room; further ones say how it is set."""


class Describing:
    """Answers disco questions to rooms."""

    def __init__(self, domain: str, crowd: Crowd, directory: Directory) -> None:
        self._domain = domain
        self._crowd = crowd
        self._directory = directory

    def listed(self) -> list[Xml]:
        """The rooms that may be found (§6.3), each by its JID and title."""
        return [
            element("item", {"jid": room_bare(room.conversation, self._domain), "name": room.title})
            for room in self._directory.rooms()
            if room.settings.listed
        ]

    def info(self, iq: Iq) -> Xml | None:
        """Of a room (§6.4), or the name reserved for who asks (§7.12); None: no such node."""
        room = self._crowd.room(iq.to.local)
        assert iq.payload is not None
        node = iq.payload.get("node") or ""
        if iq.to.resource:
            return None
        if node == RESERVED_NICK:
            operator = self._directory.operator(room.id.site, iq.sender.bare)
            known = [] if operator is None else [stanzas.identity(operator.name)]
            return element("query", {"xmlns": ns.DISCO_INFO, "node": node}, *known)
        if node:
            return None
        features = [element("feature", {"var": one}) for one in sorted(features_of(room))]
        form = self._information(room)
        identity = stanzas.identity(room.title)
        return element("query", {"xmlns": ns.DISCO_INFO}, identity, *features, form)

    def items(self, iq: Iq) -> Xml | None:
        """Who is in a room, for those who are in it too (§6.5)."""
        room = self._crowd.room(iq.to.local)
        if iq.to.resource:
            return None
        hall = self._crowd.find(room.conversation)
        shown = []
        if hall is not None and hall.of_client(iq.sender.full) is not None:
            shown = [
                room_full(room.conversation, self._domain, person.resource)
                for person in hall.shown()
            ]
        return element(
            "query", {"xmlns": ns.DISCO_ITEMS}, *(element("item", {"jid": one}) for one in shown)
        )

    def _information(self, room: Room) -> Xml:
        hall = self._crowd.find(room.conversation)
        subject = room.settings.subject if hall is None else hall.subject
        occupants = 0 if hall is None else len(hall.people)
        fields = [
            stanzas.field("FORM_TYPE", ns.MUC_ROOM_INFO, "hidden"),
            stanzas.field("muc#roominfo_description", room.title),
            stanzas.field("muc#roomconfig_roomname", room.title),
            stanzas.field("muc#roominfo_subject", subject),
            stanzas.field("muc#roominfo_occupants", str(occupants)),
            stanzas.field("muc#roomconfig_changesubject", "0", "boolean"),
        ]
        return element("x", {"xmlns": ns.FORMS, "type": "result"}, *fields)


def features_of(room: Room) -> list[str]:
    """How a room is set, in the registered words (§15.4)."""
    settings = room.settings
    return [
        *FEATURES,
        "muc_persistent",
        "muc_semianonymous",
        "muc_unsecured",
        "muc_public" if settings.listed else "muc_hidden",
        "muc_membersonly" if settings.members_only else "muc_open",
        "muc_moderated" if settings.moderated else "muc_unmoderated",
    ]
