"""The audit log: appended to, read, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import audit_log
from domain.audit import AuditEntry

_APPEND = insert(audit_log)


def _columns(entry: AuditEntry) -> Mapping[str, object]:
    return {
        "tenant_id": entry.tenant_id,
        "id": entry.id,
        "at": entry.at,
        "actor_type": entry.actor.type.value,
        "actor_id": entry.actor.id,
        "request_id": entry.actor.request_id,
        "ip_address": entry.actor.ip_address,
        "action": entry.action,
        "subject_id": entry.subject_id,
        "before": None if entry.before is None else dict(entry.before),
        "after": None if entry.after is None else dict(entry.after),
    }


@dataclass(frozen=True, slots=True)
class SqlAuditStore:
    """Implements `domain.ports.AuditStore`."""

    connection: AsyncConnection

    async def append(self, entry: AuditEntry) -> None:
        await self.connection.execute(_APPEND, _columns(entry))
