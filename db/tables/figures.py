"""Figures of payments and webhook events by the hour of UTC in which they were made: what is
folded, and the log of changes that is not yet. Triggers write them; nobody else does."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from db.tables.base import metadata, moment, text_id
from db.tables.base import text as words

PAYMENT_FIGURES = (
    *("payments", "paid", "failed", "refunded_payments", "disputed_payments", "gross_cents"),
    *("refunded_cents", "platform_fee_cents", "gateway_fee_cents", "net_cents", "failed_cents"),
)
"""`failed_cents` is what would have been paid by payments that failed. Fees and net are those of
payments that are PAID."""

EVENT_FIGURES = ("received", "processed", "failed", "dead")


def _figures(names: tuple[str, ...]) -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in names]


payment_figures = Table(
    "payment_figures",
    metadata,
    text_id("tenant_id", primary_key=True),
    Column("currency", words("currency").type, primary_key=True),
    Column("hour", moment("hour").type, primary_key=True),
    Column("decline_code", words("decline_code").type, primary_key=True),
    *_figures(PAYMENT_FIGURES),
)
"""`decline_code` is why a payment failed, `none` where the gateway gave no code, and empty for
those that did not fail."""

payment_figure_changes = Table(
    "payment_figure_changes",
    metadata,
    text_id("tenant_id"),
    words("currency"),
    moment("hour"),
    words("decline_code"),
    *_figures(PAYMENT_FIGURES),
    Index("ix_payment_figure_changes_tenant", "tenant_id"),
)

webhook_figures = Table(
    "webhook_figures",
    metadata,
    text_id("tenant_id", primary_key=True),
    Column("hour", moment("hour").type, primary_key=True),
    Column("event_type", words("event_type").type, primary_key=True),
    *_figures(EVENT_FIGURES),
)

webhook_figure_changes = Table(
    "webhook_figure_changes",
    metadata,
    text_id("tenant_id"),
    moment("hour"),
    words("event_type"),
    *_figures(EVENT_FIGURES),
    Index("ix_webhook_figure_changes_tenant", "tenant_id"),
)
