"""Messages from operators: lines and their changes, commands, typing, receipts, bounces."""

from __future__ import annotations

import logging

from switchboard.census import Census
from switchboard.errors import Forbidden, NotFound, Reject, SwitchboardError
from switchboard.model import Act, Operator
from switchboard.reception import Talks
from switchboard.reception.talks import operator_sender

from .. import outbound
from ..commands import Context, Request, invited, run_text
from ..component import Link
from ..delivery import Delivery
from ..held import HeldTalks
from ..jids import site_of, visitor_of
from ..refusals import condition_of
from ..rights import Rights
from ..talk import Talk
from .amend import UNKNOWN, Amendments, origin_of, sent_as
from .stanza import Message

UNREADABLE = (
    "This message came encrypted and could not be read: the visitor's browser has no keys. "
    "Please turn encryption off for this contact and send it again."
)

log = logging.getLogger(__name__)


class MessageDoor:
    """What a message from outside does; `handle` is called in order per visitor."""

    def __init__(
        self,
        domain: str,
        link: Link,
        rights: Rights,
        held: HeldTalks,
        delivery: Delivery,
        talks: Talks,
        census: Census,
        commands: Context,
        amendments: Amendments,
    ) -> None:
        self._domain = domain
        self._link = link
        self._rights = rights
        self._held = held
        self._delivery = delivery
        self._talks = talks
        self._census = census
        self._commands = commands
        self._amendments = amendments

    async def handle(self, message: Message) -> None:
        """One message; refusals go back as stanza errors, in this one place."""
        if message.type in ("groupchat", "headline"):
            return
        try:
            await self._take(message)
        except SwitchboardError as error:
            condition, kind = condition_of(error)
            self._link.send(
                outbound.error(
                    "message",
                    message.to.full,
                    message.sender.full,
                    message.id,
                    condition,
                    kind,
                    str(error),
                )
            )

    async def _take(self, message: Message) -> None:
        visitor = visitor_of(message.to.local)
        if visitor is None:
            await self._to_desk(message)
            return
        operator = await self._rights.over(message.sender.bare, visitor)
        if operator is None:
            if not message.body and not message.encrypted:
                return
            if await self._rights.site_of(visitor) is None:
                raise NotFound("unknown_visitor", "There is no such visitor.")
            raise Forbidden("forbidden", "Only operators of the site may write to its visitors.")
        jid = message.sender
        self._delivery.clients.awake(jid)
        if message.received:
            self._delivery.clients.receipt(visitor, jid, message.received, displayed=False)
        if message.displayed:
            self._delivery.clients.receipt(visitor, jid, message.displayed, displayed=True)
        if message.encrypted:
            self._types(message, visitor, operator)
            self._answer(message, visitor, await self._held.find(visitor), UNREADABLE)
            return
        if message.invites_to:
            self._delivery.wrote(visitor, jid)
            self._types(message, visitor, operator)
            answer = await invited(self._commands, operator, visitor, message.invites_to)
            self._had(message)
            self._answer(message, visitor, await self._held.find(visitor), answer)
        elif message.about.retracts or message.about.reacts_to:
            # Whatever body stands beside it is for clients that know neither.
            self._delivery.wrote(visitor, jid)
            self._types(message, visitor, operator)
            await self._change(message, visitor, operator)
        elif message.body:
            self._delivery.wrote(visitor, jid)
            await self._line(message, visitor, operator)
        else:
            self._types(message, visitor, operator)

    def _types(self, message: Message, visitor: str, operator: Operator) -> None:
        """Tells the visitor whether the operator types, which a new line says by itself."""
        if message.chat_state:
            composing = message.chat_state == "composing"
            sender = operator_sender(operator)
            self._talks.typing(visitor, self._domain, sender, composing)

    async def _line(self, message: Message, visitor: str, operator: Operator) -> None:
        about = message.about
        body = about.own_words or message.body
        if body.startswith("!") and not body.startswith("!!"):
            talk = await self._held.find(visitor)
            request = Request(message.sender, operator, visitor, talk)
            self._types(message, visitor, operator)
            answer = await run_text(self._commands, body, request)
            self._had(message)
            self._answer(message, visitor, talk or await self._held.find(visitor), answer)
            return
        reply_to = None
        if about.replies_to:
            line = await self._amendments.find(visitor, message.sender, about.replies_to)
            if line is None:
                body = message.body
            elif line.act is Act.SAY:
                # A note may be replied to, but the visitor hears nothing of it.
                reply_to = line.seq
        body = body[1:] if body.startswith("!!") else body
        if about.replaces and await self._amendments.correct(message, visitor, operator, body):
            self._types(message, visitor, operator)
            return
        appended = await self._talks.answer(
            operator,
            visitor,
            self._domain,
            body,
            sent_as(message),
            origin_of(message),
            reply_to,
            about.attachment,
        )
        talk = await self._held.find(visitor)
        if talk is None or not appended.fresh:
            return
        talk.prefers[operator.id] = message.sender
        if self._census.visit(visitor) is not None:
            talk.away_told = False
        elif not talk.away_told:
            talk.away_told = True
            self._delivery.notice(
                talk,
                message.sender.full,
                f"{talk.name or 'The visitor'} is not on the site now. "
                "Your message is stored and shown when they return.",
            )

    async def _change(self, message: Message, visitor: str, operator: Operator) -> None:
        amendments = self._amendments
        change = amendments.retract if message.about.retracts else amendments.react
        if not await change(message, visitor, operator):
            self._answer(message, visitor, await self._held.find(visitor), UNKNOWN)

    async def _to_desk(self, message: Message) -> None:
        site = site_of(message.to.local)
        operator = None if site is None else self._rights.of_site(message.sender.bare, site)
        if not message.body or message.about.retracts or message.about.reacts_to:
            return
        if operator is None:
            if message.to.local:
                raise Forbidden("forbidden", "Only operators of the site may write to its desk.")
            raise Reject("unavailable", "Write to a visitor or to your site's desk.")
        request = Request(message.sender, operator, "", None)
        answer = await run_text(self._commands, message.body, request)
        self._had(message)
        self._link.send(outbound.notice(message.to.bare, message.sender.full, answer))

    def _had(self, message: Message) -> None:
        """A command goes no further than here: a client that asks has its receipt (XEP-0184)."""
        if message.asks_receipt and message.id:
            sender, to = message.to.full, message.sender.full
            self._link.send(outbound.received(sender, to, message.id))

    def _answer(self, message: Message, visitor: str, talk: Talk | None, answer: str) -> None:
        if talk is not None:
            self._delivery.notice(talk, message.sender.full, answer)
        else:
            self._link.send(outbound.notice(message.to.bare, message.sender.full, answer))

    def bounced(self, message: Message) -> None:
        """A message of ours came back; an error is never answered (RFC 6120 §8.3.1)."""
        visitor = visitor_of(message.to.local)
        if visitor is not None:
            log.info("%s does not take messages: %s", message.sender.full, message.condition)
            self._delivery.clients.bounced(visitor, message.sender)
