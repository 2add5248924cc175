"""Refusals in rooms as the stanza errors that XEP-0045 names, in this one place."""

from __future__ import annotations

from switchboard.errors import SwitchboardError

from ..refusals import condition_of

_CONDITIONS = {
    "bad_nick": ("jid-malformed", "modify"),
    "bad_request": ("bad-request", "modify"),
    "banned": ("forbidden", "auth"),
    "conflict": ("conflict", "cancel"),
    "full": ("service-unavailable", "wait"),
    "links": ("policy-violation", "modify"),
    "members_only": ("registration-required", "auth"),
    "name_reserved": ("conflict", "cancel"),
    "name_taken": ("conflict", "cancel"),
    "not_implemented": ("feature-not-implemented", "cancel"),
    "no_nick": ("jid-malformed", "modify"),
    "no_voice": ("forbidden", "auth"),
    "not_allowed": ("not-allowed", "cancel"),
    "not_here": ("not-acceptable", "cancel"),
    "not_joined": ("not-acceptable", "modify"),
    "unavailable_here": ("service-unavailable", "cancel"),
    "rate_limited": ("resource-constraint", "wait"),
    "words": ("policy-violation", "modify"),
}
"""By a failure's reason: §7.2.5 to §7.2.11, §7.4, §8 to §10."""


def refusal(error: SwitchboardError) -> tuple[str, str]:
    """The condition and its type."""
    return _CONDITIONS.get(error.reason) or condition_of(error)
