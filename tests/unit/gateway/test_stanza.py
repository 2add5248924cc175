"""Stanzas taken apart."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway.inbound import stanza as decode


def test_a_carbon_is_not_looked_into() -> None:
    """Whoever sends a component a carbon forges it: what it carries is nobody's word."""
    xml = ET.fromstring(
        '<message xmlns="jabber:component:accept" from="eve@localhost/x" to="v-a@chat.localhost">'
        '<received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">'
        '<message xmlns="jabber:client" from="ann@localhost/x" to="v-a@chat.localhost" type="chat">'
        '<body>a forgery</body><received xmlns="urn:xmpp:receipts" id="abc-1"/></message>'
        "</forwarded></received></message>"
    )
    message = decode.message(xml)
    assert message.sender.bare == "eve@localhost"
    assert (message.body, message.received) == ("", "")


@pytest.mark.parametrize("namespace", ns.PRIVILEGES)
def test_privileges_are_read_in_both_versions(namespace: str) -> None:
    """Prosody's module grants in one namespace, ejabberd 23.01 in the one before."""
    xml = ET.fromstring(
        '<message xmlns="jabber:component:accept" from="localhost" to="chat.localhost">'
        f'<privilege xmlns="{namespace}"><perm access="roster" type="both"/>'
        '<perm access="presence" type="managed_entity"/></privilege></message>'
    )
    assert decode.message(xml).privileges == {"roster": "both", "presence": "managed_entity"}
