"""A scripted operator: a Jabber client that does what a test says and nothing by itself."""

from __future__ import annotations

import itertools
import ssl
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal

from slixmpp import JID, ClientXMPP
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath, StanzaPath
from slixmpp.xmlstream.stanzabase import StanzaBase
from slixmpp.xmlstream.tostring import tostring

from tests.e2e.support.wait import eventually

CLIENT = "{jabber:client}"
ROSTER = "{jabber:iq:roster}"
RECEIPTS = "{urn:xmpp:receipts}"
MARKERS = "{urn:xmpp:chat-markers:0}"
CHAT_STATES = "{http://jabber.org/protocol/chatstates}"
DISCO_INFO = "{http://jabber.org/protocol/disco#info}"
PING = "{urn:xmpp:ping}"
REPLACE = "{urn:xmpp:message-correct:0}"
RETRACT = "{urn:xmpp:message-retract:1}"
REACTIONS = "{urn:xmpp:reactions:0}"
REPLY = "{urn:xmpp:reply:0}"
FALLBACK = "{urn:xmpp:fallback:0}"
OOB = "{jabber:x:oob}"
MANAGEMENT = "{urn:xmpp:sm:3}"

Ping = Literal["answer", "refuse", "deny", "ignore"]


@dataclass(frozen=True)
class Received:
    """One stanza as it came; `at` is monotonic seconds, `sender` a full or bare JID or ""."""

    at: float
    xml: ET.Element = field(repr=False)
    text: str

    @property
    def kind(self) -> str:
        """`message`, `presence` or `iq`."""
        return self.xml.tag.removeprefix(CLIENT)

    @property
    def sender(self) -> str:
        """The `from`, a full or a bare JID; empty where the server left it out."""
        return self.xml.get("from", "")

    @property
    def type(self) -> str:
        """The `type`, empty where there is none."""
        return self.xml.get("type", "")

    @property
    def id(self) -> str:
        """The `id`, empty where there is none."""
        return self.xml.get("id", "")

    @property
    def body(self) -> str | None:
        """A message's body, or None."""
        return self.child_text("body")

    def child_text(self, name: str) -> str | None:
        """The text of the child `name` in the stanza's own namespace, or None."""
        return self.xml.findtext(CLIENT + name)

    def has(self, tag: str) -> bool:
        """Whether an element with this `{namespace}name` is a child."""
        return self.xml.find(tag) is not None

    @property
    def chat_state(self) -> str | None:
        """XEP-0085: `active`, `composing`, `paused`, `inactive`, `gone`, or None."""
        for child in self.xml:
            if child.tag.startswith(CHAT_STATES):
                return child.tag.removeprefix(CHAT_STATES)
        return None

    @property
    def receipt_for(self) -> str | None:
        """XEP-0184: the id of the message that this confirms, or None."""
        child = self.xml.find(RECEIPTS + "received")
        return None if child is None else child.get("id")

    @property
    def displayed(self) -> str | None:
        """XEP-0333: the id of the message that was displayed, or None."""
        child = self.xml.find(MARKERS + "displayed")
        return None if child is None else child.get("id")

    @property
    def replaces(self) -> str | None:
        """XEP-0308: the id of the message that this corrects, or None."""
        return self._id_in(REPLACE + "replace")

    @property
    def retracts(self) -> str | None:
        """XEP-0424: the id of the message that is taken back, or None."""
        return self._id_in(RETRACT + "retract")

    @property
    def replies_to(self) -> str | None:
        """XEP-0461: the id of the message that this answers, or None."""
        return self._id_in(REPLY + "reply")

    @property
    def reactions(self) -> tuple[str, tuple[str, ...]] | None:
        """XEP-0444: the id of a message and all emoji that the sender has on it, or None."""
        child = self.xml.find(REACTIONS + "reactions")
        if child is None:
            return None
        return child.get("id", ""), tuple(one.text or "" for one in child)

    @property
    def link(self) -> str | None:
        """XEP-0066: the address of a file, or None."""
        return self.xml.findtext(f"{OOB}x/{OOB}url")

    @property
    def own_words(self) -> str:
        """XEP-0428: the body without what is there for clients that know less than this one."""
        words = self.body or ""
        for one in self.xml.findall(f"{FALLBACK}fallback/{FALLBACK}body"):
            words = words[: int(one.get("start", "0"))] + words[int(one.get("end", len(words))) :]
        return words

    def _id_in(self, tag: str) -> str | None:
        child = self.xml.find(tag)
        return None if child is None else child.get("id")


@dataclass(frozen=True)
class Contact:
    """One entry of a roster."""

    jid: str
    name: str
    subscription: str
    ask: str
    groups: tuple[str, ...]


