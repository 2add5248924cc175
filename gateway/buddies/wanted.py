"""What should be in the operators' contact lists of ours: pure, but for what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from switchboard.model import Phase, Visit, default_name
from switchboard.reception import Directory
from switchboard.site import Site

from ..talk import Talk
from . import policy


class Entry(Struct, frozen=True):
    """A contact as its list should show it; `site` is the key of the site that it is of."""

    site: str
    name: str
    group: str


Names = dict[str, Entry]
"""By visitor, or for a desk by its site's key."""
OfSite = dict[str, Names]
"""By operator's id; "" is for all operators of the site."""


def of_site(site: Site, domain: str, visits: Iterable[Visit], talks: Iterable[Talk]) -> OfSite:
    """The visitors of one site and component domain, and who should see them."""
    open_talks = {talk.visitor: talk for talk in talks if talk.open}
    here = {v.visitor: v for v in visits if v.site == site.key and v.domain == domain}
    group = site.settings.title
    wanted: OfSite = {"": {}}
    for visitor in policy.present(here.values(), open_talks, site.settings.presence):
        wanted[""][visitor] = Entry(site.key, here[visitor].name, group)
    for talk in open_talks.values():
        if talk.site == site.key and talk.visitor not in wanted[""]:
            name = talk.name or default_name(talk.visitor)
            for operator in (_owner(talk), *talk.state.others):
                entries = wanted.setdefault(operator, {})
                entries[talk.visitor] = Entry(site.key, name, group)
    return wanted


def _owner(talk: Talk) -> str:
    """Who has the talk; "" if nobody has."""
    return talk.state.operator or "" if talk.state.phase is Phase.TAKEN else ""


def of_operator(
    address: str,
    directory: Directory,
    sites: Mapping[str, OfSite],
    reached: Iterable[Talk],
    *,
    with_desks: bool,
) -> Names:
    """All that one operator's list should have; desks last, so that visitors do not wait for them.

    `reached` are talks whose lines the operator gets in any case.
    """
    names: Names = {}
    desks: Names = {}
    for key in directory.sites_of(address):
        site, operator = directory.find(key), directory.operator(key, address)
        if site is None or operator is None:
            continue
        title = site.settings.title
        desks[key] = Entry(key, title, title)
        found = sites.get(key, {})
        names |= found.get(operator.id, {}) | found.get("", {})
        for talk in reached:
            if talk.open and talk.site == key:
                name = talk.name or default_name(talk.visitor)
                names.setdefault(talk.visitor, Entry(key, name, title))
    return {**names, **desks} if with_desks else names
