"""Stanzas to rooms: each is taken in its room's lane, and refused in this one place."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from xml.etree import ElementTree as ET

from switchboard.errors import Reject, SwitchboardError
from switchboard.lanes import Lanes
from switchboard.ports import Clock

from .. import namespaces as ns
from .. import outbound
from ..component import Link
from ..inbound import stanza as decode
from ..jids import Jid, is_room, parse
from ..xml import Xml
from . import requests
from .crowd import Crowd
from .describing import Describing
from .entering import Entering
from .invitations import Invitations
from .refusals import refusal
from .requests import RoomMessage
from .speaking import Speaking
from .voice import Voices

Answer = Callable[[decode.Iq], Awaitable[Xml | None]]
"""Gives the result's child; None is refused as what is not known. May raise a SwitchboardError."""

log = logging.getLogger(__name__)


class RoomDoor:
    """Takes every stanza whose address is a room's; `answers`: by an iq's type and payload.

    Those that are `slow` hold up nobody else in the room.
    """

    def __init__(
        self,
        link: Link,
        crowd: Crowd,
        entering: Entering,
        speaking: Speaking,
        describing: Describing,
        invitations: Invitations,
        voices: Voices,
        answers: dict[tuple[str, str], Answer],
        slow: dict[tuple[str, str], Answer],
        lanes: Lanes,
        clock: Clock,
    ) -> None:
        self._link = link
        self._crowd = crowd
        self._entering = entering
        self._speaking = speaking
        self._describing = describing
        self._invitations = invitations
        self._voices = voices
        self._lanes = lanes
        self._clock = clock
        self._answers: dict[tuple[str, str], Answer] = {
            ("get", f"{{{ns.PING}}}ping"): self._ping,
            ("get", f"{{{ns.DISCO_INFO}}}query"): self._info,
            ("get", f"{{{ns.DISCO_ITEMS}}}query"): self._items,
            **answers,
        }
        self._slow = slow

    def takes(self, xml: ET.Element) -> bool:
        """Whether a stanza is for a room: then it is done with."""
        to = parse(xml.get("to") or "")
        if not is_room(to.local):
            return False
        name = xml.tag.rpartition("}")[2]
        sender = parse(xml.get("from") or "")
        handle = {"presence": self._presence, "message": self._message, "iq": self._iq}[name]
        self._lanes.put(to.local, lambda: self._take(name, xml, sender, to, handle))
        return True

    async def _take(
        self,
        name: str,
        xml: ET.Element,
        sender: Jid,
        to: Jid,
        handle: Callable[[ET.Element], Awaitable[None]],
    ) -> None:
        try:
            await handle(xml)
        except SwitchboardError as error:
            # Errors are not answered (RFC 6120 §8.3.1).
            if xml.get("type") not in ("error", "result"):
                self.refuse(name, sender, to, xml.get("id") or "", error)

    def refuse(self, name: str, sender: Jid, to: Jid, id: str, error: SwitchboardError) -> None:
        """The stanza error for whoever sent that (§7.2.5 to §7.2.11)."""
        condition, kind = refusal(error)
        self._link.send(
            outbound.error(name, to.full, sender.full, id, condition, kind, str(error), by=to.bare)
        )

    async def _presence(self, xml: ET.Element) -> None:
        if xml.get("type") in ("", None, "unavailable", "error"):
            await self._entering.handle(requests.presence(xml, self._clock.now()))

    async def _message(self, xml: ET.Element) -> None:
        message = requests.message(xml)
        stanza = message.stanza
        if stanza.type == "error":
            self._entering.bounced(stanza.to.local, stanza.sender.full, stanza.condition)
        elif stanza.to.resource:
            await self._speaking.to_one(message)
        elif stanza.type == "groupchat":
            self._speaking.speaker(message)
            # What is stored later must not hold up the room; of one client's, the order stays.
            lane = f"{stanza.to.local} {stanza.sender.full}"
            self._lanes.put(lane, lambda: self._speak(message))
        elif await self._invitations.take(stanza.sender, xml) or self._voices.take(stanza, xml):
            pass
        elif stanza.body:
            raise Reject("bad_request", "To everybody in a room goes a groupchat message.")

    async def _speak(self, message: RoomMessage) -> None:
        stanza = message.stanza
        try:
            await self._speaking.to_everybody(message)
        except SwitchboardError as error:
            self.refuse("message", stanza.sender, stanza.to, stanza.id, error)

    async def _iq(self, xml: ET.Element) -> None:
        iq = decode.iq(xml)
        if iq.type not in ("get", "set"):
            return  # no client is asked anything
        request = (iq.type, "" if iq.payload is None else iq.payload.tag)
        if (slow := self._slow.get(request)) is not None:
            lane = f"{iq.to.local} iq {iq.sender.full}"
            handle = partial(self._answer, iq, slow)
            self._lanes.put(lane, lambda: self._take("iq", xml, iq.sender, iq.to, handle))
        else:
            await self._answer(iq, self._answers.get(request), xml)

    async def _answer(self, iq: decode.Iq, answer: Answer | None, _: ET.Element) -> None:
        body = None if answer is None else await answer(iq)
        if body is None:
            raise Reject("unavailable_here", "")
        self._link.send(outbound.iq("result", iq.to.full, iq.sender.full, iq.id, body))

    async def _ping(self, iq: decode.Iq) -> Xml:
        """To the room, or to oneself in it (XEP-0410 §3.3); raises Reject `not_here`."""
        room = self._crowd.room(iq.to.local)
        if not iq.to.resource:
            return Xml("")
        hall = self._crowd.find(room.conversation)
        person = None if hall is None else hall.of_client(iq.sender.full)
        if person is None or person.resource != iq.to.resource:
            raise Reject("not_here", "You are not in this room under this name.")
        return Xml("")

    async def _info(self, iq: decode.Iq) -> Xml | None:
        return self._describing.info(iq)

    async def _items(self, iq: decode.Iq) -> Xml | None:
        return self._describing.items(iq)
