"""The audit log: appended to, read, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import audit_log
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType

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


def entry_of(row: Row[Any]) -> AuditEntry:
    """The entry in a row of `audit_log`."""
    return AuditEntry(
        id=row.id,
        tenant_id=row.tenant_id,
        at=row.at,
        actor=Actor(AuditActorType(row.actor_type), row.actor_id, row.request_id, row.ip_address),
        action=row.action,
        subject_id=row.subject_id,
        before=row.before,
        after=row.after,
    )


@dataclass(frozen=True, slots=True)
class SqlAuditStore:
    """Implements `domain.ports.AuditStore`."""

    connection: AsyncConnection

    async def append(self, entry: AuditEntry) -> None:
        await self.connection.execute(_APPEND, _columns(entry))

    async def append_all(self, entries: Sequence[AuditEntry]) -> None:
        """Appends the entries in one round trip."""
        await self.connection.execute(_APPEND, [_columns(entry) for entry in entries])
