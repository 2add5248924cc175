"""What we say that we speak."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gateway import namespaces as ns
from gateway.capabilities import COMPONENT, DESK, NODE, VISITOR, Capabilities, verification

KINDS = pytest.mark.parametrize("kind", [VISITOR, DESK, COMPONENT], ids=lambda kind: kind.name)


def test_the_standards_own_example() -> None:
    """XEP-0115 §5.2, whatever order the features come in."""
    features = [
        "http://jabber.org/protocol/muc",
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "http://jabber.org/protocol/caps",
    ]
    ver = verification([("client", "pc", "", "Exodus 0.9.1")], features)
    assert ver == "QgayPKawpkPSDYmwT/WM94uAlu0="


@KINDS
def test_the_hash_is_of_what_disco_says(kind: Capabilities) -> None:
    """Whoever computes it from the answer gets what stands in presence."""
    presence = ET.fromstring(kind.in_presence)
    assert (presence.get("hash"), presence.get("node")) == ("sha-1", NODE)
    answer = kind.info(f"{NODE}#{presence.get('ver')}")
    assert answer is not None
    query = ET.fromstring(answer)
    of = f"{{{ns.DISCO_INFO}}}"
    identities = [
        (one.get("category", ""), one.get("type", ""), "", one.get("name", ""))
        for one in query.iter(of + "identity")
    ]
    features = [one.get("var", "") for one in query.iter(of + "feature")]
    assert verification(identities, features) == presence.get("ver")
    assert len(set(features)) == len(features)
    assert query.get("node") == f"{NODE}#{presence.get('ver')}"


@KINDS
def test_nodes(kind: Capabilities) -> None:
    """Without a node the same is said; another node, or an older hash, is not known."""
    plain = kind.info("")
    assert plain is not None
    assert ET.fromstring(plain).get("node") is None
    assert kind.info(f"{NODE}#outdated") is None
    assert kind.info("eu.siacs.conversations.axolotl.devicelist") is None


def test_what_contacts_have() -> None:
    """A card and idle times are of visitors and desks; OMEMO is of nobody."""
    assert {ns.VCARD, ns.IDLE} <= set(VISITOR.features) & set(DESK.features)
    assert ns.VCARD not in COMPONENT.features
    assert not [one for kind in (VISITOR, DESK) for one in kind.features if "omemo" in one]
