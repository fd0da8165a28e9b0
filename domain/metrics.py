"""How a tenant's payments and webhook events went, by span of time.

A payment counts in the hour in which it was made, as it stands now: a refund of last month's
payment changes last month. Ranges are widened to whole hours of UTC.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Protocol

from domain.fee_report import MetricsInterval, ReportRequest
from domain.reports import TimeRange

TYPES_MAX = 100
"""How many types of events are listed, those with the most events."""

LATENCIES_MAX = 10_000
"""The percentiles are those of so many events at most, the newest of the range that are over."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PaymentFigures:
    """Counts of payments, and sums in minor units of one currency. `failed_amount` is what would
    have been paid by payments that failed; fees and `net` are those of payments that are PAID."""

    payments: int = 0
    paid: int = 0
    failed: int = 0
    refunded_payments: int = 0
    disputed_payments: int = 0
    gross: int = 0
    refunded: int = 0
    platform_fee: int = 0
    gateway_fee: int = 0
    net: int = 0
    failed_amount: int = 0

    def __add__(self, other: PaymentFigures) -> PaymentFigures:
        sums = (getattr(self, at.name) + getattr(other, at.name) for at in fields(self))
        return PaymentFigures(*sums)

    @property
    def success_rate(self) -> float | None:
        """Paid of those that came to an end; None where none did."""
        return _share(self.paid, self.paid + self.failed)

    @property
    def refund_rate(self) -> float | None:
        """Payments of which something went back, of those paid."""
        return _share(self.refunded_payments, self.paid)

    @property
    def dispute_rate(self) -> float | None:
        """Payments that were disputed, of those paid."""
        return _share(self.disputed_payments, self.paid)

    @property
    def average(self) -> int:
        """What was captured, by the payment that is paid, rounded half up."""
        return (2 * self.gross + self.paid) // (2 * self.paid) if self.paid else 0


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class FiguresOfRange:
    """The figures of a range: of each span in which a payment was made, and of those that failed by
    the gateway's code."""

    by_start: Mapping[datetime, PaymentFigures]
    by_code: Mapping[str, PaymentFigures]

    @property
    def totals(self) -> PaymentFigures:
        """Of the whole range."""
        return sum(self.by_start.values(), PaymentFigures())


@dataclass(frozen=True, slots=True)
class PaymentMetrics:
    """The figures of a range, of the one of the same length before it, and of each span within it,
    those without a payment too."""

    currency: str
    totals: PaymentFigures
    previous: PaymentFigures
    series: Sequence[tuple[datetime, PaymentFigures]]
    declines: Sequence[tuple[str, PaymentFigures]]


@dataclass(frozen=True, slots=True)
class EventFigures:
    """Counts of webhook events: `failed` wait for another try, `dead` were given up."""

    received: int = 0
    processed: int = 0
    failed: int = 0
    dead: int = 0

    def __add__(self, other: EventFigures) -> EventFigures:
        return EventFigures(
            self.received + other.received,
            self.processed + other.processed,
            self.failed + other.failed,
            self.dead + other.dead,
        )

    @property
    def success_rate(self) -> float | None:
        """Processed of those that were tried; None where none was."""
        return _share(self.processed, self.processed + self.failed + self.dead)


@dataclass(frozen=True, slots=True)
class EventLatency:
    """Seconds: percentiles from receipt or replay to the end, and how long the oldest event that is
    not over has been here; each None where there is no such event."""

    median: float | None
    high: float | None
    oldest: float | None


@dataclass(frozen=True, slots=True)
class WebhookMetrics:
    """The figures of a range, and of each type of event in it, the most frequent first."""

    totals: EventFigures
    latency: EventLatency
    by_type: Sequence[tuple[str, EventFigures]]


class MetricReads(Protocol):
    """Reads within one tenant. Every call may raise DatabaseUnavailable."""

    async def payment_figures(self, tenant_id: str, asked: ReportRequest) -> FiguresOfRange: ...

    async def event_figures(
        self, tenant_id: str, asked: ReportRequest
    ) -> Mapping[str, EventFigures]:
        """By type; the currency does not matter."""
        ...

    async def event_latency(self, tenant_id: str, asked: ReportRequest) -> EventLatency:
        """As it is by the database's clock."""
        ...


def whole_hours(
    span: TimeRange, interval: MetricsInterval, currency: str, tenant_id: str
) -> ReportRequest:
    """The range from the hour in which it starts to the end of that in which it ends. Raises
    ValidationFailed for one that has no start or end, or is too long."""
    asked = ReportRequest.of(span, interval, currency, tenant_id)
    end = hour_of(asked.end)
    end = end if end == asked.end else end + _HOUR
    return replace(asked, start=hour_of(asked.start), end=end)


def before(asked: ReportRequest) -> ReportRequest:
    """The range of the same length that ends where this one starts, by the longest spans: its sum
    alone is asked for."""
    start = asked.start - (asked.end - asked.start)
    return replace(asked, start=start, end=asked.start, interval=MetricsInterval.MONTH)


def summed(asked: ReportRequest, found: FiguresOfRange, previous: FiguresOfRange) -> PaymentMetrics:
    """The metrics of the range, from its figures and from those of the range before it."""
    declines = [(code, of) for code, of in found.by_code.items() if of.failed]
    return PaymentMetrics(
        asked.currency,
        found.totals,
        previous.totals,
        [(start, found.by_start.get(start, PaymentFigures())) for start in spans(asked)],
        sorted(declines, key=lambda each: (-each[1].failed, each[0])),
    )


def summed_events(by_type: Mapping[str, EventFigures], latency: EventLatency) -> WebhookMetrics:
    """The metrics of a range, from the figures by type."""
    listed = [(name, of) for name, of in by_type.items() if of.received]
    listed.sort(key=lambda each: (-each[1].received, each[0]))
    totals = sum(by_type.values(), EventFigures())
    return WebhookMetrics(totals, latency, listed[:TYPES_MAX])


def spans(asked: ReportRequest) -> Iterator[datetime]:
    """When each span starts that has a part in the range; by UTC, a week on Monday (ISO 8601)."""
    start = _floor(asked.start, asked.interval)
    while start < asked.end:
        yield start
        start = _next(start, asked.interval)


def hour_of(moment: datetime) -> datetime:
    """When the hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _floor(moment: datetime, interval: MetricsInterval) -> datetime:
    hour = hour_of(moment)
    if interval is MetricsInterval.HOUR:
        return hour
    day = hour.replace(hour=0)
    if interval is MetricsInterval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval is MetricsInterval.MONTH else day


def _next(start: datetime, interval: MetricsInterval) -> datetime:
    if interval is MetricsInterval.HOUR:
        return start + _HOUR
    if interval is MetricsInterval.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if interval is MetricsInterval.WEEK else 1)
