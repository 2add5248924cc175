"""What a process has to tell the others, and what is left of it when it cannot."""

from __future__ import annotations

from collections import deque

from msgspec import Raw, Struct

from .. import events
from ..events import Event

MOST_WAITING = 10_000
MOST_LOOKS = 10_000


class Item(Struct):
    """An event on its way; `raw` is how it is written."""

    topic: str
    event: Event
    raw: Raw


class Outgoing:
    """Events that wait; those that have to be dropped leave what suffices to find them.

    Of a conversation's rows that is how far its log reaches. Of what else the store knows, or a
    node would tell when asked, it is that something was lost.
    """

    def __init__(self) -> None:
        self._waiting: deque[Item] = deque()
        self._looks: dict[tuple[str, str], int] = {}
        self._lost = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def dropped(self) -> bool:
        """Whether there is anything to make good."""
        return self._lost or bool(self._looks)

    def put(self, item: Item) -> None:
        """Waits for `take`; if too much does, all of it is dropped."""
        if len(self._waiting) >= MOST_WAITING:
            self.drop(self.take(MOST_WAITING))
        self._waiting.append(item)

    def take(self, most: int) -> list[Item]:
        """The oldest ones."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def drop(self, items: list[Item]) -> None:
        """These are not told, or nobody knows whether they were."""
        for item in items:
            match item.event:
                case events.Committed(message=message):
                    self._look(item.topic, message.conversation, message.seq)
                case events.Look(conversation, seq):
                    self._look(item.topic, conversation, seq)
                case events.Typing() | events.Desk() | events.Queue():
                    pass  # soon repeated, or no longer true
                case _:
                    self._lost = True

    def make_good(self) -> tuple[list[tuple[str, events.Look]], bool]:
        """What is to be told of all that was dropped; True: and that more was lost."""
        looks = [(topic, events.Look(one, seq)) for (topic, one), seq in self._looks.items()]
        lost, self._lost = self._lost, False
        self._looks.clear()
        return looks, lost

    def failed(self, looks: list[tuple[str, events.Look]], lost: bool) -> None:
        """What `make_good` gave was not told either."""
        for topic, look in looks:
            self._look(topic, look.conversation, look.seq)
        self._lost = self._lost or lost

    def _look(self, topic: str, conversation: str, seq: int) -> None:
        key = (topic, conversation)
        if key in self._looks or len(self._looks) < MOST_LOOKS:
            self._looks[key] = max(seq, self._looks.get(key, 0))
        else:
            self._lost = True
