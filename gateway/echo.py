"""Whether we alone have the domain: ejabberd gives another connection part of what comes for it.

A process that was frozen, or cut off, keeps its connection there, and presence, grants and receipts
that were meant for its successor go into it, without an error. So a new link hears its own echo: it
writes to itself, and what the server gives to another does not come back. Once all comes back again
the link is made anew, and all is told to us anew.
"""

from __future__ import annotations

ECHOES = 16
"""So many in a row are no chance: each comes back with one half at most where there is another."""


class Echo:
    """What was sent to ourselves, by number, and came back in the order of the stream."""

    def __init__(self) -> None:
        self.alone = False
        """Whether that is known; nothing needs to be sent then."""
        self._sent = 0
        self._next = 0
        self._in_a_row = 0
        self._shared = False

    def batch(self) -> range:
        """The numbers to send now."""
        first, self._sent = self._sent, self._sent + ECHOES
        return range(first, self._sent)

    def heard(self, number: int) -> bool:
        """One came back; True if there was another connection, and is no more."""
        if number != self._next:
            self._shared, self._in_a_row = True, 0
        self._next = number + 1
        self._in_a_row += 1
        self.alone = self._in_a_row >= ECHOES
        return self.alone and self._shared
