"""What readers see of the books: a payment's entries, and the report on fees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from db.ledger_reads import SqlLedgerReads
from db.roles import DatabaseRole
from db.seeding import add_tenant
from domain import fee_report
from domain.errors import ValidationFailed
from domain.fee_report import (
    ROWS_MAX,
    FeeAmounts,
    FeeReport,
    FeeReportRow,
    MetricsInterval,
    ReportRequest,
    TooManyRows,
)
from domain.reports import TimeRange
from tests.integration.db.as_role import engine_as
from tests.integration.webhooks.disputed import FEE, a_settled
from tests.integration.webhooks.shop import Shop

DAY = MetricsInterval.DAY
SOON = timedelta(days=2)


def about(tenant_id: str | None, interval: MetricsInterval = DAY) -> ReportRequest:
    """A report from yesterday to tomorrow, in dollars."""
    now = datetime.now(UTC)
    return ReportRequest.of(TimeRange(gte=now - SOON, lt=now + SOON), interval, "USD", tenant_id)


async def reported(
    shop: Shop, database_url: str, asked: ReportRequest, *, rows_max: int = ROWS_MAX
) -> FeeReport:
    """The report as the API reads it, of so many rows at most."""
    async with engine_as(database_url, DatabaseRole.PLATFORM) as platform:
        reads = SqlLedgerReads(shop.api, platform, rows_max=rows_max)
        return FeeReport("USD", await reads.fee_rows(asked))


async def test_a_day_of_everything(shop: Shop, database_url: str) -> None:
    """Captures, a refund, a lost dispute and its fee: each amount by the books, net as the payments
    have it less what is only estimated, and nothing of it in another tenant's report."""
    disputed = await a_settled(shop)
    await disputed.refund(2_500)
    gateway_id = await disputed.open(amount=4_000)
    await disputed.hear()
    payment = await disputed.go(gateway_id, "lost")
    other = await shop.charge()
    report = await reported(shop, database_url, about(shop.tenant.id))
    (row,) = report.rows

    assert report.totals == row.amounts == FeeAmounts(20_000, 2_500, 600, 75, 320, 4_000 + FEE)
    assert report.totals.net == payment.net + other.net + other.gateway_fee
    assert (row.payments, row.tenant_id) == (2, shop.tenant.id)
    assert row.tier_id == payment.fee_terms.tier_id
    assert (row.start.hour, row.start.minute) == (0, 0)
    stranger, _ = await add_tenant(
        shop.engine, name="Globex", slug="globex", tier_level=1, default_currency="USD"
    )
    assert (await reported(shop, database_url, about(stranger.id))).rows == []
    assert (await reported(shop, database_url, about(None))).rows == report.rows


async def test_spans_and_prices(shop: Shop, database_url: str) -> None:
    """Each hour and each price has its row, an override's without a tier; the rows come to the
    totals, and the end of a range is not part of it."""
    await shop.charge()
    await shop.write(
        "insert into platform_fee_overrides values"
        " (:tenant, 'fov_1', 100, '{}', 'deal', 'ann', now() - interval '1 minute', null)",
        tenant=shop.tenant.id,
    )
    await shop.charge()
    shop.clock.advance(3_600)
    last = await shop.charge()
    hours = about(shop.tenant.id, MetricsInterval.HOUR)
    report = await reported(shop, database_url, hours)
    fees = [(row.tier_id is None, row.amounts.platform_fee) for row in report.rows]

    assert sorted(fees) == [(False, 300), (True, 100), (True, 100)]
    assert len({row.start for row in report.rows}) == 2
    assert report.totals.platform_fee == 500
    (booked,) = await shop.rows(
        "select created_at from ledger_transactions where payment_id = :id", id=last.id
    )
    until = ReportRequest(hours.start, booked[0], DAY, "USD", shop.tenant.id)
    assert (await reported(shop, database_url, until)).totals.gross == 20_000
    euros = ReportRequest(hours.start, hours.end, DAY, "EUR", shop.tenant.id)
    assert (await reported(shop, database_url, euros)).rows == []


async def test_a_report_has_an_end(shop: Shop, database_url: str) -> None:
    """More rows than it may have are refused, and not cut off in silence."""
    await shop.charge()
    about_today = about(shop.tenant.id)
    assert len((await reported(shop, database_url, about_today, rows_max=1)).rows) == 1
    with pytest.raises(TooManyRows):
        await reported(shop, database_url, about_today, rows_max=0)


@pytest.mark.parametrize(
    ("days", "interval", "rule"),
    [
        (0, DAY, "RANGE_INVALID"),
        (-1, DAY, "RANGE_INVALID"),
        (None, DAY, "RANGE_INVALID"),
        (401, DAY, "RANGE_TOO_LONG"),
        (32, MetricsInterval.HOUR, "RANGE_TOO_LONG"),
        (1_501, MetricsInterval.WEEK, "RANGE_TOO_LONG"),
        (4_001, MetricsInterval.MONTH, "RANGE_TOO_LONG"),
    ],
)
def test_ranges_that_are_refused(days: int | None, interval: MetricsInterval, rule: str) -> None:
    """One without an end, backwards, empty, or longer than its interval allows."""
    now = datetime.now(UTC)
    end = None if days is None else now + timedelta(days=days)
    with pytest.raises(ValidationFailed) as refused:
        ReportRequest.of(TimeRange(gte=now, lt=end), interval, "USD", None)
    assert refused.value.detail_code == rule


def test_the_longest_are_allowed() -> None:
    """Just as long as each interval allows."""
    now = datetime.now(UTC)
    for interval, longest in fee_report.LONGEST.items():
        asked = ReportRequest.of(TimeRange(gte=now, lt=now + longest), interval, "USD", None)
        assert asked.end - asked.start == longest


def test_totals_are_the_rows() -> None:
    """Amount by amount."""
    now = datetime.now(UTC)
    row = FeeReportRow(now, "ten_1", None, 1, FeeAmounts(100, 10, 5, 1, 3, 2))
    report = FeeReport("USD", [row, row])

    assert report.totals == FeeAmounts(200, 20, 10, 2, 6, 4)
    assert report.totals.net == 200 - 20 - 8 - 6 - 4
    assert FeeReport("USD", []).totals == FeeAmounts()
