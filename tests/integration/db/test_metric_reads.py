"""Figures by the hour are what the rows come to, whatever changes and whatever is folded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.metric_reads import SqlFigureFolding, SqlMetricReads
from db.roles import DatabaseRole
from domain.fee_report import MetricsInterval, ReportRequest
from domain.metrics import FiguresOfRange, PaymentFigures, before, summed
from tests.history import add_history
from tests.integration.db.conftest import Merchant

SINCE = datetime(2026, 9, 1, 0, 30, tzinfo=UTC)
START = datetime(2026, 9, 1, tzinfo=UTC)
COUNT = 10_000
STEP = 500.0
"""Seconds between two payments: ten thousand are some two months."""

PLAIN = """
SELECT date_trunc(:unit, created_at, 'UTC') AS start,
    CASE payment_status WHEN 'FAILED' THEN coalesce(gateway_response ->> 'decline_code', 'none')
        ELSE '' END AS code,
    count(*), count(*) FILTER (WHERE payment_status = 'PAID'),
    count(*) FILTER (WHERE payment_status = 'FAILED'),
    count(*) FILTER (WHERE refunded_amount_cents > 0),
    count(*) FILTER (WHERE dispute_status <> 'NONE'),
    sum(captured_amount_cents), sum(refunded_amount_cents),
    coalesce(sum(platform_fee_cents - platform_fee_refunded_cents)
        FILTER (WHERE payment_status = 'PAID'), 0),
    coalesce(sum(gateway_fee_cents) FILTER (WHERE payment_status = 'PAID'), 0),
    coalesce(sum(net_amount_cents) FILTER (WHERE payment_status = 'PAID'), 0),
    coalesce(sum(total_amount_cents) FILTER (WHERE payment_status = 'FAILED'), 0)
FROM payments WHERE tenant_id = :tenant_id AND currency = 'USD'
    AND created_at >= :start AND created_at < :end
