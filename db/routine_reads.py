"""What the routine reports read: over all tenants, as the role `tollgate_platform`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, Select, Subquery, func, select, text, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.doctor_reads import SqlDoctorReads
from db.engine import connected
from db.metric_reads import figures_of, sums
from db.state_reads import SqlStateReads, by_rule
from db.tables import (
    disputes,
    payment_figure_changes,
    payment_figures,
    payments,
    request_minutes,
    webhook_figure_changes,
    webhook_figures,
)
from db.tables.figures import EVENT_FIGURES, PAYMENT_FIGURES
from db.webhook_health import SqlInboxHealthReads
from domain.metrics import EventFigures, FiguresOfRange, PaymentFigures
from domain.routine import Facts, State
from domain.signs import RequestCounts

_AHEAD, _SOON = timedelta(hours=48), timedelta(hours=24)


class SqlRoutineReads:
    """Each call may raise DatabaseUnavailable."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._doctor = SqlDoctorReads(engine)
        self._state_now = SqlStateReads(engine)
        self._health = SqlInboxHealthReads(engine)

    async def facts(self, start: datetime, end: datetime, now: datetime) -> Facts:
        """What a report about this range is made of. Both ends are whole hours."""
        async with connected(self._engine) as connection:
            payments_now = await _payments(connection, start, end)
            before = await _payments(connection, start - (end - start), start)
            events = (await connection.execute(_events(start, end))).one()
            counts = (await connection.execute(_requests(start, end))).one()
            tenants = await connection.execute(_tenants(start, end))
            by_tenant = {row.tenant_id: _figures(row) for row in tenants}
            ending = int(await connection.scalar(_ending(now)) or 0)
            due = int(await connection.scalar(_due(now)) or 0)
        return Facts(
            start,
            end,
            payments_now,
            {currency: of.totals for currency, of in before.items()},
            EventFigures(*figures_of(events, EVENT_FIGURES)),
            RequestCounts(counts.requests, counts.slow, counts.failed),
            by_tenant,
            await self._state(now, due=due, ending=ending),
        )

    async def _state(self, now: datetime, *, due: int, ending: int) -> State:
        health = await self._health.inbox_health(now)
        unknown, since = await self._doctor.unknown_operations()
        alerts = by_rule(await self._state_now.open_alerts())
        return State(alerts, health.dead, health.unprocessed, unknown, since, due, ending)


async def _payments(
    connection: AsyncConnection, start: datetime, end: datetime
) -> Mapping[str, FiguresOfRange]:
    """By currency; the whole range is one span."""
    found = _union(start, end).c
    by = func.grouping_sets(tuple_(found.currency), tuple_(found.currency, found.decline_code))
    rows = await connection.execute(
        select(
            found.currency,
            found.decline_code,
            func.grouping(found.decline_code).label("is_total"),
            *sums(found, PAYMENT_FIGURES),
        ).group_by(by)
    )
    totals: dict[str, dict[datetime, PaymentFigures]] = {}
    codes: dict[str, dict[str, PaymentFigures]] = {}
    for row in rows:
        if row.is_total:
            totals[row.currency] = {start: _figures(row)}
        elif row.decline_code:
            codes.setdefault(row.currency, {})[row.decline_code] = _figures(row)
    return {
        currency: FiguresOfRange(of, codes.get(currency, {})) for currency, of in totals.items()
    }


def _union(start: datetime, end: datetime) -> Subquery:
    return union_all(
        *(
            select(table).where(table.c.hour >= start, table.c.hour < end)
            for table in (payment_figures, payment_figure_changes)
        )
    ).subquery("figures")


def _tenants(start: datetime, end: datetime) -> Select[Any]:
    found = _union(start, end).c
    return select(found.tenant_id, *sums(found, PAYMENT_FIGURES)).group_by(found.tenant_id)


def _events(start: datetime, end: datetime) -> Executable:
    found = union_all(
        *(
            select(table).where(table.c.hour >= start, table.c.hour < end)
            for table in (webhook_figures, webhook_figure_changes)
        )
    ).subquery("figures")
    figures = [func.coalesce(each, 0).label(each.name) for each in sums(found.c, EVENT_FIGURES)]
    return select(*figures)


def _requests(start: datetime, end: datetime) -> Select[Any]:
    counted = request_minutes.c
    return select(
        *(
            func.coalesce(func.sum(counted[name]), 0).label(name)
            for name in ("requests", "slow", "failed")
        )
    ).where(counted.minute >= start, counted.minute < end)


def _ending(now: datetime) -> Select[Any]:
    return select(func.count()).where(
        text("payment_status = 'AUTHORIZED'"), payments.c.capture_before < now + _SOON
    )


def _due(now: datetime) -> Select[Any]:
    return select(func.count()).where(
        disputes.c.dispute_status.in_(["INQUIRY", "NEEDS_RESPONSE"]),
        disputes.c.evidence_due_at.between(now, now + _AHEAD),
    )


def _figures(row: Any) -> PaymentFigures:
    return PaymentFigures(*figures_of(row, PAYMENT_FIGURES))
