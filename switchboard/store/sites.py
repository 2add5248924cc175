"""Sites and operators; each change of either changes the version."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from ..errors import NotFound
from ..model import Operator
from ..site import Site, SiteSettings
from .schema import bans, meta, operators, sites

_decode = msgspec.json.Decoder(SiteSettings).decode
_encode = msgspec.json.Encoder().encode


def version(connection: Connection) -> int:
    """A number that changes with every change below."""
    found: int = connection.execute(select(meta.c.version)).scalar_one()
    return found


def all_sites(connection: Connection) -> list[Site]:
    """All sites, by key."""
    rows = connection.execute(select(sites).order_by(sites.c.key))
    return [Site(key, _decode(settings)) for key, settings in rows]


def all_operators(connection: Connection) -> list[Operator]:
    """All operators, by site and address."""
    of = operators.c
    statement = select(of.id, of.site, of.address, of.name).order_by(of.site, of.address)
    return [Operator(*row) for row in connection.execute(statement)]


def save_site(connection: Connection, site: Site) -> None:
    """Adds a site or replaces its settings."""
    values = {"settings": _encode(site.settings).decode()}
    changed = connection.execute(update(sites).where(sites.c.key == site.key).values(values))
    if not changed.rowcount:
        connection.execute(insert(sites).values(key=site.key, **values))
    change_version(connection)


def remove_site(connection: Connection, key: str) -> None:
    """Removes a site with its operators and bans. Raises NotFound."""
    if not connection.execute(delete(sites).where(sites.c.key == key)).rowcount:
        raise NotFound("unknown_site", f"There is no site {key!r}.")
    for table in (operators, bans):
        connection.execute(delete(table).where(table.c.site == key))
    change_version(connection)


def save_operator(connection: Connection, operator: Operator) -> Operator:
    """Adds an operator or renames the one of that address, who keeps the id."""
    of = operators.c
    there = (of.site == operator.site) & (of.address == operator.address)
    id = connection.execute(select(of.id).where(there).with_for_update()).scalar_one_or_none()
    if id is None:
        connection.execute(insert(operators).values(msgspec.structs.asdict(operator)))
    else:
        connection.execute(update(operators).where(there).values(name=operator.name))
        operator = msgspec.structs.replace(operator, id=id)
    change_version(connection)
    return operator


def remove_operator(connection: Connection, site: str, address: str) -> None:
    """Removes an operator. Raises NotFound."""
    of = operators.c
    there = (of.site == site) & (of.address == address)
    if not connection.execute(delete(operators).where(there)).rowcount:
        raise NotFound("not_found", f"{address} is no operator of {site}.")
    change_version(connection)


def change_version(connection: Connection) -> None:
    """To be called by each change that every process has to learn of within seconds."""
    connection.execute(update(meta).values(version=meta.c.version + 1))
