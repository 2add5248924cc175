"""Rooms as XEP-0045 has them, over the switchboard's: first domain only.

`door` takes the stanzas; `entering`, `speaking`, `moderating`, `configuring` and `describing` do
what they ask; `crowd` knows who is in the rooms and tells of each change; `log` sends out what was
committed, as `lines` has it under the `ids` of its rows, and `archive` once more to who asks;
`amending`, `moderation` and `invitations` take what is said of earlier lines and of newcomers;
`stanzas` writes and `requests` reads XML.
"""