GROUP BY 1, 2 ORDER BY 1, 2
"""
CHANGES = (
    "UPDATE payments SET refunded_amount_cents = captured_amount_cents / 2, net_amount_cents ="
    " net_amount_cents - captured_amount_cents / 2 + refunded_amount_cents"
    " WHERE payment_status = 'PAID' AND right(id, 2) = '36'",
    "UPDATE payments SET payment_status = 'PAID', captured_amount_cents = authorized_amount_cents"
    " WHERE payment_status = 'AUTHORIZED' AND right(id, 1) = '2'",
    "UPDATE payments SET dispute_status = 'OPEN' WHERE payment_status = 'PAID'"
    " AND right(id, 2) = '40'",
    "UPDATE payments SET version = version + 1",
)
"""What happens to payments of all ages, and one change that is none of the figures."""


async def add(engine: AsyncEngine, merchant: Merchant, first: int = 1, last: int = COUNT) -> None:
    """The history, or a part of it."""
    await add_history(engine, tenant_id=merchant.id, since=SINCE, step=STEP, first=first, last=last)


def asked(interval: MetricsInterval, days: int = 30, of: str = "") -> ReportRequest:
    """A range from the beginning."""
    return ReportRequest(START, START + timedelta(days=days), interval, "USD", of)


async def plain(engine: AsyncEngine, merchant: Merchant, of: ReportRequest) -> FiguresOfRange:
    """The same, from the payments themselves."""
    places: dict[str, Any] = {"unit": of.interval.lower(), "tenant_id": merchant.id}
    places |= {"start": of.start, "end": of.end}
    async with engine.connect() as connection:
        rows = (await connection.execute(text(PLAIN), places)).all()
    by_start: dict[datetime, PaymentFigures] = {}
    by_code: dict[str, PaymentFigures] = {}
    for start, code, *figures in rows:
        row = PaymentFigures(*map(int, figures))
        by_start[start] = by_start.get(start, PaymentFigures()) + row
        if code:
            by_code[code] = by_code.get(code, PaymentFigures()) + row
    return FiguresOfRange(by_start, by_code)


def some(found: FiguresOfRange) -> FiguresOfRange:
    """Without what changes have emptied."""
    return FiguresOfRange(
        {at: of for at, of in found.by_start.items() if of.payments},
        {code: of for code, of in found.by_code.items() if of.payments},
    )


async def logged(engine: AsyncEngine) -> int:
    """How many changes are not folded."""
    async with engine.connect() as connection:
        found = await connection.scalar(text("SELECT count(*) FROM payment_figure_changes"))
    return int(found or 0)


@pytest.mark.parametrize("interval", list(MetricsInterval))
async def test_they_are_what_the_payments_come_to(
    engine: AsyncEngine,
    database_url: str,
    merchant: Merchant,
    rival: Merchant,
    interval: MetricsInterval,
) -> None:
    """Ten thousand payments, then changes of old and new ones: unfolded, partly folded and folded,
    with the range before; a change of nothing that counts is not logged."""
    await add(engine, merchant)
    worker = make_engine(database_url, pool_size=1, role=DatabaseRole.WORKER)
    api = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    folding, reads = SqlFigureFolding(worker), SqlMetricReads(api)
    later = ReportRequest(
        START + timedelta(days=20), START + timedelta(days=50), interval, "USD", merchant.id
    )

    async def agree() -> None:
        for of in (asked(interval), later, before(later)):
            found = await reads.payment_figures(merchant.id, of)
            assert some(found) == await plain(engine, merchant, of)
            assert (await reads.payment_figures(rival.id, of)).by_start == {}

    await agree()
    assert await folding.fold(7_000) == 7_000
    await agree()
    for change in CHANGES[:-1]:
        async with engine.begin() as connection:
            await connection.execute(text(change))
        await agree()
    while await folding.fold(5_000):
        await agree()
    async with engine.begin() as connection:
        await connection.execute(text(CHANGES[-1]))
    assert await logged(engine) == 0
    assert (await reads.payment_figures(merchant.id, later)).totals.payments > 100
    await worker.dispose()
    await api.dispose()


async def test_nothing_is_lost_while_it_is_folded(
    engine: AsyncEngine, database_url: str, merchant: Merchant
) -> None:
    """Writers, folders and readers at once: each reader sees every payment once, at any moment."""
    worker = make_engine(database_url, pool_size=3, role=DatabaseRole.WORKER)
    api = make_engine(database_url, pool_size=2, role=DatabaseRole.API)
    folding, reads = SqlFigureFolding(worker), SqlMetricReads(api)
    seen: list[int] = []
    writing = asyncio.Event()

    async def write() -> None:
        for first in range(1, 2_000, 100):
            await add(engine, merchant, first, first + 99)
        writing.set()

    async def fold() -> None:
        while not writing.is_set() or await folding.fold(150):
            await folding.fold(150)

    async def read() -> None:
        of = asked(MetricsInterval.MONTH, 400)
        while not writing.is_set():
            found = await reads.payment_figures(merchant.id, of)
            seen.append(found.totals.payments)

    await asyncio.gather(write(), fold(), fold(), fold(), read())
    assert seen == sorted(seen)
    assert {count % 100 for count in seen} == {0}
    of = asked(MetricsInterval.MONTH, 400)
    found = await reads.payment_figures(merchant.id, of)
    assert some(found) == await plain(engine, merchant, of)
    await worker.dispose()
    await api.dispose()


async def test_events_are_what_the_inbox_comes_to(
    engine: AsyncEngine, database_url: str, merchant: Merchant
) -> None:
    """By type, before and after events end; percentiles of those that are over."""
    await add(engine, merchant, 1, 2_000)
    api = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    worker = make_engine(database_url, pool_size=1, role=DatabaseRole.WORKER)
    reads, of = SqlMetricReads(api), asked(MetricsInterval.DAY, 5)
    by_type = text(
        "SELECT event_type, count(*), count(*) FILTER (WHERE status IN ('PROCESSED', 'IGNORED')),"
        " count(*) FILTER (WHERE status = 'RETRY'), count(*) FILTER (WHERE status = 'DEAD')"
        " FROM webhook_events WHERE created_at >= :start AND created_at < :end GROUP BY 1"
    )
    took = text(
        "SELECT percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY"
        " extract(epoch FROM processed_at - created_at)) FROM webhook_events"
        " WHERE created_at >= :start AND created_at < :end AND processed_at IS NOT NULL"
    )
    for change in (
        "",
        "UPDATE webhook_events SET status = 'PROCESSED', processed_at = created_at,"
        " next_attempt_at = NULL, error_message = NULL WHERE status = 'RETRY'",
    ):
        async with engine.begin() as connection:
            if change:
                await connection.execute(text(change))
            places = {"start": of.start, "end": of.end}
            plain_rows = (await connection.execute(by_type, places)).all()
            median, high = (await connection.execute(took, places)).scalar_one()
        found = await reads.event_figures(merchant.id, of)
        latency = await reads.event_latency(merchant.id, of)
        assert {
            name: (each.received, each.processed, each.failed, each.dead)
            for name, each in found.items()
        } == {row[0]: tuple(row[1:]) for row in plain_rows}
        assert latency.median == pytest.approx(float(median))
        assert latency.high == pytest.approx(float(high))
        assert (latency.oldest is None) == bool(change)
        await SqlFigureFolding(worker).fold(10_000)
    await api.dispose()
    await worker.dispose()


def test_a_range_is_summed_up() -> None:
    """Spans without a payment are there too, and reasons are sorted by their number."""
    of = ReportRequest(START, START + timedelta(days=3), MetricsInterval.DAY, "USD", "ten")
    late = START + timedelta(days=2)
    figures = FiguresOfRange(
        {
            START: PaymentFigures(payments=3, paid=3, gross=1_000),
            late: PaymentFigures(payments=3, failed=3, failed_amount=12),
        },
        {
            "b": PaymentFigures(failed=1, failed_amount=5),
            "a": PaymentFigures(failed=2, failed_amount=7),
        },
    )
    found = summed(of, figures, FiguresOfRange({}, {}))
    assert [figures.payments for _, figures in found.series] == [3, 0, 3]
    assert [(code, each.failed) for code, each in found.declines] == [("a", 2), ("b", 1)]
    assert (found.totals.success_rate, found.totals.average) == (0.5, 333)
    assert found.previous == PaymentFigures()
    assert found.previous.success_rate is None
