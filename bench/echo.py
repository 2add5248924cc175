"""An operator who answers every line with the same line, in a process of its own.

A plain client answers pings, and sends neither receipts nor markers. One with `marks` asks for
both with every line (XEP-0184, XEP-0333), and gives both for every line of a visitor.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import sys
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from slixmpp import ClientXMPP

CLIENT = "{jabber:client}"
PING = "{urn:xmpp:ping}ping"
ASKS = '<request xmlns="urn:xmpp:receipts"/><markable xmlns="urn:xmpp:chat-markers:0"/>'


class Echo(ClientXMPP):
    """Takes stanzas before slixmpp's handlers do, so that the operator is not what is measured."""

    def __init__(self, jid: str, password: str, marks: bool) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        super().__init__(jid, password, ssl_context=trusting)
        self._ids = itertools.count()
        self._marks = marks
        self.add_event_handler("session_start", self._started)

    def _started(self, _: object) -> None:
        self.send_raw("<presence/>")
        print("ready", flush=True)

    def _spawn_event(self, xml: ET.Element) -> None:
        sender = xml.get("from") or ""
        if xml.tag == CLIENT + "message" and sender.startswith("v-"):
            body = xml.findtext(CLIENT + "body")
            if body and not body.startswith("[desk]"):
                self._answer(quoteattr(sender), quoteattr(xml.get("id") or ""), escape(body))
        elif xml.tag == CLIENT + "iq" and xml.get("type") == "get" and xml.find(PING) is not None:
            id = quoteattr(xml.get("id") or "")
            self.send_raw(f'<iq type="result" id={id} to={quoteattr(sender)}/>')
        elif xml.tag != CLIENT + "presence":
            super()._spawn_event(xml)

    def _answer(self, to: str, id: str, body: str) -> None:
        head = f'<message type="chat" to={to}'
        line = f'{head} id="e{next(self._ids)}"><body>{body}</body>'
        if self._marks:
            self.send_raw(
                f'{head}><received xmlns="urn:xmpp:receipts" id={id}/></message>'
                f'{head}><displayed xmlns="urn:xmpp:chat-markers:0" id={id}/></message>'
                f"{line}{ASKS}</message>"
            )
        else:
            self.send_raw(f"{line}</message>")


async def main(jid: str, password: str, port: int, marks: bool) -> None:
    """Logs in and echoes until killed."""
    client = Echo(f"{jid}/echo", password, marks)
    client.connect("127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "marks"))
