"""How the tenant's payments and webhook events went."""

from __future__ import annotations

from asyncio import gather

from domain.fee_report import MetricsInterval
from domain.metrics import (
    PaymentMetrics,
    WebhookMetrics,
    before,
    summed,
    summed_events,
    whole_hours,
)
from domain.reports import TimeRange
from resolvers.context import Context

_ANY = "USD"
"""Events are of no currency."""


async def of_payments(
    context: Context, span: TimeRange, interval: MetricsInterval, currency: str
) -> PaymentMetrics:
    """The metrics of the range, and of the one before it. Raises ValidationFailed."""
    asked = whole_hours(span, interval, currency, context.tenant_id)
    rows, previous = await gather(
        context.metrics.payment_figures(context.tenant_id, asked),
        context.metrics.payment_figures(context.tenant_id, before(asked)),
    )
    return summed(asked, rows, previous)


async def of_events(context: Context, span: TimeRange) -> WebhookMetrics:
    """The metrics of the range, of 400 days at most. Raises ValidationFailed."""
    asked = whole_hours(span, MetricsInterval.DAY, _ANY, context.tenant_id)
    by_type, latency = await gather(
        context.metrics.event_figures(context.tenant_id, asked),
        context.metrics.event_latency(context.tenant_id, asked),
    )
    return summed_events(by_type, latency)
