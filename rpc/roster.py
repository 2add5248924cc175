"""Who is in a room, as one web node knows it: what its gateway says, and the node's own guests.

The gateway is the authority, and its words are numbered (`events.RoomPage`, `RoomChanged`): whoever
misses one asks for all of it. Of its own guests the node knows first, so its word on them stands;
only the role is the gateway's to give. Pure: it is told, and it is asked.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

from msgspec.structs import replace

from switchboard import events
from switchboard.model import Occupant, SenderKind
from switchboard.nicks import nick_key
from switchboard.rooms import Role

_Key = tuple[bool, str, str]
"""How members are ordered: operators first, then by name; the id, so that it is one's own."""


class Roster:
    """All who are in a room. `newcomer` is the role of guests of whom the gateway has not heard."""

    def __init__(self, newcomer: Role) -> None:
        self.newcomer = newcomer
        self.whole = False
        """Whether nothing that the gateway said is missing."""
        self._listed = False
        """Whether the gateway has ever told all: who was there before us did not just come."""
        self._epoch = self._number = -1
        self._told: dict[str, Occupant] = {}
        self._own: dict[str, Occupant] = {}
        self._members: dict[str, Occupant] = {}
        self._order: list[_Key] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self._pages: dict[str, Occupant] | None = None
        self._next_page = 0
        self._before: dict[str, Occupant | None] = {}
        self._kicked: set[str] = set()

    def __len__(self) -> int:
        return len(self._members)

    @property
    def spoken(self) -> bool:
        """Whether a gateway has ever said anything."""
        return self._epoch >= 0

    def __getitem__(self, id: str) -> Occupant | None:
        return self._members.get(id)

    def told_name(self, id: str) -> str | None:
        """What the gateway calls somebody, if it knows of them."""
        who = self._told.get(id)
        return None if who is None else who.name

    def called(self, name: str) -> tuple[str, ...]:
        """The ids of those whose name is the same for people."""
        return self._names.get(nick_key(name), ())

    # What the node knows itself.

    def seat(self, id: str, name: str) -> None:
        """A guest of this node is there under that name."""
        self._own[id] = Occupant(id, SenderKind.VISITOR, name)
        self._look(id)

    def unseat(self, id: str, kicked: bool = False, gone: bool = False) -> None:
        """A guest of this node is there no more, for what this node knows.

        `gone`: nor for what any other does, whatever the gateway has said so far.
        """
        self._own.pop(id, None)
        if gone:
            self._told.pop(id, None)
        if kicked:
            self._kicked.add(id)
        self._look(id)

    # What the gateway says.

    def changed(self, word: events.RoomChanged) -> None:
        """Some came, went or changed."""
        if not self._heard(word.epoch, word.number):
            return
        self._kicked.update(who.id for who in word.expelled)
        for known in (self._told, *([self._pages] if self._pages is not None else [])):
            for who in (*word.came, *word.changed):
                known[who.id] = who
            for who in (*word.left, *word.expelled):
                known.pop(who.id, None)
        for who in (*word.came, *word.changed, *word.left, *word.expelled):
            self._look(who.id)

    def page(self, word: events.RoomPage) -> None:
        """A part of all who are there."""
        if not self._heard(word.epoch, word.number):
            return
        if word.page == 0:
            self._pages, self._next_page = {}, 0
        if self._pages is None or word.page != self._next_page:
            self._pages = None
            return
        self._next_page += 1
        self._pages.update((who.id, who) for who in word.occupants)
        if word.last:
            before, self._told, self._pages = self._told, self._pages, None
            self.whole = True
            for id in before.keys() | self._told.keys():
                self._look(id, news=self._listed)
            self._listed = True

    def doubt(self) -> None:
        """Words of the gateway's may have been lost."""
        self.whole = False

    def _heard(self, epoch: int, number: int) -> bool:
        """Whether it is the newest gateway that says something."""
        if epoch < self._epoch:
            return False
        if (epoch, number) != (self._epoch, self._number + 1):
            self.whole = False
            self._pages = None
        self._epoch, self._number = epoch, number
        return True

    # What is told of it.

    def changes(self) -> Iterator[tuple[str, Occupant | None, Occupant | None, bool]]:
        """Who is, or was, there otherwise than when this was asked before.

        By id: as they were, as they are, and whether they were made to go.
        """
        before, self._before = self._before, {}
        kicked, self._kicked = self._kicked, set()
        for id, was in before.items():
            now = self._members.get(id)
            if now != was:
                yield id, was, now, id in kicked

    def listed(self, search: str, after: str | None, limit: int) -> tuple[list[Occupant], bool]:
        """Members in their order, after that id, whose names hold `search`; and whether more do.

        Raises KeyError if whoever has the id `after` is not there.
        """
        start = 0 if after is None else bisect_right(self._order, _key(self._members[after]))
        wanted = search.casefold()
        found: list[Occupant] = []
        for at in range(start, len(self._order)):
            key = self._order[at]
            if wanted in key[1]:
                if len(found) == limit:
                    return found, True
                found.append(self._members[key[2]])
        return found, False

    def _look(self, id: str, news: bool = True) -> None:
        """What is known of an occupant now."""
        was, told, now = self._members.get(id), self._told.get(id), self._own.get(id)
        if now is None:
            now = told
        else:
            # A gateway that comes new may not have heard of them: then they may do what they might.
            role = self.newcomer if was is None else was.role
            now = replace(now, role=role if told is None else told.role)
        if now == was:
            return
        if news:
            self._before.setdefault(id, was)
        if was is not None:
            del self._order[bisect_right(self._order, _key(was)) - 1]
            self._rename(nick_key(was.name), id, there=False)
            del self._members[id]
        if now is not None:
            insort(self._order, _key(now))
            self._rename(nick_key(now.name), id, there=True)
            self._members[id] = now

    def _rename(self, key: str, id: str, there: bool) -> None:
        others = tuple(other for other in self._names.get(key, ()) if other != id)
        if there:
            others = (*others, id)
        if others:
            self._names[key] = others
        else:
            self._names.pop(key, None)


def _key(who: Occupant) -> _Key:
    return who.kind is not SenderKind.OPERATOR, who.name.casefold(), who.id
