"""What people in a room may be called, and when two names are one to who reads them.

A nick is what RFC 8266 (PRECIS) lets through, so that it can be a resource in a JID too. Names are
compared by how they look, after UTS #39: whoever looks like somebody else could speak as them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

from precis_i18n import get_profile

from .errors import Reject
from .text import clean_line

NICK_CHARS = 40

_RAW_CHARS = 4 * NICK_CHARS
_BLANK = "\u2800"
"""A symbol to Unicode (an empty pattern of Braille), and nothing to see."""
_RESERVED = (
    "desk",
    "system",
    "admin",
    "administrator",
    "moderator",
    "mod",
    "operator",
    "owner",
    "root",
)
_SMALL_CAPITALS = str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍʍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmmnopqrstuvwyz")
"""Unicode's table has none of them."""
_FONTS = str.maketrans({"i": "l", "1": "l", "|": "l", "0": "o", "m": "rn"})
"""A capital i is an l in most fonts; whatever the case, so a small one is too."""


def clean_nick(text: str) -> str:
    """One line of at most 40 characters, without what a nickname may not have (RFC 8266 §2.3).

    What is forbidden goes, and what is too long is cut. Raises Reject `invalid` if nothing that
    can be seen is left.
    """
    nick = _enforced(clean_line(text, _RAW_CHARS).replace(_BLANK, " "))[:NICK_CHARS].strip()
    if not any(unicodedata.category(c)[0] in "LNPS" for c in nick):
        raise Reject("invalid", "A name needs letters that can be seen.")
    return nick


def _enforced(text: str) -> str:
    profile = get_profile("NicknameCasePreserved")
    while text:
        try:
            return profile.enforce(text)
        except UnicodeEncodeError as error:
            # What it names is the text as normalised so far.
            text = error.object[: error.start] + error.object[max(error.end, error.start + 1) :]
            text = text.strip()
    return ""


@lru_cache(maxsize=4096)
def nick_key(nick: str) -> str:
    """Names with the same key look the same to people (UTS #39 §4, RFC 8266 §2.4).

    Case, width, accents, spaces, punctuation and what cannot be seen do not count. A name that
    looks Latin is compared by that, one in another script by its small letters. Never empty for
    a nick; to be compared only, not shown.
    """
    text = unicodedata.normalize("NFKC", nick)
    looks = _folded(_skeleton(text))
    if not all(c.isascii() for c in looks if c.isalpha()):
        looks = _folded(_skeleton(text.lower()))
    looks = looks.translate(_SMALL_CAPITALS).translate(_FONTS)
    said = "".join(c for c in looks if c.isalnum() or unicodedata.category(c) == "So")
    return said or looks or nick


def reserved(nick: str, operators: Iterable[str], title: str) -> bool:
    """Whether it is an operator's name, the site's title, or has a word of the house's in it."""
    taken = {nick_key(name) for name in (*operators, title) if name}
    words = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in nick).split()
    ours = {nick_key(word) for word in _RESERVED}
    return nick_key(nick) in taken | ours or any(nick_key(word) in ours for word in words)


def _folded(text: str) -> str:
    """Without case, marks, spaces, and what cannot be seen."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in text if unicodedata.category(c)[0] not in "MZC" and c != _BLANK)


def _skeleton(text: str) -> str:
    return unicodedata.normalize("NFD", text).translate(_prototypes())


@lru_cache(maxsize=1)
def _prototypes() -> dict[int, str]:
    table: dict[int, str] = {}
    for line in files(__package__).joinpath("confusables.txt").read_text("utf-8").split("\n"):
        looks, tab, characters = line.partition("\t")
        if tab and not looks.startswith("# "):
            table |= dict.fromkeys(map(ord, characters), looks)
    return table
