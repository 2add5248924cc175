"""Moderators take others' lines back (XEP-0425)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from msgspec import Struct

from switchboard.errors import Forbidden, NotFound, Reject
from switchboard.model import Act
from switchboard.reception.rooms import Origin, Rooms, sender_of
from switchboard.rooms import Role
from switchboard.text import clean_line

from .. import namespaces as ns
from ..inbound.stanza import Iq
from ..outbound import NOTHING
from ..xml import Xml
from .crowd import Crowd
from .door import Answer
from .ids import archived

REASON_CHARS = 300

_MODERATE = f"{{{ns.MODERATE}}}moderate"
_RETRACT = f"{{{ns.RETRACT}}}retract"
_REASON = f"{{{ns.MODERATE}}}reason"
_APPLY_TO = f"{{{ns.FASTEN}}}apply-to"
_MODERATE_BEFORE = f"{{{ns.MODERATE_BEFORE}}}moderate"
_RETRACT_BEFORE = f"{{{ns.RETRACT_BEFORE}}}retract"
_REASON_BEFORE = f"{{{ns.MODERATE_BEFORE}}}reason"


class Request(Struct, frozen=True):
    """A line to be taken back, by its id in the archive."""

    id: str
    reason: str


def read(payload: ET.Element) -> Request:
    """Takes a request apart, of version 0.3 (§3) or 0.2. Raises Reject `bad_request`."""
    if payload.tag == _MODERATE:
        asked: ET.Element | None = payload
        retract, reason = _RETRACT, _REASON
    else:
        asked = payload.find(_MODERATE_BEFORE)
        retract, reason = _RETRACT_BEFORE, _REASON_BEFORE
    if asked is None or asked.find(retract) is None:
        raise Reject("bad_request", "Moderators may take lines back, and nothing else.")
    words = clean_line(asked.findtext(reason) or "", REASON_CHARS)
    return Request(payload.get("id") or "", words)


class Moderation:
    """Answers such requests. What goes out is the row's matter: see `lines`."""

    def __init__(self, crowd: Crowd, rooms: Rooms) -> None:
        self._crowd = crowd
        self._rooms = rooms
        self.answers: dict[tuple[str, str], Answer] = {
            ("set", _MODERATE): self._moderate,
            ("set", _APPLY_TO): self._moderate,
        }

    async def _moderate(self, iq: Iq) -> Xml:
        """Takes a line back for everybody; one that was taken back before stays so."""
        assert iq.payload is not None
        room = self._crowd.room(iq.to.local)
        hall = self._crowd.find(room.conversation)
        moderator = None if hall is None else hall.of_client(iq.sender.full)
        if moderator is None or moderator.role is not Role.MODERATOR:
            raise Forbidden("forbidden", "Only moderators may take others' messages back.")
        request = read(iq.payload)
        seq = archived(room, request.id)
        if seq is None:
            raise NotFound("not_found", "There is no such message.")
        sender = sender_of(moderator.occupant)
        origin = Origin(address=moderator.address)
        await self._rooms.amend(room, sender, Act.MODERATE, seq, origin, request.reason)
        return NOTHING
