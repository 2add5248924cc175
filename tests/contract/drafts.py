"""Lines to append."""

from __future__ import annotations

from switchboard.conversation import OperatorWrote, VisitorWrote
from switchboard.model import Sender, SenderKind
from switchboard.ports import Draft

HOUR = 3_600_000
NOW = 1_800_000_000_000


def from_visitor(
    client_id: str,
    body: str = "Hello",
    *,
    conversation: str = "v-ann",
    at: int = NOW,
    name: str = "Ann",
    site: str = "acme",
    domain: str = "chat.example",
) -> Draft:
    """A visitor's line."""
    return Draft(
        conversation=conversation,
        site=site,
        domain=domain,
        sender=Sender(SenderKind.VISITOR, conversation, name),
        client_id=client_id,
        body=body,
        at=at,
        event=VisitorWrote(),
    )


def from_operator(
    client_id: str,
    body: str = "Good day",
    *,
    conversation: str = "v-ann",
    operator: str = "o-bob",
    at: int = NOW,
    also: tuple[str, ...] = (),
    window: int | None = None,
) -> Draft:
    """An operator's line."""
    return Draft(
        conversation=conversation,
        site="acme",
        domain="chat.example",
        sender=Sender(SenderKind.OPERATOR, operator, "Bob"),
        client_id=client_id,
        body=body,
        at=at,
        event=OperatorWrote(operator),
        reply_to=1,
        origin='{"jid":"bob@example.org/desk"}',
        also=also,
        window=window,
    )
