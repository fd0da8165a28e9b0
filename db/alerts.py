"""The store of alerts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import alerts
from domain.audit import Alert

_OPEN = (
    insert(alerts)
    .on_conflict_do_nothing(
        index_elements=["rule", "subject_id"], index_where=alerts.c.closed_at.is_(None)
    )
    .returning(alerts.c.id)
)


@dataclass(frozen=True, slots=True)
class SqlAlertStore:
    """Implements `domain.ports.AlertStore`."""

    connection: AsyncConnection

    async def open(self, alert: Alert) -> bool:
        opened = await self.connection.execute(
            _OPEN,
            {
                "id": alert.id,
                "tenant_id": alert.tenant_id,
                "rule": alert.rule,
                "severity": alert.severity.value,
                "subject_id": alert.subject_id,
                "message": alert.message,
                "opened_at": alert.opened_at,
            },
        )
        return opened.first() is not None
