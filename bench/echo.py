"""An operator who answers every line with the same line, in a process of its own.

A plain client: it answers pings, and sends neither receipts nor markers.
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


class Echo(ClientXMPP):
    """Takes stanzas before slixmpp's handlers do, so that the operator is not what is measured."""

    def __init__(self, jid: str, password: str) -> None:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        super().__init__(jid, password, ssl_context=trusting)
        self._ids = itertools.count()
        self.add_event_handler("session_start", self._started)

    def _started(self, _: object) -> None:
        self.send_raw("<presence/>")
        print("ready", flush=True)

    def _spawn_event(self, xml: ET.Element) -> None:
        sender = xml.get("from") or ""
        if xml.tag == CLIENT + "message" and sender.startswith("v-"):
            body = xml.findtext(CLIENT + "body")
            if body and not body.startswith("[desk]"):
                self.send_raw(
                    f'<message type="chat" id="e{next(self._ids)}" to={quoteattr(sender)}>'
                    f"<body>{escape(body)}</body></message>"
                )
        elif xml.tag == CLIENT + "iq" and xml.get("type") == "get" and xml.find(PING) is not None:
            id = quoteattr(xml.get("id") or "")
            self.send_raw(f'<iq type="result" id={id} to={quoteattr(sender)}/>')
        elif xml.tag != CLIENT + "presence":
            super()._spawn_event(xml)


async def main(jid: str, password: str, port: int) -> None:
    """Logs in and echoes until killed."""
    client = Echo(f"{jid}/echo", password)
    client.connect("127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
