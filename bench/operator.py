"""An operator's client that costs little: it takes stanzas before slixmpp's handlers do."""

from __future__ import annotations

import ssl
from abc import abstractmethod
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from slixmpp import ClientXMPP

CLIENT = "{jabber:client}"
PING = "{urn:xmpp:ping}ping"
ASKS = '<request xmlns="urn:xmpp:receipts"/><markable xmlns="urn:xmpp:chat-markers:0"/>'


class Operator(ClientXMPP):
    """Answers pings, and is told of visitors' lines; to be subclassed with `line`, `ready`.

    With `marks` it asks for a receipt (XEP-0184) and a marker (XEP-0333) with every line it
    says, and gives both for every line of a visitor; else it does neither.
    """

    def __init__(self, jid: str, password: str, marks: bool) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        super().__init__(jid, password, ssl_context=trusting)
        self._said = 0
        self._marks = marks
        self.add_event_handler("session_start", self._started)

    @abstractmethod
    def ready(self) -> None:
        """It is logged in, and available."""

    @abstractmethod
    def line(self, sender: str, body: str) -> None:
        """A visitor's line came; `sender` is a full JID."""

    def say(self, to: str, body: str) -> None:
        """Says a line to a visitor."""
        self._said += 1
        asks = ASKS if self._marks else ""
        self.send_raw(
            f'<message type="chat" to={quoteattr(to)} id="e{self._said}">'
            f"<body>{escape(body)}</body>{asks}</message>"
        )

    def _started(self, _: object) -> None:
        self.send_raw("<presence/>")
        self.ready()

    def _spawn_event(self, xml: ET.Element) -> None:
        sender = xml.get("from") or ""
        if xml.tag == CLIENT + "message" and sender.startswith("v-"):
            body = xml.findtext(CLIENT + "body")
            if body and not body.startswith("[desk]"):
                self._acknowledge(quoteattr(sender), quoteattr(xml.get("id") or ""))
                self.line(sender, body)
        elif xml.tag == CLIENT + "iq" and xml.get("type") == "get" and xml.find(PING) is not None:
            id = quoteattr(xml.get("id") or "")
            self.send_raw(f'<iq type="result" id={id} to={quoteattr(sender)}/>')
        elif xml.tag != CLIENT + "presence":
            super()._spawn_event(xml)

    def _acknowledge(self, to: str, id: str) -> None:
        if self._marks:
            head = f'<message type="chat" to={to}'
            self.send_raw(
                f'{head}><received xmlns="urn:xmpp:receipts" id={id}/></message>'
                f'{head}><displayed xmlns="urn:xmpp:chat-markers:0" id={id}/></message>'
            )
