"""Who may speak in a room now, and what: the room's rates, links, words, and floods of bots.

One `Floor` is one room's as one process sees it: with several, each lets the room's rate through,
and who spoke elsewhere is known by `heard`. Moderators and operators always have the floor, and
what they say counts for nobody. All times are seconds of one monotonic clock.

Links. Where they are allowed, somebody who has never spoken here is refused one in the first line,
with `links`: the line is not held, because nobody may be there to let it through, and a person can
just say something first.

Floods. When the same text of some length comes from several newcomers within a minute, newcomers
are quiet for a while: those who have not spoken here yet, or first did so lately. Short texts
(`hello`, `thanks`) do not count: people do say the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import OrderedDict
from functools import lru_cache

from msgspec import Struct

from .errors import Forbidden, Reject, RetryLater
from .model import Occupant, SenderKind
from .nicks import nick_key
from .rooms import MOST_ROOMS, Role, RoomSettings

NEWCOMER_SECONDS = 300.0
"""So long after the first line somebody counts as a newcomer."""
FLOOD_PEOPLE = 5
"""So many newcomers with the same text are a flood."""
FLOOD_SECONDS = 60.0
"""Within so long."""
FLOOD_LETTERS = 12
"""Texts with fewer are nobody's in particular."""
QUIET_SECONDS = 60.0
"""So long newcomers are quiet after the last line of a flood."""

_MOST_PEOPLE = 10_000
_MOST_TEXTS = 500
_TEXT_LETTERS = 200

_SCHEME = re.compile(
    r"(?i)(?:\b[a-z][a-z0-9+.-]{1,20}://|\bwww\.\w|\b(?:mailto|xmpp|tel|magnet):\S)"
)
_DOMAIN = re.compile(
    r"(?i)[\w-]\.(?:com|net|org|info|biz|io|co|me|tv|gg|ly|to|eu|uk|de|fr|ru|cn|in|us|xyz|top|shop|"
    r"site|online|club|link|live|store|app|dev|click|icu|vip|xn--[a-z0-9-]+)(?![\w-])"
)
_SLASHED = re.compile(r"(?i)[\w-]\.[a-z]{2,20}/\S")


class _Words(Struct, frozen=True):
    """A room's forbidden words, ready to be looked for."""

    alone: frozenset[str]
    looks: frozenset[str]
    """Their keys, for words that are written with other scripts' letters."""
    within: tuple[str, ...]
    """Phrases, and words of scripts without spaces: anywhere in the text."""


class Floor:
    """The floor of one room; bounded, and made anew with the process."""

    def __init__(self) -> None:
        self._people: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When they first and last spoke, those who spoke last at the end."""
        self._texts: OrderedDict[str, dict[str, float]] = OrderedDict()
        """Newcomers' texts and whose they were, when."""
        self._quiet_until = 0.0
        self._left: float | None = None
        """Lines that the room may have at once; None is as many as are set."""
        self._left_at = 0.0

    def judge(self, settings: RoomSettings, occupant: Occupant, body: str, now: float) -> None:
        """Lets the occupant say `body`, and counts it, or raises and counts nothing as said.

        Raises Forbidden `no_voice`; Reject `words` or `links`; RetryLater `rate_limited`.
        """
        if keeps_floor(occupant):
            return
        screen(settings, occupant, body)
        if occupant.id not in self._people and has_link(body):
            raise Reject("links", "Say something first; links may come after that.")
        self._judge_flood(occupant.id, body, now)
        self._judge_slow(settings, occupant.id, now)
        self._take(settings.messages_per_minute, now)
        self.heard(occupant.id, now)

    def judge_change(
        self, settings: RoomSettings, occupant: Occupant, body: str, now: float
    ) -> None:
        """Lets the occupant correct a line to `body`, or react with it; raises as `judge`.

        It counts for the room's rate: everybody is sent it. Slow mode is for new lines.
        """
        if keeps_floor(occupant):
            return
        screen(settings, occupant, body)
        self._take(settings.messages_per_minute, now)

    def heard(self, occupant_id: str, now: float) -> None:
        """A line of theirs is in the room, whoever let it through."""
        first, _ = self._people.get(occupant_id, (now, now))
        self._people[occupant_id] = (first, now)
        self._people.move_to_end(occupant_id)
        if len(self._people) > _MOST_PEOPLE:
            self._people.popitem(last=False)

    def _judge_slow(self, settings: RoomSettings, who: str, now: float) -> None:
        if who in self._people:
            wait = self._people[who][1] + settings.slow_seconds - now
            if wait > 0:
                raise RetryLater("rate_limited", "This room is slow: please wait.", wait)

    def _take(self, most: int, now: float) -> None:
        if not most:
            return
        left = most if self._left is None else self._left
        left = min(most, left + (now - self._left_at) * most / 60)
        self._left, self._left_at = left, now
        if left < 1:
            raise RetryLater(
                "rate_limited", "Too much at once; please wait.", (1 - left) * 60 / most
            )
        self._left = left - 1

    def _judge_flood(self, who: str, body: str, now: float) -> None:
        if who in self._people and now - self._people[who][0] >= NEWCOMER_SECONDS:
            return
        text = "".join(filter(str.isalpha, _plain(body).casefold()))[:_TEXT_LETTERS]
        if len(text) >= FLOOD_LETTERS and self._people_with(text, who, now) >= FLOOD_PEOPLE:
            self._quiet_until = now + QUIET_SECONDS
        wait = self._quiet_until - now
        if wait > 0:
            raise RetryLater("rate_limited", "Newcomers are asked to wait a little.", wait)

    def _people_with(self, text: str, who: str, now: float) -> int:
        people = self._texts.get(text, {})
        people = {one: at for one, at in people.items() if now - at < FLOOD_SECONDS}
        if len(people) < FLOOD_PEOPLE or who in people:
            people[who] = now
        else:
            # As many as matter are known: the newest takes the oldest's place.
            del people[min(people, key=people.__getitem__)]
            people[who] = now
        self._texts[text] = people
        self._texts.move_to_end(text)
        if len(self._texts) > _MOST_TEXTS:
            self._texts.popitem(last=False)
        return len(people)