class Operator:
    """A client of one account. Everything that comes is in `received`, oldest first.

    `receipts` answers receipt requests (XEP-0184); `ping` says what becomes of pings
    (XEP-0199): `refuse` gives `feature-not-implemented`, `deny` does so too although its
    disco lists the feature, `ignore` nothing, as a phone does that sleeps. Both may be set
    while it is logged in. `resumable` asks the server to keep a lost stream for a while
    (XEP-0198). Subscriptions and presence probes are left to the test.
    """

    def __init__(
        self,
        jid: str,
        password: str,
        *,
        resource: str = "scripted",
        priority: int = 0,
        receipts: bool = True,
        ping: Ping = "answer",
        resumable: bool = False,
    ) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        self._client = ClientXMPP(f"{jid}/{resource}", password, ssl_context=trusting)
        self.priority = priority
        self.receipts = receipts
        self.ping = ping
        self.resumable = resumable
        self._managed = False
        self._handled = 0
        self.received: list[Received] = []
        self._ids = itertools.count(1)
        self._failure: str | None = None
        self._started = False
        # With it goes all that slixmpp answers to presence, probes and subscriptions.
        self._client.remove_handler("Presence")
        self._client.add_filter("in", self._record)
        self._client.add_event_handler("session_start", self._on_start)
        self._client.add_event_handler("failed_all_auth", self._on_failure)
        self._client.add_event_handler("disconnected", self._on_end)
        self._client.register_handler(Callback("get", StanzaPath("iq@type=get"), self._on_get))
        for name, take in (("enabled", self._on_managed), ("r", self._on_asked)):
            self._client.register_handler(Callback(name, MatchXPath(MANAGEMENT + name), take))

    async def login(self, port: int, *, available: bool = True, timeout: float = 15.0) -> None:
        """Logs in at 127.0.0.1, loads the roster, and becomes available unless told not to."""
        self._failure = None
        self._started = False
        self._managed = False
        self._client.connect("127.0.0.1", port)
        await eventually(
            lambda: self._started or self._failure, timeout, f"{self._client.requested_jid} logs in"
        )
        assert self._failure is None, self._failure
        self._send("iq", {"type": "get", "id": "roster"}, ET.Element(ROSTER + "query"))
        await self.wait_for(lambda one: one.kind == "iq" and one.id == "roster")
        if self.resumable:
            self._client.send_raw(f'<enable xmlns="{MANAGEMENT.strip("{}")}" resume="true"/>')
            await eventually(lambda: self._managed, timeout, "the server keeps the stream")
        if available:
            self.send_availability()

    async def logout(self) -> None:
        """Ends the stream in order; returns when the connection is closed."""
        if self._client.is_connected():
            await self._client.disconnect(wait=0.5)

    async def drop(self) -> None:
        """Cuts the connection without a word, as a lost network does."""
        if self._client.transport is not None:
            self._client.transport.abort()
        await eventually(lambda: not self._client.is_connected(), what="the connection ends")

    def sleep(self) -> None:
        """Takes nothing from the network any more, as a phone that sleeps, until `wake`."""
        assert self._client.transport is not None
        self._client.transport.pause_reading()

    def wake(self) -> None:
        """Takes what has come since `sleep`, in order."""
        assert self._client.transport is not None
        self._client.transport.resume_reading()

    @property
    def full_jid(self) -> str:
        """The full JID that the server has bound."""
        return str(self._client.boundjid)

    # What it says

    def send_message_to(
        self,
        jid: str,
        body: str,
        *,
        id: str | None = None,
        request_receipt: bool = False,
        markable: bool = False,
        more: Sequence[ET.Element] = (),
    ) -> str:
        """Sends a chat message and gives its id; an `id` of "" leaves the attribute out."""
        used = f"m{next(self._ids)}" if id is None else id
        children = [_element(CLIENT + "body", text=body), ET.Element(CHAT_STATES + "active")]
        if request_receipt:
            children.append(ET.Element(RECEIPTS + "request"))
        if markable:
            children.append(ET.Element(MARKERS + "markable"))
        self._send("message", {"to": jid, "type": "chat", "id": used}, *children, *more)
        return used

    def send_correction(self, jid: str, id: str, body: str) -> str:
        """Corrects its message `id` (XEP-0308) and gives the correction's own."""
        return self.send_message_to(jid, body, more=[_element(REPLACE + "replace", {"id": id})])

    def send_retraction(self, jid: str, id: str) -> str:
        """Takes its message `id` back (XEP-0424)."""
        more = [_element(RETRACT + "retract", {"id": id}), _fallback(RETRACT)]
        return self.send_message_to(jid, "/me retracted a previous message", more=more)

    def send_reactions(self, jid: str, id: str, *emoji: str) -> str:
        """These emoji, and no others, are its own on the message `id` (XEP-0444)."""
        reactions = _element(REACTIONS + "reactions", {"id": id})
        reactions.extend(_element(REACTIONS + "reaction", text=one) for one in emoji)
        return self.send_message_to(jid, " ".join(emoji), more=[reactions, _fallback(REACTIONS)])

    def send_reply(self, jid: str, id: str, quoted: str, body: str) -> str:
        """Answers the message `id` (XEP-0461), which it quotes for other clients (XEP-0428)."""
        quote = f"> {quoted}\n"
        more = [_element(REPLY + "reply", {"to": jid, "id": id}), _fallback(REPLY, len(quote))]
        return self.send_message_to(jid, quote + body, more=more)

    def send_file(self, jid: str, url: str) -> str:
        """Sends the address of a file (XEP-0066), as after an upload (XEP-0363)."""
        link = ET.Element(OOB + "x")
        link.append(_element(OOB + "url", text=url))
        return self.send_message_to(jid, url, more=[link])

    def send_encrypted_to(self, jid: str, fallback: str) -> None:
        """Sends what only devices with keys can read (XEP-0384), with words for all others."""
        children = [
            ET.Element("{eu.siacs.conversations.axolotl}encrypted"),
            _element(CLIENT + "body", text=fallback),
        ]
        attributes = {"to": jid, "type": "chat", "id": f"m{next(self._ids)}"}
        self._send("message", attributes, *children)

    def send_chat_state(self, jid: str, state: str) -> None:
        """Sends a chat state alone (XEP-0085), such as `composing`."""
        self._send("message", {"to": jid, "type": "chat"}, ET.Element(CHAT_STATES + state))

    def send_displayed(self, jid: str, id: str) -> None:
        """Says that the message with this id was displayed (XEP-0333)."""
        self._send(
            "message", {"to": jid, "type": "chat"}, _element(MARKERS + "displayed", {"id": id})
        )

    def send_availability(self, show: str = "", status: str = "") -> None:
        """Becomes available: `show` is "", `away`, `chat`, `dnd` or `xa`."""
        children = [_element(CLIENT + "priority", text=str(self.priority))]
        if show:
            children.append(_element(CLIENT + "show", text=show))
        if status:
            children.append(_element(CLIENT + "status", text=status))
        self._send("presence", {}, *children)

    def send_presence_to(self, jid: str, type: str) -> None:
        """Sends directed presence: `subscribe`, `subscribed`, `probe`, `unavailable`, …"""
        self._send("presence", {"to": jid, "type": type})

    def remove_contact(self, jid: str) -> None:
        """Takes a contact out of the contact list (RFC 6121 §2.5)."""
        query = ET.Element(ROSTER + "query")
        query.append(_element(ROSTER + "item", {"jid": jid, "subscription": "remove"}))
        self._send("iq", {"type": "set", "id": f"q{next(self._ids)}"}, query)

    def block(self, jid: str) -> str:
        """Blocks a JID (XEP-0191 §3.3) and gives the IQ's id."""
        block = ET.Element("{urn:xmpp:blocking}block")
        block.append(_element("{urn:xmpp:blocking}item", {"jid": jid}))
        return self.send_iq("", "set", block)

    def send_iq(self, jid: str, type: str, child: ET.Element) -> str:
        """Sends an IQ and gives its id; the answer is in `received`."""
        used = f"q{next(self._ids)}"
        self._send("iq", {"to": jid, "type": type, "id": used}, child)
        return used

    def send_raw(self, xml: str) -> None:
        """Sends a stanza as it is written."""
        self._client.send_raw(xml)

    # What it has seen

    def messages(self, sender: str = "") -> list[Received]:
        """Gives the messages with a body, all or from one bare or full JID."""
        return [
            one
            for one in self.received
            if one.kind == "message" and one.body is not None and _is_from(one, sender)
        ]

    def presence_of(self, jid: str) -> Received | None:
        """Gives the last available or unavailable presence of a bare or full JID."""
        for one in reversed(self.received):
            if one.kind == "presence" and one.type in ("", "unavailable") and _is_from(one, jid):
                return one
        return None

    def presences(self) -> dict[str, Received]:
        """Gives the last available or unavailable presence of each bare JID."""
        return {
            bare(one.sender): one
            for one in self.received
            if one.kind == "presence" and one.type in ("", "unavailable")
        }

    def roster(self) -> dict[str, Contact]:
        """Gives the contact list as the server has told it, by bare JID."""
        contacts: dict[str, Contact] = {}
        for one in self.received:
            query = one.xml.find(ROSTER + "query") if one.kind == "iq" else None
            if query is None or one.type not in ("result", "set"):
                continue
            if one.type == "result":
                contacts.clear()
            for item in query.iter(ROSTER + "item"):
                contact = _contact(item)
                if contact.subscription == "remove":
                    contacts.pop(contact.jid, None)
                else:
                    contacts[contact.jid] = contact
        return contacts

    async def wait_for(
        self, predicate: Callable[[Received], bool], timeout: float = 10.0, after: int = 0
    ) -> Received:
        """Gives the first received stanza, from index `after` on, that the predicate takes."""
        return await eventually(
            lambda: next(filter(predicate, self.received[after:]), None),
            timeout,
            lambda: "a stanza; received:\n" + "\n".join(one.text for one in self.received[-20:]),
        )

    async def wait_for_message(
        self, body: str, sender: str = "", timeout: float = 10.0
    ) -> Received:
        """Gives the first message with this body, from this bare or full JID."""
        return await self.wait_for(
            lambda one: one.kind == "message" and one.body == body and _is_from(one, sender),
            timeout,
        )

    # What it does by itself

    def _record(self, stanza: StanzaBase) -> StanzaBase:
        if stanza.xml.tag in (CLIENT + "message", CLIENT + "presence", CLIENT + "iq"):
            one = Received(time.monotonic(), deepcopy(stanza.xml), str(stanza))
            self.received.append(one)
            self._handled += 1
            request = one.has(RECEIPTS + "request") and one.type != "error"
            if self.receipts and one.kind == "message" and one.id and request:
                self._send(
                    "message",
                    {"to": one.sender, "type": "chat", "id": f"r{next(self._ids)}"},
                    _element(RECEIPTS + "received", {"id": one.id}),
                )
        return stanza

    def _on_get(self, stanza: StanzaBase) -> None:
        pinged = stanza.xml.find(PING + "ping") is not None
        if pinged and self.ping == "ignore":
            return
        answer = {"to": str(stanza["from"]), "id": str(stanza["id"])}
        query = stanza.xml.find(DISCO_INFO + "query")
        if pinged and self.ping == "answer":
            self._send("iq", {**answer, "type": "result"})
        elif query is not None:
            features = [DISCO_INFO, CHAT_STATES]
            features += [RECEIPTS] if self.receipts else []
            features += [PING] if self.ping in ("answer", "deny") else []
            result = ET.Element(DISCO_INFO + "query")
            result.append(_element(DISCO_INFO + "identity", {"category": "client", "type": "pc"}))
            result.extend(
                _element(DISCO_INFO + "feature", {"var": feature.strip("{}")})
                for feature in features
            )
            self._send("iq", {**answer, "type": "result"}, result)
        else:
            error = _element(CLIENT + "error", {"type": "cancel"})
            error.append(ET.Element("{urn:ietf:params:xml:ns:xmpp-stanzas}feature-not-implemented"))
            self._send("iq", {**answer, "type": "error"}, error)

    def _on_managed(self, _: object) -> None:
        self._managed, self._handled = True, 0

    def _on_asked(self, _: object) -> None:
        self._client.send_raw(f'<a xmlns="{MANAGEMENT.strip("{}")}" h="{self._handled}"/>')

    def _on_start(self, _: object) -> None:
        self._started = True

    def _on_failure(self, _: object) -> None:
        self._failure = "the server refused the password"

    def _on_end(self, reason: object) -> None:
        if not self._started and self._failure is None:
            self._failure = f"disconnected: {reason}"

    def _send(self, kind: str, attributes: dict[str, str], *children: ET.Element) -> None:
        stanza = _element(CLIENT + kind, {k: v for k, v in attributes.items() if v})
        stanza.extend(children)
        self._client.send_raw(tostring(stanza, xmlns="jabber:client"))


def bare(jid: str) -> str:
    """Gives the bare JID of a full or bare one."""
    return str(JID(jid).bare)


def _fallback(namespace: str, length: int | None = None) -> ET.Element:
    fallback = _element(FALLBACK + "fallback", {"for": namespace.strip("{}")})
    attributes = {} if length is None else {"start": "0", "end": str(length)}
    fallback.append(_element(FALLBACK + "body", attributes))
    return fallback


def _is_from(one: Received, jid: str) -> bool:
    return jid in ("", one.sender) or ("/" not in jid and bare(one.sender) == jid)


def _contact(item: ET.Element) -> Contact:
    return Contact(
        jid=item.get("jid", ""),
        name=item.get("name", ""),
        subscription=item.get("subscription", "none"),
        ask=item.get("ask", ""),
        groups=tuple(sorted(group.text or "" for group in item.iter(ROSTER + "group"))),
    )


def _element(tag: str, attributes: dict[str, str] | None = None, text: str = "") -> ET.Element:
    element = ET.Element(tag, attributes or {})
    element.text = text or None
    return element
