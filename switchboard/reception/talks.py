"""A visitor and a desk talk: every line is committed first and told afterwards.

A desk conversation's id is its visitor's.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from .. import events
from ..conversation import Event, OperatorWrote, VisitorWrote
from ..errors import Forbidden, NotFound, Reject
from ..model import (
    CLIENT_ID_CHARS,
    Act,
    Attachment,
    Conversation,
    Cursor,
    Details,
    Message,
    Operator,
    Rating,
    Sender,
    SenderKind,
    TalkState,
    Visit,
    default_name,
)
from ..ports import Appended, Bus, Clock, Draft, Store
from ..rooms import Room
from ..text import clean_body, clean_line

REPEAT_WINDOW_MS = 600_000
"""The same stanza of an operator within ten minutes is one line."""

HISTORY_LIMIT = 100
COMMENT_CHARS = 1000
"""Of a rating."""
MOST_EMOJI = 8
"""Of one sender on one line."""
EMOJI_CHARS = 32


def visitor_sender(visit: Visit) -> Sender:
    """The visitor as whoever writes."""
    return Sender(SenderKind.VISITOR, visit.visitor, visit.name)


def operator_sender(operator: Operator) -> Sender:
    """The operator as whoever writes."""
    return Sender(SenderKind.OPERATOR, operator.id, operator.name)


class Talks:
    """Lines, receipts and typing between visitors and desks. `message_chars`: 0 is no limit."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, message_chars: int) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._message_chars = message_chars

    async def say(
        self,
        visit: Visit,
        client_id: str,
        body: str,
        reply_to: int | None = None,
        attachment: Attachment | None = None,
    ) -> Message:
        """A visitor's line to the desk; the same `client_id` again, whatever its body, is it.

        A file without words is its address. Raises Reject (`invalid`, `too_long`) or, in a bounded
        time, RetryLater: then it is not known whether the line is stored.
        """
        check_client_id(client_id)
        try:
            if attachment is not None and not body.strip():
                body = attachment.url
            else:
                body = clean_body(body, self._message_chars)
        except Reject:
            id = visit.visitor
            stored = await self._store.sent(id, id, client_id) if visit.spoken else None
            if stored is None:
                raise
            return stored
        draft = Draft(
            conversation=visit.visitor,
            site=visit.site,
            domain=visit.domain,
            sender=visitor_sender(visit),
            client_id=client_id,
            body=body,
            at=self._clock.now(),
            event=VisitorWrote(),
            reply_to=reply_to,
            attachment=attachment,
        )
        return (await self._append_in_time(draft)).message

    async def answer(
        self,
        operator: Operator,
        visitor: str,
        domain: str,
        body: str,
        sent_as: tuple[str, str] | None,
        origin: str | None,
        reply_to: int | None = None,
        attachment: Attachment | None = None,
    ) -> Appended:
        """An operator's line to a visitor.

        `sent_as` is the full JID and the stanza's id: with the same body within ten minutes they
        name the same line; None (a stanza without id) is never a repetition. Raises as `say`.
        """
        body = clean_body(body, self._message_chars)
        at = self._clock.now()
        client_id, also = repeatable_id(sent_as, body, at)
        draft = Draft(
            conversation=visitor,
            site=operator.site,
            domain=domain,
            sender=operator_sender(operator),
            client_id=client_id,
            body=body,
            at=at,
            event=OperatorWrote(operator.id),
            reply_to=reply_to,
            origin=origin,
            attachment=attachment,
            also=also,
            window=REPEAT_WINDOW_MS,
        )
        return await self._append(draft)

    async def amend(
        self,
        sender: Sender,
        conversation: str,
        site: str,
        domain: str,
        act: Act,
        target: int,
        body: str = "",
        sent_as: tuple[str, str] | None = None,
        origin: str | None = None,
    ) -> Appended:
        """Corrects, retracts or reacts to the line `target`; a REACT's body is all its emoji.

        `sent_as` and `origin` as of `answer`. Raises Reject, Forbidden or NotFound, and
        RetryLater as `say`.
        """
        if act is Act.EDIT:
            body = clean_body(body, self._message_chars)
        elif act is Act.REACT:
            body = " ".join(clean_emoji(body))
        draft = self._draft(sender, conversation, site, domain, act, body, target)
        if sent_as is not None:
            change = "\0".join((act.value, str(target), body))
            client_id, also = repeatable_id(sent_as, change, draft.at)
            draft = replace(draft, client_id=client_id, also=also, window=REPEAT_WINDOW_MS)
        if origin is not None:
            draft = replace(draft, origin=origin)
        return await self._append_in_time(draft)

    async def note(self, operator: Operator, visitor: str, domain: str, body: str) -> Appended:
        """A word among operators. Raises Reject."""
        body = clean_body(body, self._message_chars)
        return await self._put(operator, visitor, domain, Act.NOTE, body)

    async def push(self, operator: Operator, visitor: str, domain: str, url: str) -> Appended:
        """Sends the visitor's page to an address, which the caller has checked."""
        return await self._put(operator, visitor, domain, Act.PUSH, url)

    async def invite(self, operator: Operator, visitor: str, domain: str, room: Room) -> Appended:
        """Asks the visitor into a room. Raises Forbidden if it is none for them."""
        if room.id.site != operator.site or not room.admits(visitor):
            raise Forbidden("forbidden", "That room is not for this visitor.")
        return await self._put(operator, visitor, domain, Act.INVITE, room.id.name)

    async def _put(
        self, operator: Operator, visitor: str, domain: str, act: Act, body: str
    ) -> Appended:
        sender = operator_sender(operator)
        draft = self._draft(sender, visitor, operator.site, domain, act, body)
        return await self._append(draft)

    async def _append(self, draft: Draft) -> Appended:
        appended = await self._store.append(draft)
        self._told_line(draft, appended)
        return appended

    async def _append_in_time(self, draft: Draft) -> Appended:
        told = partial(self._told_line, draft)
        appended = await self._store.append(draft, late=told)
        told(appended)
        return appended

    def _draft(
        self,
        sender: Sender,
        conversation: str,
        site: str,
        domain: str,
        act: Act,
        body: str,
        target: int | None = None,
    ) -> Draft:
        return Draft(
            conversation=conversation,
            site=site,
            domain=domain,
            sender=sender,
            client_id=secrets.token_hex(12),
            body=body,
            at=self._clock.now(),
            event=None,
            act=act,
            target=target,
        )

    async def change(self, conversation: str, domain: str, event: Event) -> TalkState:
        """Ends an open talk, or gives it to somebody else. Raises NotFound or IllegalEvent."""
        turned = await self._store.change_talk(conversation, event, self._clock.now())
        self._told_state(conversation, domain, turned.state, turned.seq)
        return turned.state

    async def end_idle(self, domain: str, site: str, idle_hours: float) -> None:
        """Ends a site's talks in which nothing was said for `idle_hours` and all was delivered."""
        before = self._clock.now() - int(idle_hours * 3_600_000)
        for conversation in await self._store.end_idle_talks(domain, site, before):
            found = await self._store.conversation(conversation)
            if found is not None:
                self._told_state(conversation, domain, found.state, found.seq)

    async def read(self, conversation: str, after: int, limit: int) -> list[Message]:
        """The lines after a cursor, oldest first."""
        return await self._store.read(conversation, after, limit)

    async def history(
        self, conversation: str, before: int | None, limit: int, notes: bool = False
    ) -> list[Message]:
        """The lines before a seq (None: the last ones), oldest first, at most 100.

        With `notes`, what operators noted among themselves too.
        """
        limit = max(1, min(limit, HISTORY_LIMIT))
        return await self._store.history(conversation, before, limit, notes)

    async def conversation(self, conversation: str) -> Conversation | None:
        """State and cursors."""
        return await self._store.conversation(conversation)

    async def standings(self, conversations: Sequence[str]) -> list[Conversation]:
        """State and cursors of many; of those that there are."""
        return await self._store.standings(conversations)

    async def open_talks(self, domain: str) -> list[Conversation]:
        """All open talks of a domain."""
        return await self._store.open_talks(domain)

    async def describe(self, conversation: str, site: str, domain: str, details: Details) -> None:
        """An operator changes what is known of a visitor; their web node learns of it."""
        await self._store.save_details(conversation, site, details, self._clock.now())
        self._tell(conversation, domain, events.Described(conversation, details))

    async def save_details(self, visit: Visit) -> None:
        """Keeps for good what a visitor told of themselves."""
        await self._store.save_details(visit.visitor, visit.site, visit.details, self._clock.now())

    async def details(self, visitor: str) -> Details | None:
        """What a visitor told of themselves in an earlier visit."""
        return await self._store.details(visitor)

    async def details_of(self, visitors: Sequence[str]) -> dict[str, Details]:
        """The same of many; of those who told any."""
        return await self._store.details_of(visitors)

    async def rate(self, visit: Visit, score: int, comment: str) -> None:
        """The visitor says how the talk is, or how the last one was; `score` is 1 to 5.

        Raises Reject if they never talked, and RetryLater in a bounded time.
        """
        comment = clean_line(comment, COMMENT_CHARS)
        try:
            rating = await self._store.save_rating(visit.visitor, score, comment, self._clock.now())
        except NotFound:
            raise Reject("invalid", "There was no talk to be rated.") from None
        self._bus.publish(events.domain_topic(visit.domain), events.Rated(rating))

    async def ratings(self, conversation: str) -> list[Rating]:
        """What a visitor thought of each talk, oldest first."""
        return await self._store.ratings(conversation)

    def seen(self, conversation: str, domain: str, participant: Sender, cursor: Cursor) -> None:
        """A participant has, or has read, the log up to there."""
        self._store.move_cursor(conversation, participant.id, cursor)
        receipt = events.Receipt(conversation, participant, cursor.delivered, cursor.read)
        self._tell(conversation, domain, receipt)

    def typing(self, conversation: str, domain: str, sender: Sender, composing: bool) -> None:
        """A participant writes, or has stopped to."""
        self._tell(conversation, domain, events.Typing(conversation, sender, composing))

    def look(self, conversation: str, seq: int) -> None:
        """Reminds whoever has the conversation open that the log reaches to `seq`."""
        self._bus.publish(events.conversation_topic(conversation), events.Look(conversation, seq))

    def _told_line(self, draft: Draft, appended: Appended) -> None:
        message = appended.message
        if appended.fresh:
            committed = events.Committed(message, appended.state, draft.site)
            self._tell(draft.conversation, draft.domain, committed)
        else:
            # Whoever stored it may have ended before it was told.
            look = events.Look(draft.conversation, message.seq)
            self._tell(draft.conversation, draft.domain, look)

    def _told_state(self, conversation: str, domain: str, state: TalkState, seq: int) -> None:
        self._tell(conversation, domain, events.StateChanged(conversation, state, seq))

    def _tell(self, conversation: str, domain: str, event: events.Event) -> None:
        self._bus.publish(events.conversation_topic(conversation), event)
        self._bus.publish(events.domain_topic(domain), event)


