"""How payments and webhook events went, as a client sees it."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import metrics
from schema.scalars import Currency, SignedCents


@strawberry.type(
    description="Figures of payments, as they stand now. Amounts are minor units; rates are shares "
    "of 1, null where there is nothing to take a share of."
)
class MetricTotals:
    payment_count: int = strawberry.field(description="Payments that were made.")
    paid_count: int = strawberry.field(description="Those of them that are PAID.")
    failed_count: int = strawberry.field(description="Those that FAILED.")
    success_rate: float | None = strawberry.field(description="Paid of paid and failed.")
    refund_rate: float | None = strawberry.field(
        description="Payments of which something went back, of those paid."
    )
    dispute_rate: float | None = strawberry.field(
        description="Payments that were disputed, of those paid."
    )
    average_cents: SignedCents = strawberry.field(
        description="What was captured by the payment that is paid, rounded half up."
    )
    gross_cents: SignedCents = strawberry.field(description="What was captured.")
    refunded_cents: SignedCents = strawberry.field(description="What went back to payers.")
    platform_fee_cents: SignedCents = strawberry.field(
        description="The platform's fee, less what of it went back."
    )
    gateway_fee_cents: SignedCents = strawberry.field(
        description="What the gateway keeps; where its figure is not known yet, the estimate."
    )
    net_cents: SignedCents = strawberry.field(description="What the merchant keeps.")

    @classmethod
    def of(cls, figures: metrics.PaymentFigures) -> MetricTotals:
        """The figures as a client sees them."""
        return cls(
            payment_count=figures.payments,
            paid_count=figures.paid,
            failed_count=figures.failed,
            success_rate=figures.success_rate,
            refund_rate=figures.refund_rate,
            dispute_rate=figures.dispute_rate,
            average_cents=SignedCents(figures.average),
            gross_cents=SignedCents(figures.gross),
            refunded_cents=SignedCents(figures.refunded),
            platform_fee_cents=SignedCents(figures.platform_fee),
            gateway_fee_cents=SignedCents(figures.gateway_fee),
            net_cents=SignedCents(figures.net),
        )


@strawberry.type(description="The figures of one span of time.")
class MetricPoint:
    start: datetime = strawberry.field(description="When the span starts, in UTC.")
    totals: MetricTotals = strawberry.field(description="Of payments made in it.")


@strawberry.type(description="Payments that failed for one reason.")
class DeclineBucket:
    decline_code: str = strawberry.field(
        description="The gateway's code, `none` where it gave none."
    )
    count: int = strawberry.field(description="How many.")
    amount_cents: SignedCents = strawberry.field(description="What would have been paid by them.")


@strawberry.type(
    description="How payments went that were made in a range of whole hours, in one currency."
)
class PaymentMetrics:
    currency: Currency = strawberry.field(description="The currency of all amounts.")
    totals: MetricTotals = strawberry.field(description="Of the range.")
    previous_totals: MetricTotals = strawberry.field(
        description="Of the range of the same length before it."
    )
    series: list[MetricPoint] = strawberry.field(
        description="By span, oldest first, those without a payment too."
    )
    declines: list[DeclineBucket] = strawberry.field(
        description="Why payments failed, the most frequent reason first."
    )

    @classmethod
    def of(cls, found: metrics.PaymentMetrics) -> PaymentMetrics:
        """The metrics as a client sees them."""
        return cls(
            currency=Currency(found.currency),
            totals=MetricTotals.of(found.totals),
            previous_totals=MetricTotals.of(found.previous),
            series=[
                MetricPoint(start=start, totals=MetricTotals.of(figures))
                for start, figures in found.series
            ],
            declines=[
                DeclineBucket(
                    decline_code=code,
                    count=figures.failed,
                    amount_cents=SignedCents(figures.failed_amount),
                )
                for code, figures in found.declines
            ],
        )


@strawberry.type(description="Figures of the webhook events of one type.")
class WebhookTypeMetrics:
    event_type: str = strawberry.field(description="The gateway's name of what happened.")
    received_count: int = strawberry.field(description="How many came.")
    processed_count: int = strawberry.field(description="How many are over.")
    failed_count: int = strawberry.field(description="How many wait for another try.")


@strawberry.type(
    description="How webhook events went that came in a range of whole hours and were found to be "
    "the tenant's."
)
class WebhookMetrics:
    received_count: int = strawberry.field(description="How many came.")
    processed_count: int = strawberry.field(description="How many are PROCESSED or IGNORED.")
    failed_count: int = strawberry.field(description="How many wait for another try: RETRY.")
    dead_count: int = strawberry.field(description="How many were given up: DEAD.")
    success_rate: float | None = strawberry.field(
        description="Processed of processed, failed and dead; null where there are none."
    )
    p50_latency_ms: int | None = strawberry.field(
        name="p50LatencyMs",
        description="Half of them took no longer from receipt or replay to their end, in "
        f"milliseconds; of the newest {metrics.LATENCIES_MAX} that are over.",
    )
    p95_latency_ms: int | None = strawberry.field(
        name="p95LatencyMs", description="The same for 95 of 100."
    )
    oldest_unprocessed_seconds: int | None = strawberry.field(
        description="How long ago the oldest event came that is not over; null without one."
    )
    by_type: list[WebhookTypeMetrics] = strawberry.field(
        description=f"By type, the most frequent first; at most {metrics.TYPES_MAX}."
    )

    @classmethod
    def of(cls, found: metrics.WebhookMetrics) -> WebhookMetrics:
        """The metrics as a client sees them."""
        totals, latency = found.totals, found.latency
        return cls(
            received_count=totals.received,
            processed_count=totals.processed,
            failed_count=totals.failed,
            dead_count=totals.dead,
            success_rate=totals.success_rate,
            p50_latency_ms=_milliseconds(latency.median),
            p95_latency_ms=_milliseconds(latency.high),
            oldest_unprocessed_seconds=None if latency.oldest is None else int(latency.oldest),
            by_type=[
                WebhookTypeMetrics(
                    event_type=name,
                    received_count=figures.received,
                    processed_count=figures.processed,
                    failed_count=figures.failed,
                )
                for name, figures in found.by_type
            ],
        )


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
