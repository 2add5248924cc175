"""The ground floor's refusals as stanza errors."""

from __future__ import annotations

from switchboard.errors import Forbidden, NotFound, Reject, RetryLater, SwitchboardError


def condition_of(error: SwitchboardError) -> tuple[str, str]:
    """RFC 6120 §8.3.3: the condition and its type."""
    match error:
        case Forbidden():
            return "forbidden", "auth"
        case NotFound():
            return "item-not-found", "cancel"
        case RetryLater():
            return "resource-constraint", "wait"
        case Reject(reason="too_long"):
            return "policy-violation", "modify"
        case _:
            return "not-acceptable", "modify"
