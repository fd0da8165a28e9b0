"""The audit log as its readers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, select, true
from sqlalchemy.ext.asyncio import AsyncEngine

from db.audit import entry_of
from db.filters import among, within
from db.paging import count_rows, read_page
from db.tables import audit_log, audit_seals
from db.transactions import on_own_terms, reading
from domain.audit_reading import AuditFilter, SealedEntry
from domain.reports import Page, PageRequest

# LIMIT keeps each look-up a look-up, instead of a join that reads all of the tenant's seals.
_ITS_SEAL = (
    select(audit_seals.c.sequence, audit_seals.c.hash)
    .where(
        audit_seals.c.tenant_id == audit_log.c.tenant_id,
        audit_seals.c.entry_id == audit_log.c.id,
    )
    .limit(1)
    .lateral("seal")
)
_SEALED = select(audit_log, *_ITS_SEAL.c).select_from(audit_log.outerjoin(_ITS_SEAL, true()))


class SqlAuditReads:
    """Implements `domain.audit_reading.AuditReads`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    async def entries(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, SealedEntry]:
        wanted = _SEALED.where(audit_log.c.tenant_id == tenant_id, among(audit_log.c.id, ids))
        async with reading(self._engine, tenant_id) as connection:
            return {row.id: _sealed_of(row) for row in await connection.execute(wanted)}

    async def page(
        self, tenant_id: str, where: AuditFilter, page: PageRequest
    ) -> Page[SealedEntry]:
        rows = _narrowed(_SEALED, tenant_id, where)
        async with reading(self._engine, tenant_id) as connection:
            return await read_page(connection, rows, audit_log.c.id, page, _sealed_of)

    async def count(self, tenant_id: str, where: AuditFilter) -> int | None:
        async with reading(self._engine, tenant_id) as connection:
            return await count_rows(connection, _narrowed(select(audit_log), tenant_id, where))


def _narrowed(rows: Select[Any], tenant_id: str, where: AuditFilter) -> Select[Any]:
    column = audit_log.c
    conditions = [column.tenant_id == tenant_id]
    if where.actor is not None:
        conditions.append(column.actor_id == where.actor)
    if where.action is not None:
        conditions.append(column.action == where.action)
    if where.subject_id is not None:
        conditions.append(column.subject_id == where.subject_id)
    return rows.where(*conditions, *within(column.at, where.at))


def _sealed_of(row: Row[Any]) -> SealedEntry:
    return SealedEntry(entry_of(row), row.sequence, row.hash)
