"""The judge of contact lists that are kept by hand finds each thing that is wrong in one."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest

from tests.chaos.contacts import Contacts
from tests.chaos.desk import Scripted
from tests.chaos.presence import wrong_by_hand
from tests.chaos.visitor import Visitor
from tests.chaos.ways import OverPoll
from tests.e2e.support.operator import Received

DOMAIN = "chat.localhost"
DESK = f"shop@{DOMAIN}"


def visitor(number: int) -> Visitor:
    """Somebody whose JID is `v-<number>` at DOMAIN."""
    made = Visitor(number, "shop", 1, OverPoll(1), random.Random(number))
    made.id = f"v-{number}"
    return made


MINE, ANOTHERS, GONE = visitor(0), visitor(1), visitor(3)
ALL = [MINE, ANOTHERS, GONE]


def roster(*jids: str) -> str:
    items = "".join(f'<item jid="{jid}" subscription="both"/>' for jid in jids)
    return f'<iq type="result"><query xmlns="jabber:iq:roster">{items}</query></iq>'


def presence(jid: str, type: str = "", status: str = "", show: str = "") -> str:
    attribute = f'type="{type}"' if type else ""
    words = f"<show>{show}</show><status>{status}</status>"
    return f'<presence from="{jid}" {attribute}>{words}</presence>'


LIST = roster(DESK, f"v-0@{DOMAIN}", f"v-3@{DOMAIN}")
DESK_ONLINE = presence(DESK, status="2 visitors, 0 waiting")
RIGHT = [
    LIST,
    DESK_ONLINE,
    presence(f"v-0@{DOMAIN}/web"),
    presence(f"v-3@{DOMAIN}/web", "unavailable"),
]


def wrong(told: Sequence[str]) -> list[str]:
    """What is wrong for an operator who answers every third visitor, once told all that."""
    ann = Scripted("ann@localhost", "", 1, (0, 3), random.Random(1), kept=Contacts(DESK))
    client = ann._client = ann._make()
    for text in told:
        xml = ET.fromstring(f'<stream xmlns="jabber:client">{text}</stream>')[0]
        client.received.append(Received(0.0, xml, text))
    return list(wrong_by_hand(ann, DOMAIN, ALL, [GONE]))


async def test_all_is_well() -> None:
    """The desk, one who is there and one who has left, and nothing of anybody else."""
    assert wrong(RIGHT) == []


@pytest.mark.parametrize(
    "told",
    [
        [LIST, *RIGHT[2:]],
        [*RIGHT, presence(DESK, "unavailable")],
        [*RIGHT, presence(DESK, status="2 visitors, 0 waiting", show="xa")],
        [*RIGHT, presence(DESK, status="3 visitors, 0 waiting")],
        [LIST, DESK_ONLINE, RIGHT[3]],
        [*RIGHT, presence(f"v-0@{DOMAIN}/web", "unavailable")],
        [*RIGHT, presence(f"v-3@{DOMAIN}/web")],
        [*RIGHT, roster(DESK, f"v-3@{DOMAIN}")],
        [*RIGHT, presence(f"v-1@{DOMAIN}/web")],
        [*RIGHT, roster(DESK, *(f"v-{number}@{DOMAIN}" for number in (0, 1, 3)))],
    ],
    ids=[
        "no desk",
        "desk gone",
        "desk away",
        "desk miscounts",
        "added and never shown",
        "added and grey",
        "a ghost",
        "no entry",
        "a stranger",
        "an entry nobody made",
    ],
)
async def test_one_thing_is_wrong(told: list[str]) -> None:
    """Each alone is found."""
    assert len(wrong(told)) == 1
