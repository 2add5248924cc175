"""What people may be called, and who looks like whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.errors import Reject
from switchboard.nicks import NICK_CHARS, clean_nick, nick_key, reserved


@pytest.mark.parametrize(
    ("given", "nick"),
    [
        ("  Ada \n Lovelace ", "Ada Lovelace"),
        ("Ａｄａ\u3000Ｌ", "Ada L"),
        ("a\u200b\u00add\u2060a", "ada"),
        ("\u202eada\u0000", "ada"),
        ("ﷺ" * 3, ("صلى الله عليه وسلم" * 3)[:40].strip()),
        ("👩\u200d💻", "👩💻"),
        ("x" * 50, "x" * 40),
    ],
)
def test_a_nick_is_made_one(given: str, nick: str) -> None:
    """One short line of what RFC 8266 lets through; the rest goes."""
    assert clean_nick(given) == nick


@pytest.mark.parametrize(
    "text", ["", "  ", "\u200b", "\u2800", "\u3164", "\u0301", "\ue000", "\u115f\u1160", "\u034f"]
)
def test_nobody_is_called_nothing(text: str) -> None:
    """What cannot be seen is no name."""
    with pytest.raises(Reject) as refused:
        clean_nick(text)
    assert refused.value.reason == "invalid"


@given(st.text(max_size=200))
def test_a_nick_stays_what_it_is(text: str) -> None:
    """Cleaned again it is the same, and short, and can be compared."""
    try:
        nick = clean_nick(text)
    except Reject:
        return
    assert clean_nick(nick) == nick
    assert len(nick) <= NICK_CHARS
    assert nick_key(nick)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "aLICE"),
        ("Alice", "Ａｌｉｃｅ"),
        ("Alice", "AIice"),
        ("Alice", "A1ice"),
        ("Alice", "Аlісе"),
        ("Alice", "𝓐𝓵𝓲𝓬𝓮"),
        ("Alice", "Al\u200bice"),
        ("Alice", "Al\u00edce"),
        ("Alice", "Ali\u0336ce"),
        ("Alice", " A l i c e "),
        ("Alice", "Alice."),
        ("Alice", "ᴀʟɪᴄᴇ"),
        ("Nick", "Νick"),
        ("Max", "rnax"),
        ("Bob", "B0b"),
        ("Bjorn", "Bjørn"),
        ("Анна", "анна"),
        ("Оскар", "Oскaр"),
        ("Straße", "STRASSE"),
        ("ahoy", "АНОУ"),
    ],
)
def test_look_alikes_are_one(one: str, other: str) -> None:
    """For people who read them both in one room."""
    assert nick_key(one) == nick_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "Eda"),
        ("Nina", "Vina"),
        ("Анна", "Анка"),
        ("田中", "中田"),
        ("😀", "😁"),
        ("!", "?"),
    ],
)
def test_others_are_others(one: str, other: str) -> None:
    """Names that nobody takes for each other."""
    assert nick_key(one) != nick_key(other)


@pytest.mark.parametrize(
    "nick",
    [
        "Desk",
        "system",
        "ADMIN",
        "Аdmin",
        "a d m i n",
        "The Moderator",
        "admin 😀",
        "Grace",
        "Grаcе",
        "My  sh0p",
    ],
)
def test_some_names_are_the_houses(nick: str) -> None:
    """Operators' names, the site's title, and words that sound like somebody in charge."""
    assert reserved(nick, ["Grace"], "My Shop")


@pytest.mark.parametrize("nick", ["Gracie", "Shop", "Systematic", "Visitor abcd"])
def test_other_names_are_free(nick: str) -> None:
    """What only begins as one of them, or is a part of one."""
    assert not reserved(nick, ["Grace", ""], "My Shop")
