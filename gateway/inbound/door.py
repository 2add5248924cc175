"""Where each stanza goes, and what it waits for: stanzas of one lane are handled in order."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from switchboard.lanes import Lanes

from ..buddies.list import BuddyList
from ..buddies.privilege import Privileges
from ..commands import AdHoc
from ..jids import visitor_of
from ..muc.host import RoomHost
from . import stanza
from .answers import Answers
from .iq import IqDoor
from .message import MessageDoor
from .presence import PresenceDoor


class Door:
    """Takes what the server hands over to whoever knows what it means."""

    def __init__(
        self,
        domain: str,
        rooms: RoomHost | None,
        messages: MessageDoor,
        presences: PresenceDoor,
        commands: AdHoc,
        questions: IqDoor,
        answers: Answers,
        privileges: Privileges,
        buddies: BuddyList,
        lanes: Lanes,
    ) -> None:
        self._domain = domain
        self._rooms = rooms
        self._messages = messages
        self._presences = presences
        self._commands = commands
        self._questions = questions
        self._answers = answers
        self._privileges = privileges
        self._buddies = buddies
        self._lanes = lanes

    def handle(self, xml: ET.Element) -> None:
        """One stanza, in the order in which the server hands them over."""
        if self._rooms is not None and self._rooms.takes(xml):
            return
        name = xml.tag.rpartition("}")[2]
        if name == "message":
            self._message(stanza.message(xml))
        elif name == "presence":
            self._presence(stanza.presence(xml))
        else:
            self._iq(stanza.iq(xml))

    def _message(self, message: stanza.Message) -> None:
        if message.privileges is not None and not message.sender.local:
            self._privileges.granted(message.sender.bare, message.privileges)
            self._buddies.touch()
        elif message.type == "error":
            # At once, as the pong behind it is.
            self._messages.bounced(message)
        else:
            lane = visitor_of(message.to.local) or message.sender.bare
            self._lanes.put(lane, lambda: self._messages.handle(message))

    def _presence(self, presence: stanza.Presence) -> None:
        # At once: a pong right behind it must not be taken for the former stream's.
        if not self._presences.came_or_went(presence):
            self._lanes.put(presence.sender.full, lambda: self._presences.handle(presence))

    def _iq(self, iq: stanza.Iq) -> None:
        if iq.type not in ("get", "set"):
            self._answers.handle(iq)
        elif self._commands.takes(iq):
            lane = visitor_of(iq.to.local) or iq.sender.bare
            self._lanes.put(lane, lambda: self._commands.handle(iq))
        elif iq.sender.bare != self._domain:
            self._questions.handle(iq)
