"""A name in a room as the resource of a JID, such as servers take.

Servers prepare resources by RFC 3920's resourceprep, of Unicode 3.2: what it forbids makes them
drop the stanza. ejabberd knows no emoji so, and both it and Prosody no name that mixes letters of
both directions. A name that cannot be said loses what stands in the way, and has something of the
occupant's id instead, lest it become somebody else's.
"""

from __future__ import annotations

import stringprep
from functools import lru_cache

NAMELESS = "Guest"
_ID_CHARS = 4

_FORBIDDEN = (
    stringprep.in_table_a1,
    stringprep.in_table_b1,
    stringprep.in_table_c12,
    stringprep.in_table_c21,
    stringprep.in_table_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""RFC 3920 Appendix B: unassigned, mapped to nothing, prohibited."""


@lru_cache(maxsize=4096)
def resource_of(nick: str, id: str) -> str:
    """The resource for an occupant of that name and id: the name, if it can be one."""
    said = "".join(c for c in nick if not any(forbids(c) for forbids in _FORBIDDEN))
    if _mixes_directions(said):
        said = "".join(c for c in said if not stringprep.in_table_d1(c))
    if said == nick:
        return nick
    return f"{' '.join(said.split()) or NAMELESS} {id[-_ID_CHARS:]}"


def _mixes_directions(text: str) -> bool:
    """RFC 3454 §6: with a right-to-left letter there is no other, and one at each end."""
    if not any(map(stringprep.in_table_d1, text)):
        return False
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return not ends or any(map(stringprep.in_table_d2, text))