def check_client_id(id: str) -> None:
    """Raises Reject unless it is one that a browser may give a line."""
    if not id or id != clean_line(id, CLIENT_ID_CHARS):
        raise Reject("invalid", f"An id is one line of 1 to {CLIENT_ID_CHARS} characters.")


def visitor_name(details: Details | None, visitor: str) -> str:
    """The name of a visitor who may not be here."""
    return (details.name if details else "") or default_name(visitor)


def repeatable_id(
    sent_as: tuple[str, str] | None, body: str, at: int
) -> tuple[str, tuple[str, ...]]:
    """A line's client id and the one of the ten minutes before: see `Talks.answer`."""
    if sent_as is None:
        return secrets.token_hex(12), ()
    name = hashlib.blake2b("\0".join((*sent_as, body)).encode(), digest_size=12).hexdigest()
    era = at // REPEAT_WINDOW_MS
    return f"{name}.{era}", (f"{name}.{era - 1}",)


def clean_emoji(body: str) -> list[str]:
    """Emoji as a person may choose them. Raises Reject."""
    emoji = [clean_line(one, EMOJI_CHARS) for one in dict.fromkeys(body.split())]
    if len(emoji) > MOST_EMOJI or not all(_is_emoji(one) for one in emoji):
        raise Reject("invalid", f"A reaction is at most {MOST_EMOJI} emoji.")
    return emoji


def _is_emoji(text: str) -> bool:
    """Whether a text holds symbols and no letters: enough that nobody can write words in it."""
    kinds = {unicodedata.category(character)[0] for character in text}
    return bool(kinds & {"S", "M"}) and not kinds & {"L", "Z"}
