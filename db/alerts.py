"""The store of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import alerts
from domain.alert import Alert, AlertSeverity

# Names no index and returns nothing: either would need the right to see the row, and the API may
# open an alert that it cannot see. The only conflict is with an open one of that rule and subject.
_OPEN = insert(alerts).on_conflict_do_nothing()
_COUNT = select(func.count()).where(
    alerts.c.rule == bindparam("of_rule"),
    alerts.c.tenant_id.is_not_distinct_from(bindparam("of_tenant", type_=Text)),
    alerts.c.closed_at.is_(None),
)
_CLOSE = (
    update(alerts)
    .where(
        alerts.c.tenant_id == bindparam("of_tenant"),
        alerts.c.rule == bindparam("of_rule"),
        alerts.c.subject_id == bindparam("of_subject"),
        alerts.c.closed_at.is_(None),
    )
    .values(closed_at=bindparam("now"), is_told=False)
)


@dataclass(frozen=True, slots=True)
class SqlAlertStore:
    """Implements `domain.ports.AlertStore`."""

    connection: AsyncConnection

    async def open(self, alert: Alert) -> bool:
        opened = await self.connection.execute(_OPEN, alert_columns(alert))
        return opened.rowcount == 1

    async def count_open(self, rule: str, tenant_id: str | None) -> int:
        of_kind = {"of_rule": rule, "of_tenant": tenant_id}
        return int(await self.connection.scalar(_COUNT, of_kind) or 0)

    async def close(self, tenant_id: str, rule: str, subject_id: str, now: datetime) -> None:
        over = {"of_tenant": tenant_id, "of_rule": rule, "of_subject": subject_id, "now": now}
        await self.connection.execute(_CLOSE, over)


def alert_columns(alert: Alert) -> Mapping[str, object]:
    """The row of an alert as it is opened."""
    return {
        "id": alert.id,
        "tenant_id": alert.tenant_id,
        "rule": alert.rule,
        "severity": alert.severity.value,
        "subject_id": alert.subject_id,
        "message": alert.message,
        "opened_at": alert.opened_at,
    }


def alert_of(row: Row[Any]) -> Alert:
    """The alert in the row."""
    return Alert(
        id=row.id,
        rule=row.rule,
        severity=AlertSeverity(row.severity),
        subject_id=row.subject_id,
        message=row.message,
        tenant_id=row.tenant_id,
        opened_at=row.opened_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        escalations=row.escalations,
        escalated_at=row.escalated_at,
        closed_at=row.closed_at,
    )
