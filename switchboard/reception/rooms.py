"""Everybody in a room talks: every line is committed first and told afterwards.

A line's sender is an occupant: the id is the room's own (`Room.occupant`), and the row's `origin`
says whose it is, for who moderates.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec import Struct

from .. import events
from ..conversation import RoomWrote
from ..errors import NotFound, Reject
from ..model import Act, Attachment, Message, Occupant, Sender
from ..ports import Appended, Bus, Clock, Draft, Store
from ..rooms import Room, RoomId, RoomSettings
from ..text import clean_body
from .sites import Directory
from .talks import HISTORY_LIMIT, REPEAT_WINDOW_MS, check_client_id, clean_emoji, repeatable_id


class Origin(Struct, frozen=True, omit_defaults=True):
    """Whose a line is: a visitor's, or of who has a bare JID; for nobody's eyes in the room."""

    visitor: str = ""
    address: str = ""
    id: str = ""
    """That its sender's client gave it, by which other clients speak of it."""


_decode = msgspec.json.Decoder(Origin).decode
_encode = msgspec.json.Encoder().encode


def origin_of(line: Message) -> Origin:
    """Whose a room's line is."""
    return _decode(line.origin) if line.origin else Origin()


def sender_of(occupant: Occupant) -> Sender:
    """The occupant as whoever writes."""
    return Sender(occupant.kind, occupant.id, occupant.name)


class Rooms:
    """Lines in rooms."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        directory: Directory,
        domain: str,
        message_chars: int,
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._directory = directory
        self.domain = domain
        """The first component domain, where rooms live."""
        self._message_chars = message_chars

    def room(self, site: str, name: str) -> Room:
        """A site's room. Raises NotFound `unknown_room`."""
        room = self._directory.room(RoomId(name, site).conversation)
        if room is None:
            raise NotFound("unknown_room", "There is no such room here.")
        return room

    async def say(
        self,
        room: Room,
        sender: Sender,
        client_id: str,
        body: str,
        origin: Origin,
        reply_to: int | None = None,
        attachment: Attachment | None = None,
    ) -> Message:
        """A browser's line; the same `client_id` again, whatever its body, is it.

        Raises Reject (`invalid`, `too_long`) or, in a bounded time, RetryLater: then it is not
        known whether the line is stored.
        """
        check_client_id(client_id)
        if attachment is not None and not body.strip():
            body = attachment.url
        try:
            body = clean_body(body, self._message_chars)
        except Reject:
            stored = await self._store.sent(room.conversation, sender.id, client_id)
            if stored is None:
                raise
            return stored
        draft = self._draft(room, sender, client_id, body, origin, reply_to, attachment)
        return (await self._append_in_time(draft)).message

    async def sent(self, room: Room, sender: str, client_id: str) -> Message | None:
        """The line that an occupant sent under that id, if it is stored."""
        return await self._store.sent(room.conversation, sender, client_id)

    async def relay(
        self,
        room: Room,
        sender: Sender,
        body: str,
        origin: Origin,
        sent_as: tuple[str, str] | None,
        reply_to: int | None = None,
        attachment: Attachment | None = None,
    ) -> Appended:
        """A Jabber client's line; `sent_as` as of `Talks.answer`. Raises as `say`."""
        body = clean_body(body, self._message_chars)
        client_id, also = repeatable_id(sent_as, body, self._clock.now())
        draft = self._draft(room, sender, client_id, body, origin, reply_to, attachment)
        draft = msgspec.structs.replace(draft, also=also, window=REPEAT_WINDOW_MS)
        return await self._append_in_time(draft)

    async def amend(
        self, room: Room, sender: Sender, act: Act, target: int, origin: Origin, body: str = ""
    ) -> Appended:
        """Changes the line `target`; of MODERATE the caller knows that the sender may, and why.

        Raises Reject, Forbidden or NotFound, and RetryLater as `say`.
        """
        if act is Act.EDIT:
            body = clean_body(body, self._message_chars)
        elif act is Act.REACT:
            body = " ".join(clean_emoji(body))
        draft = self._draft(room, sender, secrets.token_hex(12), body, origin)
        draft = msgspec.structs.replace(draft, event=None, act=act, target=target)
        return await self._append_in_time(draft)

    async def read(self, room: Room, after: int, limit: int) -> list[Message]:
        """The rows after a seq, oldest first."""
        return await self._store.read(room.conversation, after, limit)

    async def history(self, room: Room, before: int | None, limit: int) -> list[Message]:
        """The lines before a seq (None: the last ones), oldest first, at most 100."""
        limit = max(1, min(limit, HISTORY_LIMIT))
        return await self._store.history(room.conversation, before, limit)

    async def rows(self, room: Room, seqs: Sequence[int]) -> list[Message]:
        """Those of the given rows that there are, oldest first."""
        return await self._store.rows(room.conversation, seqs) if seqs else []

    async def since(self, room: Room, at: int) -> int:
        """The seq of the first row that was written at or after a time; the next one's if none."""
        return await self._store.since(room.conversation, at)

    async def end(self, room: Room) -> int:
        """The seq of the log's last row; 0 if there is none."""
        found = await self._store.conversation(room.conversation)
        return found.seq if found is not None else 0

    async def configure(self, room: Room, settings: RoomSettings) -> Room:
        """Sets a room that its site has named; every process knows within 2 s, this one at once.

        Raises NotFound for a page's own.
        """
        for site in await self._store.sites():
            if site.key == room.id.site and room.id.name in site.settings.rooms:
                rooms = {**site.settings.rooms, room.id.name: settings}
                changed = msgspec.structs.replace(site.settings, rooms=rooms)
                await self._store.save_site(msgspec.structs.replace(site, settings=changed))
                await self._directory.refresh()
                return Room(room.id, settings)
        raise NotFound("unknown_room", "There is no such room here.")

    def tell(self, room: str, event: events.Event) -> None:
        """A word on a room, by its conversation, to the web nodes that have it open."""
        self._bus.publish(events.conversation_topic(room), event)

    def ask(self, room: str) -> None:
        """Asks the room's gateway who is there."""
        self._bus.publish(events.domain_topic(self.domain), events.RoomAsked(room))

    def _draft(
        self,
        room: Room,
        sender: Sender,
        client_id: str,
        body: str,
        origin: Origin,
        reply_to: int | None = None,
        attachment: Attachment | None = None,
    ) -> Draft:
        return Draft(
            conversation=room.conversation,
            site=room.id.site,
            domain=self.domain,
            sender=sender,
            client_id=client_id,
            body=body,
            at=self._clock.now(),
            event=RoomWrote(),
            reply_to=reply_to,
            origin=_encode(origin).decode(),
            attachment=attachment,
        )

    async def _append_in_time(self, draft: Draft) -> Appended:
        told = partial(self._told, draft)
        appended = await self._store.append(draft, late=told)
        told(appended)
        return appended

    def _told(self, draft: Draft, appended: Appended) -> None:
        message = appended.message
        event: events.Event
        if appended.fresh:
            event = events.Committed(message, appended.state, draft.site)
        else:
            # Whoever stored it may have ended before it was told.
            event = events.Look(draft.conversation, message.seq)
        self._bus.publish(events.conversation_topic(draft.conversation), event)
        self._bus.publish(events.domain_topic(draft.domain), event)
