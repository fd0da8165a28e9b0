"""Alerts and metrics through the schema."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.alert import Alert, AlertSeverity
from domain.caller import Role
from domain.fee_report import MetricsInterval
from domain.ids import Prefix, new_id
from domain.metrics import EventFigures, PaymentFigures
from domain.reports import TimeRange
from resolvers.metrics import of_payments
from schema.presentation import root_cause
from tests.unit.schema.metric_shelf import MetricShelf
from tests.unit.schema.shop import a_caller, a_context, execute
from tests.unit.schema.watch_desk import WatchDesk

NOW = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)
ALERTS = "{ alerts { id rule severity message openedAt acknowledgedAt closedAt } }"
ACKNOWLEDGE = """mutation ($id: ID!) { acknowledgeAlert(id: $id) {
    __typename ... on Alert { id acknowledgedBy } ... on NotFoundError { code } } }"""
METRICS = """query ($range: DateTimeRange!) { paymentMetrics(range: $range, currency: "EUR",
    interval: HOUR) { currency totals { paymentCount successRate averageCents netCents }
    previousTotals { paymentCount successRate } series { start totals { paymentCount } }
    declines { declineCode count amountCents } } }"""
EVENTS = """query ($range: DateTimeRange!) { webhookMetrics(range: $range) { receivedCount
    processedCount failedCount deadCount successRate p50LatencyMs p95LatencyMs
    oldestUnprocessedSeconds byType { eventType receivedCount } } }"""


def an_alert(tenant_id: str | None = None) -> Alert:
    """That something is amiss."""
    return Alert(
        id=new_id(Prefix.ALERT),
        rule="webhook.lag",
        severity=AlertSeverity.HIGH,
        subject_id="platform",
        message="An event waits.",
        tenant_id=tenant_id,
        opened_at=NOW,
    )


async def test_the_platform_sees_alerts() -> None:
    """All of them, or those of the tenant that it names."""
    desk = WatchDesk([an_alert(), an_alert("ten_other")])
    everywhere = await execute(
        ALERTS, caller=a_caller(Role.PLATFORM_ADMIN, tenant_id=None), watch=desk
    )
    within = await execute(ALERTS, caller=a_caller(Role.PLATFORM_ADMIN), watch=desk)

    assert everywhere.data is not None
    assert [each["rule"] for each in everywhere.data["alerts"]] == ["webhook.lag"] * 2
    assert within.data == {"alerts": []}
    assert desk.heard[0] == (None, True)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.PLATFORM_ADMIN}))
async def test_nobody_else_does(role: Role) -> None:
    """Alerts speak of the platform's insides."""
    result = await execute(ALERTS, caller=a_caller(role), watch=WatchDesk([an_alert()]))
    assert result.data is None


async def test_an_alert_is_acknowledged() -> None:
    """By who asked; one of another tenant than the one named is not there."""
    alert, foreign = an_alert(), an_alert("ten_other")
    desk = WatchDesk([alert, foreign])
    caller = a_caller(Role.PLATFORM_ADMIN, tenant_id=None)
    done = await execute(ACKNOWLEDGE, caller=caller, watch=desk, variables={"id": alert.id})
    assert done.data == {
        "acknowledgeAlert": {
            "__typename": "Alert",
            "id": alert.id,
            "acknowledgedBy": caller.subject,
        }
    }
    for wrong in (foreign.id, "alr_nothing", new_id(Prefix.ALERT), "\x00"):
        refused = await execute(
            ACKNOWLEDGE,
            caller=a_caller(Role.PLATFORM_ADMIN),
            watch=desk,
            variables={"id": wrong},
        )
        assert refused.data == {
            "acknowledgeAlert": {"__typename": "NotFoundError", "code": "NOT_FOUND"}
        }


async def test_metrics_are_shown() -> None:
    """Whole hours, a point for each, and the range before."""
    shelf = MetricShelf(
        by_start={
            NOW.replace(minute=0): PaymentFigures(payments=3, paid=2, failed=1, gross=301, net=250),
            NOW.replace(hour=8, minute=0): PaymentFigures(payments=1),
        },
        by_code={"expired_card": PaymentFigures(failed=1, failed_amount=99)},
    )
    span = {"gte": "2026-11-27T09:59:59Z", "lt": "2026-11-27T11:00:00Z"}
    result = await execute(
        METRICS, caller=a_caller(Role.FINANCE), metrics=shelf, variables={"range": span}
    )

    assert result.errors is None
    assert result.data is not None
    found = result.data["paymentMetrics"]
    assert found["totals"] == {
        "paymentCount": 3,
        "successRate": pytest.approx(2 / 3),
        "averageCents": 151,
        "netCents": 250,
    }
    assert found["previousTotals"] == {"paymentCount": 1, "successRate": None}
    assert [each["totals"]["paymentCount"] for each in found["series"]] == [0, 3]
    assert found["declines"] == [{"declineCode": "expired_card", "count": 1, "amountCents": 99}]
    assert [asked.end - asked.start for asked in shelf.asked] == [timedelta(hours=2)] * 2


async def test_event_metrics_are_shown() -> None:
    """Milliseconds, and the most frequent type first."""
    shelf = MetricShelf(by_type={"a": EventFigures(1, 1, 0, 0), "b": EventFigures(5, 2, 1, 1)})
    span = {"gte": "2026-11-01T00:00:00Z", "lt": "2026-11-27T11:00:00Z"}
    result = await execute(
        EVENTS, caller=a_caller(Role.DEVELOPER), metrics=shelf, variables={"range": span}
    )

    assert result.data == {
        "webhookMetrics": {
            "receivedCount": 6,
            "processedCount": 3,
            "failedCount": 1,
            "deadCount": 1,
            "successRate": 0.6,
            "p50LatencyMs": 250,
            "p95LatencyMs": 1500,
            "oldestUnprocessedSeconds": None,
            "byType": [
                {"eventType": "b", "receivedCount": 5},
                {"eventType": "a", "receivedCount": 1},
            ],
        }
    }


@pytest.mark.parametrize(
    ("span", "code"),
    [
        ({"gte": "2026-11-02T00:00:00Z"}, "RANGE_INVALID"),
        ({"gte": "2026-11-02T00:00:00Z", "lt": "2026-11-01T00:00:00Z"}, "RANGE_INVALID"),
        ({"gte": "2025-11-02T00:00:00Z", "lt": "2026-11-01T00:00:00Z"}, "RANGE_TOO_LONG"),
    ],
)
async def test_a_wrong_range_is_told(span: dict[str, str], code: str) -> None:
    """Before anything is read."""
    shelf = MetricShelf()
    result = await execute(
        METRICS, caller=a_caller(Role.ADMIN), metrics=shelf, variables={"range": span}
    )
    assert result.errors
    assert getattr(root_cause(result.errors[0]), "detail_code", None) == code
    assert shelf.asked == []


@pytest.mark.parametrize(
    ("interval", "start"),
    [
        (MetricsInterval.DAY, datetime(2026, 11, 25, tzinfo=UTC)),
        (MetricsInterval.WEEK, datetime(2026, 11, 23, tzinfo=UTC)),
        (MetricsInterval.MONTH, datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
async def test_spans_start_where_the_calendar_does(
    interval: MetricsInterval, start: datetime
) -> None:
    """A day at midnight, a week on Monday, a month on its first."""
    span = TimeRange(gte=datetime(2026, 11, 25, 17, 5, tzinfo=UTC), lt=NOW)
    context = a_context(a_caller(Role.ADMIN))
    found = await of_payments(context, span, interval, "USD")
    assert found.series[0][0] == start
