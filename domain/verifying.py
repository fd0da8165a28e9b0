"""The audit's chains walked from their first seal to their last, every hash reckoned anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.audit import AuditEntry
from domain.ids import Prefix, first_id
from domain.ports import Clock
from domain.sealing import (
    BATCH,
    LATE_MILLISECONDS,
    Fault,
    Seal,
    SealingDatabase,
    check_link,
    sealed_from,
)

FAULTS_MAX = 20
"""Faults told of one tenant; a chain with more is not worth listing."""


@dataclass(frozen=True, slots=True)
class Noted:
    """The end of a chain as somebody noted it outside the database, from the worker's log or from
    an earlier check. It shows what the chain alone cannot: that its end was cut off."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one tenant: the end of its chain, and every fault in the order of the
    chain, at most FAULTS_MAX. `unsealed_since` is when the oldest entry was made that should have
    been sealed by now and is not: no fault of the chain, but nothing vouches for it yet."""

    tenant_id: str
    end: Seal | None
    faults: tuple[Fault, ...]
    unsealed_since: datetime | None = None


class Verifier:
    """Checks chains. It writes nothing and locks nothing."""

    def __init__(self, database: SealingDatabase, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def tenant_ids(self) -> Sequence[str]:
        """Whose chains there are to check."""
        async with self._database.begin_across_tenants() as work:
            return await work.seals.tenant_ids()

    async def length(self, tenant_id: str) -> int:
        """How many seals there are to check."""
        async with self._database.begin(tenant_id) as work:
            end = await work.seals.last(tenant_id)
        return end.sequence if end else 0

    async def check(
        self, tenant_id: str, *, noted: Noted | None = None, checked: Callable[[int], object]
    ) -> Verdict:
        """Walks the tenant's chain; `checked` hears how many seals each step added."""
        faults = await self._slipped_in(tenant_id)
        end: Seal | None = None
        while True:
            links = await self._links(tenant_id, end.sequence if end else 0)
            for link, entry in links:
                fault = check_link(end, link, entry)
                faults += [fault] if fault else []
                faults += _contradicted(link, noted)
                end = link
            checked(len(links))
            if len(links) < self._batch:
                break
        if noted is not None and (end is None or end.sequence < noted.sequence):
            message = f"the chain ended here, and was noted up to sequence {noted.sequence}"
            faults.append(Fault(tenant_id, end.sequence if end else 0, None, message))
        return Verdict(
            tenant_id, end, tuple(faults[:FAULTS_MAX]), await self._unsealed_since(tenant_id)
        )

    async def _links(self, tenant_id: str, after: int) -> list[tuple[Seal, AuditEntry | None]]:
        async with self._database.begin(tenant_id) as work:
            return list(await work.seals.chain(tenant_id, after=after, limit=self._batch))

    async def _slipped_in(self, tenant_id: str) -> list[Fault]:
        async with self._database.begin(tenant_id) as work:
            floor = sealed_from(await work.seals.newest_entry_id(tenant_id))
            if floor is None:
                return []
            found = await work.seals.unsealed(tenant_id, before=floor, limit=FAULTS_MAX)
        message = "the entry was slipped in where all were sealed"
        return [Fault(tenant_id, None, entry.id, message) for entry in found]

    async def _unsealed_since(self, tenant_id: str) -> datetime | None:
        late = self._clock.now() - timedelta(milliseconds=LATE_MILLISECONDS)
        async with self._database.begin(tenant_id) as work:
            floor = sealed_from(await work.seals.newest_entry_id(tenant_id))
            found = await work.seals.unsealed(
                tenant_id, at_or_after=floor, before=first_id(Prefix.AUDIT_ENTRY, late), limit=1
            )
        return found[0].at if found else None


def _contradicted(link: Seal, noted: Noted | None) -> list[Fault]:
    if noted is None or link.sequence != noted.sequence or link.hash == noted.hash:
        return []
    message = "the hash is not the one that was noted"
    return [Fault(link.tenant_id, link.sequence, link.entry_id, message)]
