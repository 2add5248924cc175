"""Failures, named by what the caller does next.

Each carries a `reason`, a stable word that both edges put on the wire (a JSON-RPC error's
`data.reason`; the choice of a stanza error), and a sentence for people.
"""

from __future__ import annotations


class SwitchboardError(Exception):
    """Any refusal by the ground floor; `reason` is a stable word, `str()` a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Reject(SwitchboardError):
    """The request is wrong and stays wrong: do not repeat it."""


class Forbidden(SwitchboardError):
    """The caller may not do this."""


class NotFound(SwitchboardError):
    """What the request names does not exist."""


class RetryLater(SwitchboardError):
    """Nothing was done; the same request may succeed after `retry_after` seconds."""

    def __init__(self, reason: str, message: str, retry_after: float) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after
