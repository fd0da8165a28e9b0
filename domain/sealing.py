"""The audit's seal: each tenant's entries in one chain of hashes, made after the fact.

A hash is SHA-256 over the entry, its place in the chain and the hash before it, so no entry can be
edited, dropped, moved or slipped in between without breaking the chain at that place. Entries are
sealed in the order of their ids, and one that was committed late in the order in which it is seen:
the chain's order is the order of sealing. docs/adr/0008 has what was weighed against it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol

from domain.audit import AuditEntry
from domain.ids import Prefix, earlier, first_id
from domain.ports import Clock

GENESIS = "0" * 64
"""The hash before a chain's first."""

LATE_MILLISECONDS = 10 * 60 * 1000
"""How much later than its id an entry may be committed. A transaction is cut off after seconds;
the rest is room for clocks that differ."""

BATCH = 500
"""Entries sealed, or checked, in one transaction."""


@dataclass(frozen=True, slots=True)
class Seal:
    """An entry's place in its tenant's chain. Sequences start at 1 and have no gaps; `hash` is in
    hexadecimal."""

    tenant_id: str
    sequence: int
    entry_id: str
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where a tenant's chain is broken. An entry that was slipped in has no sequence."""

    tenant_id: str
    sequence: int | None
    entry_id: str | None
    message: str

    def __str__(self) -> str:
        place = "no sequence" if self.sequence is None else f"sequence {self.sequence}"
        return f"{self.tenant_id}, {place}, {self.entry_id or 'no entry'}: {self.message}"


class SealStore(Protocol):
    """The chains, in one transaction. All but `tenant_ids` are about the transaction's tenant."""

    async def tenant_ids(self) -> Sequence[str]:
        """Every tenant and the platform itself, in a transaction across tenants."""
        ...

    async def try_lock(self, tenant_id: str) -> bool:
        """Whether this transaction is now the tenant's only sealer; it is until it ends."""
        ...

    async def last(self, tenant_id: str) -> Seal | None:
        """The end of the chain."""
        ...

    async def newest_entry_id(self, tenant_id: str) -> str | None:
        """The greatest id of a sealed entry."""
        ...

    async def unsealed(
        self,
        tenant_id: str,
        *,
        limit: int,
        at_or_after: str | None = None,
        before: str | None = None,
    ) -> Sequence[AuditEntry]:
        """Entries without a seal whose ids lie between these, in the order of their ids."""
        ...

    async def add(self, seals: Sequence[Seal]) -> None: ...

    async def chain(
        self, tenant_id: str, *, after: int, limit: int
    ) -> Sequence[tuple[Seal, AuditEntry | None]]:
        """The seals above this sequence, in order, each with its entry where that exists."""
        ...


class SealingWork(Protocol):
    """One transaction."""

    @property
    def seals(self) -> SealStore: ...

    async def commit(self) -> None: ...


class SealingDatabase(Protocol):
    """Opens transactions."""

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SealingWork]: ...

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SealingWork]: ...


def canonical(entry: AuditEntry, sequence: int, previous_hash: str) -> bytes:
    """What is hashed: one JSON object in UTF-8, its keys sorted, without white space, its time in
    UTC to the microsecond. It holds text, integers, booleans and lists of them, no fractions, so it
    is the same for every reader (RFC 8785 says what may differ otherwise)."""
    value = {
        "tenantId": entry.tenant_id,
        "sequence": sequence,
        "previousHash": previous_hash,
        "id": entry.id,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actorType": entry.actor.type.value,
        "actor": entry.actor.id,
        "requestId": entry.actor.request_id,
        "ipAddress": entry.actor.ip_address,
        "action": entry.action,
        "subjectId": entry.subject_id,
        "before": entry.before,
        "after": entry.after,
    }
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def seal(entry: AuditEntry, previous: Seal | None) -> Seal:
    """The entry's seal behind that one, or as the chain's first."""
    sequence = previous.sequence + 1 if previous else 1
    previous_hash = previous.hash if previous else GENESIS
    digest = hashlib.sha256(canonical(entry, sequence, previous_hash)).hexdigest()
    return Seal(entry.tenant_id, sequence, entry.id, digest)


def seal_all(entries: Iterable[AuditEntry], last: Seal | None) -> Iterator[Seal]:
    """The chain's next links."""
    for entry in entries:
        last = seal(entry, last)
        yield last


def check_link(previous: Seal | None, link: Seal, entry: AuditEntry | None) -> Fault | None:
    """What is wrong with this link, the one before it being as it is."""
    expected = previous.sequence + 1 if previous else 1

    def fault(message: str) -> Fault:
        return Fault(link.tenant_id, link.sequence, link.entry_id, message)

    if link.sequence != expected:
        return fault(f"sequence {expected} should stand here: a seal was dropped or moved")
    if entry is None:
        return fault("the entry was dropped")
    if seal(entry, previous) != link:
        return fault("the entry, its place or its hash was changed")
    return None


def sealed_from(newest_entry_id: str | None) -> str | None:
    """Below this id every entry has been sealed: one that has not was slipped in behind, or comes
    from a machine whose clock is far off."""
    return None if newest_entry_id is None else earlier(newest_entry_id, LATE_MILLISECONDS)


class Sealer:
    """Seals what was committed. Run again, or by two at once, or killed in the middle, it goes on
    from where the last commit left the chain."""

    def __init__(self, database: SealingDatabase, clock: Clock, *, batch: int = BATCH) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch

    async def tenant_ids(self) -> Sequence[str]:
        """Whose entries there are to seal."""
        async with self._database.begin_across_tenants() as work:
            return await work.seals.tenant_ids()

    async def seal(self, tenant_id: str) -> Seal | None:
        """Seals all of the tenant's entries that have no seal; the chain's new end, None when
        nothing was sealed or another sealer is at it."""
        end = None
        while True:
            last, count = await self._seal_batch(tenant_id)
            end = last or end
            if count < self._batch:
                return end

    async def _seal_batch(self, tenant_id: str) -> tuple[Seal | None, int]:
        async with self._database.begin(tenant_id) as work:
            if not await work.seals.try_lock(tenant_id):
                return None, 0
            floor = sealed_from(await work.seals.newest_entry_id(tenant_id))
            # An id of the future would raise the floor above entries that are still to come.
            ceiling = first_id(Prefix.AUDIT_ENTRY, self._clock.now())
            entries = await work.seals.unsealed(
                tenant_id, at_or_after=floor, before=ceiling, limit=self._batch
            )
            if not entries:
                return None, 0
            seals = list(seal_all(entries, await work.seals.last(tenant_id)))
            await work.seals.add(seals)
            await work.commit()
        return seals[-1], len(seals)
