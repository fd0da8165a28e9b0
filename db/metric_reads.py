"""Figures of payments and webhook events as readers see them: what is folded and what is not yet,
in one statement, so that nothing counts twice or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Label,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import connected
from db.tables import (
    payment_figure_changes,
    payment_figures,
    webhook_events,
    webhook_figure_changes,
    webhook_figures,
)
from db.tables.figures import EVENT_FIGURES, PAYMENT_FIGURES
from db.transactions import on_own_terms, reading
from domain.fee_report import ReportRequest
from domain.metrics import LATENCIES_MAX, EventFigures, EventLatency, FiguresOfRange, PaymentFigures

_E = webhook_events.c


def payment_rows(tenant_id: str, asked: ReportRequest) -> Select[Any]:
    """A row for each span, without a code, and one for each code, without a start."""

    def of(table: Table) -> Select[Any]:
        columns = table.c
        figures = (columns[name] for name in PAYMENT_FIGURES)
        return select(columns.hour, columns.decline_code, *figures).where(
            columns.tenant_id == tenant_id,
            columns.currency == asked.currency,
            columns.hour >= asked.start,
            columns.hour < asked.end,
        )

    found = union_all(of(payment_figures), of(payment_figure_changes)).subquery("figures").c
    # As literals: PostgreSQL must see that what is selected is what is grouped by.
    unit: ColumnElement[str] = literal_column(f"'{asked.interval.lower()}'")
    start = func.date_trunc(unit, found.hour, literal_column("'UTC'"))
    by = func.grouping_sets(tuple_(start), tuple_(found.decline_code))
    return select(start.label("start"), found.decline_code, *sums(found, PAYMENT_FIGURES)).group_by(
        by
    )


def event_rows(tenant_id: str, asked: ReportRequest) -> Select[Any]:
    """By type."""

    def of(table: Table) -> Select[Any]:
        columns = table.c
        figures = (columns[name] for name in EVENT_FIGURES)
        return select(columns.event_type, *figures).where(
            columns.tenant_id == tenant_id,
            columns.hour >= asked.start,
            columns.hour < asked.end,
        )

    found = union_all(of(webhook_figures), of(webhook_figure_changes)).subquery("figures").c
    return select(found.event_type, *sums(found, EVENT_FIGURES)).group_by(found.event_type)


def latency_row(tenant_id: str, asked: ReportRequest) -> Select[Any]:
    """The percentiles, and how long the oldest event waits."""
    began = func.coalesce(_E.replayed_at, _E.created_at)
    within = and_(
        _E.tenant_id == tenant_id, _E.created_at >= asked.start, _E.created_at < asked.end
    )
    took = (
        select(func.extract("epoch", _E.processed_at - began).label("seconds"))
        .where(within, _E.processed_at.is_not(None))
        .order_by(_E.created_at.desc())
        .limit(LATENCIES_MAX)
        .subquery("took")
    )
    waits = func.extract("epoch", func.clock_timestamp() - func.min(_E.created_at))
    is_waiting = text("status IN ('RECEIVED', 'PROCESSING', 'RETRY')")

    def percentile(share: str) -> ColumnElement[float]:
        of: ColumnElement[float] = literal_column(share)
        return func.percentile_disc(of).within_group(took.c.seconds)

    return select(
        percentile("0.5").label("median"),
        percentile("0.95").label("high"),
        select(waits).where(within, is_waiting).scalar_subquery().label("oldest"),
    ).select_from(took)


class SqlMetricReads:
    """Implements `domain.metrics.MetricReads`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    async def payment_figures(self, tenant_id: str, asked: ReportRequest) -> FiguresOfRange:
        async with reading(self._engine, tenant_id) as connection:
            rows = (await connection.execute(payment_rows(tenant_id, asked))).all()
        figures = {
            (row.start, row.decline_code): PaymentFigures(*figures_of(row, PAYMENT_FIGURES))
            for row in rows
        }
        return FiguresOfRange(
            {start: of for (start, _), of in figures.items() if start is not None},
            {code: of for (_, code), of in figures.items() if code},
        )

    async def event_figures(
        self, tenant_id: str, asked: ReportRequest
    ) -> Mapping[str, EventFigures]:
        async with reading(self._engine, tenant_id) as connection:
            rows = await connection.execute(event_rows(tenant_id, asked))
            return {row.event_type: EventFigures(*figures_of(row, EVENT_FIGURES)) for row in rows}

    async def event_latency(self, tenant_id: str, asked: ReportRequest) -> EventLatency:
        async with reading(self._engine, tenant_id) as connection:
            row = (await connection.execute(latency_row(tenant_id, asked))).one()
        return EventLatency(
            *(None if each is None else float(each) for each in (row.median, row.high, row.oldest))
        )


def figures_of(row: Row[Any], names: Sequence[str]) -> list[int]:
    """The row's figures of these names, in their order."""
    return [getattr(row, name) for name in names]


def sums(columns: Any, names: Sequence[str]) -> list[Label[int]]:
    """The sum of each of these figures."""
    # a sum of bigint is numeric, which is dear to read
    return [cast(func.sum(columns[name]), BigInteger).label(name) for name in names]


_AT_MOST = bindparam("at_most", type_=Integer)
_FOLDS = (
    select(func.fold_payment_figures(_AT_MOST)),
    select(func.fold_webhook_figures(_AT_MOST)),
)


class SqlFigureFolding:
    """Folds the logs of changes, in the worker's role."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def fold(self, at_most: int) -> int:
        """Folds so many changes of each kind at most; how many of the kind that had more. Raises
        DatabaseUnavailable."""
        async with connected(self._engine) as connection:
            found = [await connection.scalar(fold, {"at_most": at_most}) for fold in _FOLDS]
        return max(int(count or 0) for count in found)
