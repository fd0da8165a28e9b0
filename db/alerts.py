"""The store of alerts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import alerts
from domain.audit import Alert

# Names no index and returns nothing: either would need the right to see the row, and the API may
# open an alert that it cannot see. The only conflict is with an open one of that rule and subject.
_OPEN = insert(alerts).on_conflict_do_nothing()
_COUNT = select(func.count()).where(
    alerts.c.rule == bindparam("of_rule"),
    alerts.c.tenant_id.is_not_distinct_from(bindparam("of_tenant", type_=Text)),
    alerts.c.closed_at.is_(None),
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
        return opened.rowcount == 1

    async def count_open(self, rule: str, tenant_id: str | None) -> int:
        of_kind = {"of_rule": rule, "of_tenant": tenant_id}
        return int(await self.connection.scalar(_COUNT, of_kind) or 0)
