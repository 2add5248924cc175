"""Leases in memory, for tests of those who hold them; the contract holds them to the store's."""

from __future__ import annotations

from msgspec.structs import replace

from switchboard.ports import LeaseRow


class MemoryLeases:
    """Implements ports.Leases."""

    def __init__(self) -> None:
        self.rows: dict[str, LeaseRow] = {}

    async def look(self, name: str) -> LeaseRow | None:
        """See ports.Leases."""
        return self.rows.get(name)

    async def take(self, name: str, owner: str, seen: LeaseRow | None) -> bool:
        """See ports.Leases."""
        row = self.rows.get(name)
        if _key(row) != _key(seen):
            return False
        if row is None:
            self.rows[name] = LeaseRow(owner, 1, 0, "", 0)
        else:
            self.rows[name] = replace(row, owner=owner, epoch=row.epoch + 1, beat=0, standby="")
        return True

    async def renew(self, name: str, owner: str, epoch: int) -> LeaseRow | None:
        """See ports.Leases."""
        row = self.rows.get(name)
        if row is None or (row.owner, row.epoch) != (owner, epoch):
            return None
        self.rows[name] = replace(row, beat=row.beat + 1)
        return self.rows[name]

    async def release(self, name: str, owner: str, epoch: int) -> None:
        """See ports.Leases."""
        row = self.rows.get(name)
        if row is not None and (row.owner, row.epoch) == (owner, epoch):
            self.rows[name] = replace(row, owner="")

    async def stand_by(self, name: str, candidate: str) -> None:
        """See ports.Leases."""
        row = self.rows.get(name)
        if row is not None:
            beat = row.standby_beat + 1
            self.rows[name] = replace(row, standby=candidate, standby_beat=beat)

    async def stand_down(self, name: str, candidate: str) -> None:
        """See ports.Leases."""
        row = self.rows.get(name)
        if row is not None and row.standby == candidate:
            self.rows[name] = replace(row, standby="")


def _key(row: LeaseRow | None) -> tuple[str, int, int] | None:
    return None if row is None else (row.owner, row.epoch, row.beat)