def keeps_floor(occupant: Occupant) -> bool:
    """Whether nothing in this module ever stops them."""
    return occupant.kind is SenderKind.OPERATOR or occupant.role is Role.MODERATOR


def screen(settings: RoomSettings, occupant: Occupant, body: str) -> None:
    """Judges a text alone, as an edit is judged: no rate, nothing counted.

    Raises Forbidden `no_voice`, Reject `words` or `links`.
    """
    if keeps_floor(occupant):
        return
    if occupant.role in (Role.VISITOR, Role.NONE):
        raise Forbidden("no_voice", "You may listen here, and not speak.")
    if settings.words and _has_word(_compiled(settings.words), body):
        raise Reject("words", "That has a word which is not wanted here.")
    if not settings.links and has_link(body):
        raise Reject("links", "Links are not wanted here.")


def has_link(body: str) -> bool:
    """Whether clients would make a link of something in it, or people would read one."""
    text = _plain(body)
    return any(pattern.search(text) for pattern in (_SCHEME, _DOMAIN, _SLASHED))


def _plain(body: str) -> str:
    """As it is read: without what cannot be seen, and letters of one width."""
    if body.isascii():
        return body
    text = unicodedata.normalize("NFKC", body).replace("\u3002", ".")
    return "".join(c for c in text if unicodedata.category(c) != "Cf")


def _tokens(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if unicodedata.category(c)[0] != "M")
    return re.findall(r"[^\W_]+", text.casefold())


@lru_cache(maxsize=MOST_ROOMS)
def _compiled(words: tuple[str, ...]) -> _Words:
    alone: set[str] = set()
    within: list[str] = []
    for word in filter(None, (_plain(word).strip() for word in words)):
        tokens = _tokens(word)
        if len(tokens) == 1 and not _spaceless(word):
            alone.add(tokens[0])
        elif tokens and not _spaceless(word):
            within.append(f" {' '.join(tokens)} ")
        else:
            within.append(word.casefold())
    return _Words(frozenset(alone), frozenset(map(nick_key, alone)), tuple(within))


def _spaceless(word: str) -> bool:
    """Whether it is of a script that sets no spaces between words: Thai to Burmese, East Asia."""
    return any("\u0e00" <= c < "\u10a0" or "\u2e80" <= c < "\uf900" for c in word)


def _has_word(words: _Words, body: str) -> bool:
    text = _plain(body)
    tokens = _tokens(text)
    return (
        not words.alone.isdisjoint(tokens)
        or any(nick_key(token) in words.looks for token in tokens if not token.isascii())
        or any(w in f" {' '.join(tokens)} " or w in text.casefold() for w in words.within)
    )
