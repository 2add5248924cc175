"""What the machines run on: a bus that loses hints."""

from __future__ import annotations

from switchboard import events
from switchboard.bus.memory import MemoryBus


class LossyBus(MemoryBus):
    """Loses what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.lose = 0

    def publish(self, topic: str, event: events.Event) -> None:
        if self.lose and topic.startswith("conversation/"):
            self.lose -= 1
        else:
            super().publish(topic, event)
