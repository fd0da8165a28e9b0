"""The seals of the audit: appended by one sealer a tenant, read back as a chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Text, bindparam, func, insert, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from db.audit import entry_of
from db.tables import audit_log, audit_seals, tenants
from domain.audit import PLATFORM, AuditEntry
from domain.sealing import Seal

_LOCK = 0x73_65_61_6C
"""An arbitrary number that keeps this lock's keys apart from those of other advisory locks."""

_SEAL, _ENTRY = audit_seals.c, audit_log.c
_OF_TENANT = bindparam("of_tenant_id", type_=Text())
_SEALS_ENTRY = (_SEAL.tenant_id == _ENTRY.tenant_id) & (_SEAL.entry_id == _ENTRY.id)

_TRY_LOCK = select(func.pg_try_advisory_xact_lock(func.hashtextextended(_OF_TENANT, _LOCK)))
_LAST = (
    select(audit_seals)
    .where(_SEAL.tenant_id == _OF_TENANT)
    .order_by(_SEAL.sequence.desc())
    .limit(1)
)
_NEWEST = select(func.max(_SEAL.entry_id)).where(_SEAL.tenant_id == _OF_TENANT)
_ADD = insert(audit_seals)
_TENANTS = select(tenants.c.id).order_by(tenants.c.id)
_UNSEALED = (
    select(audit_log)
    .where(_ENTRY.tenant_id == _OF_TENANT, ~select(1).where(_SEALS_ENTRY).exists())
    .order_by(_ENTRY.id)
)
_NEXT_SEALS = (
    select(audit_seals)
    .where(_SEAL.tenant_id == _OF_TENANT, _SEAL.sequence > bindparam("after"))
    .order_by(_SEAL.sequence)
    .limit(bindparam("at_most", type_=BigInteger()))
    .subquery("link")
)
# Each LIMIT keeps a look-up a look-up: a plain join of the two tables may be planned as one that
# reads the rest of the tenant's log for every batch of the chain.
_ITS_ENTRY = (
    select(audit_log)
    .where(_ENTRY.tenant_id == _NEXT_SEALS.c.tenant_id, _ENTRY.id == _NEXT_SEALS.c.entry_id)
    .limit(1)
    .lateral("entry")
)
CHAIN = (
    select(_NEXT_SEALS.c.sequence, _NEXT_SEALS.c.hash, _NEXT_SEALS.c.entry_id, *_ITS_ENTRY.c)
    .select_from(_NEXT_SEALS.outerjoin(_ITS_ENTRY, true()))
    .order_by(_NEXT_SEALS.c.sequence)
)
"""The next seals of a tenant, each with its entry."""


@dataclass(frozen=True, slots=True)
class SqlSealStore:
    """Implements `domain.sealing.SealStore`."""

    connection: AsyncConnection

    async def tenant_ids(self) -> Sequence[str]:
        return [*(await self.connection.execute(_TENANTS)).scalars(), PLATFORM]

    async def try_lock(self, tenant_id: str) -> bool:
        locked = await self.connection.execute(_TRY_LOCK, {"of_tenant_id": tenant_id})
        return bool(locked.scalar_one())

    async def last(self, tenant_id: str) -> Seal | None:
        row = (await self.connection.execute(_LAST, {"of_tenant_id": tenant_id})).first()
        return None if row is None else Seal(row.tenant_id, row.sequence, row.entry_id, row.hash)

    async def newest_entry_id(self, tenant_id: str) -> str | None:
        newest = await self.connection.execute(_NEWEST, {"of_tenant_id": tenant_id})
        found: str | None = newest.scalar_one()
        return found

    async def unsealed(
        self,
        tenant_id: str,
        *,
        limit: int,
        at_or_after: str | None = None,
        before: str | None = None,
    ) -> Sequence[AuditEntry]:
        wanted = _UNSEALED.limit(limit)
        if at_or_after is not None:
            wanted = wanted.where(_ENTRY.id >= at_or_after)
        if before is not None:
            wanted = wanted.where(_ENTRY.id < before)
        found = await self.connection.execute(wanted, {"of_tenant_id": tenant_id})
        return [entry_of(row) for row in found]

    async def add(self, seals: Sequence[Seal]) -> None:
        await self.connection.execute(
            _ADD,
            [
                {
                    "tenant_id": seal.tenant_id,
                    "sequence": seal.sequence,
                    "entry_id": seal.entry_id,
                    "hash": seal.hash,
                }
                for seal in seals
            ],
        )

    async def chain(
        self, tenant_id: str, *, after: int, limit: int
    ) -> Sequence[tuple[Seal, AuditEntry | None]]:
        asked = {"of_tenant_id": tenant_id, "after": after, "at_most": limit}
        found = await self.connection.execute(CHAIN, asked)
        return [
            (
                Seal(tenant_id, row.sequence, row.entry_id, row.hash),
                None if row.id is None else entry_of(row),
            )
            for row in found
        ]
