"""What was taken, kept and paid in fees, by span of time, tenant and tier: from the books alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import Issue, ValidationFailed
from domain.reports import TimeRange


class MetricsInterval(StrEnum):
    """How long each span is; all start by UTC, a week on Monday (ISO 8601)."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


LONGEST: Mapping[MetricsInterval, timedelta] = {
    MetricsInterval.HOUR: timedelta(days=31),
    MetricsInterval.DAY: timedelta(days=400),
    MetricsInterval.WEEK: timedelta(days=1_500),
    MetricsInterval.MONTH: timedelta(days=4_000),
}
"""How much of time one report may be about."""

ROWS_MAX = 10_000
"""How many rows a report may have."""


class TooManyRows(Exception):
    """The report would have more than ROWS_MAX rows."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What a report is about: entries booked from `start` up to `end`, itself not included, in one
    currency; of one tenant, or of all. Raises ValidationFailed in `of`."""

    start: datetime
    end: datetime
    interval: MetricsInterval
    currency: str
    tenant_id: str | None

    @classmethod
    def of(
        cls, span: TimeRange, interval: MetricsInterval, currency: str, tenant_id: str | None
    ) -> ReportRequest:
        """The request, its span being whole, forwards and not too long."""
        if span.gte is None or span.lt is None or span.gte >= span.lt:
            raise _refused("RANGE_INVALID", "A report has a start, and an end after it.")
        if span.lt - span.gte > LONGEST[interval]:
            days = LONGEST[interval].days
            raise _refused("RANGE_TOO_LONG", f"A report by {interval} is of {days} days at most.")
        return cls(span.gte, span.lt, interval, currency, tenant_id)


def _refused(rule: str, message: str) -> ValidationFailed:
    return ValidationFailed(Issue(("range",), rule, message))


@dataclass(frozen=True, slots=True)
class FeeAmounts:
    """Minor units of the report's currency. `gross` was captured; `platform_fee` is that on it,
    before `platform_fee_refunded` went back; `net` is what merchants keep."""

    gross: int = 0
    refunded: int = 0
    platform_fee: int = 0
    platform_fee_refunded: int = 0
    gateway_fee: int = 0
    dispute_loss: int = 0

    @property
    def net(self) -> int:
        """What merchants keep."""
        kept_fee = self.platform_fee - self.platform_fee_refunded
        return self.gross - self.refunded - kept_fee - self.gateway_fee - self.dispute_loss

    def __add__(self, other: FeeAmounts) -> FeeAmounts:
        return FeeAmounts(
            self.gross + other.gross,
            self.refunded + other.refunded,
            self.platform_fee + other.platform_fee,
            self.platform_fee_refunded + other.platform_fee_refunded,
            self.gateway_fee + other.gateway_fee,
            self.dispute_loss + other.dispute_loss,
        )


@dataclass(frozen=True, slots=True)
class FeeReportRow:
    """One span of one tenant on one tier; `tier_id` is None where an override set the price.
    `payments` counts those captured in it."""

    start: datetime
    tenant_id: str
    tier_id: str | None
    payments: int
    amounts: FeeAmounts


@dataclass(frozen=True, slots=True)
class FeeReport:
    """The rows, by time, tenant and tier; those in which nothing moved are left out."""

    currency: str
    rows: Sequence[FeeReportRow]

    @property
    def totals(self) -> FeeAmounts:
        """What the rows come to."""
        return sum((row.amounts for row in self.rows), FeeAmounts())
