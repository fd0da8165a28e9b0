"""What waits and what is amiss, over all tenants, in the role of worker or platform."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import alert_notices, alerts, operations, reconciliation_differences, reconciliations

_O, _A = operations.c, alerts.c
_OPERATIONS = (
    select(_O.state, func.count().label("number"), func.min(_O.created_at).label("since"))
    # In two parts: each is what one of two partial indexes holds.
    .where(text("state IN ('CREATED', 'SENDING', 'UNKNOWN') OR state = 'MANUAL_REVIEW'"))
    .group_by(_O.state)
)
_ALERTS = (
    select(_A.rule, _A.severity, func.count().label("number"))
    .where(_A.closed_at.is_(None))
    .group_by(_A.rule, _A.severity)
    .order_by(_A.rule, _A.severity)
)
_DIFFERENCES = select(reconciliation_differences.c.label, func.count().label("number")).group_by(
    reconciliation_differences.c.label
)
_RECONCILED = select(func.min(reconciliations.c.reconciled_until))
_NOTICES = select(func.count()).where(alert_notices.c.due_at.is_not(None))


class SqlStateReads:
    """Each call may raise DatabaseUnavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def open_operations(self) -> Mapping[str, tuple[int, datetime]]:
        """By state: how many, and when the oldest was made."""
        async with connected(self._engine) as connection:
            rows = await connection.execute(_OPERATIONS)
            return {row.state: (row.number, row.since) for row in rows}

    async def open_alerts(self) -> Mapping[tuple[str, str], int]:
        """How many, by rule and severity."""
        async with connected(self._engine) as connection:
            rows = await connection.execute(_ALERTS)
            return {(row.rule, row.severity): row.number for row in rows}

    async def differences(self) -> Mapping[str, int]:
        """How many differences a reconciliation left, by label."""
        async with connected(self._engine) as connection:
            rows = await connection.execute(_DIFFERENCES)
            return {row.label: row.number for row in rows}

    async def reconciled_until(self) -> datetime | None:
        """Up to when every account was reconciled; None where there is none."""
        async with connected(self._engine) as connection:
            until: datetime | None = await connection.scalar(_RECONCILED)
            return until

    async def waiting_notices(self) -> int:
        """How many notices are still to be sent."""
        async with connected(self._engine) as connection:
            return int(await connection.scalar(_NOTICES) or 0)


def by_rule(open_alerts: Mapping[tuple[str, str], int]) -> Mapping[str, int]:
    """How many of each rule, whatever their severity."""
    counts: dict[str, int] = {}
    for (rule, _), count in open_alerts.items():
        counts[rule] = counts.get(rule, 0) + count
    return counts
