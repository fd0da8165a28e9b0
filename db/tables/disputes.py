"""Disputes of payments, with the money that they moved in the account's own currency."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Table

from db.tables.base import cents, check, currency, metadata, moment, one_of, quoted, text_id
from db.tables.base import text as words
from domain.dispute import OPEN, DisputeStatus

disputes = Table(
    "disputes",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("payment_id"),
    text_id("gateway_dispute_id"),
    words("dispute_status"),
    words("reason"),
    words("currency"),
    cents("amount_cents"),
    Column("is_charge_refundable", Boolean, nullable=False),
    moment("evidence_due_at", nullable=True),
    words("funds_currency", nullable=True),
    cents("withdrawn_cents", nullable=True),
    cents("reinstated_cents", nullable=True),
    cents("fee_cents", nullable=True),
    moment("closed_at", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
    one_of("dispute_status", DisputeStatus),
    currency("currency"),
    currency("funds_currency"),
    check("amount", "amount_cents >= 0"),
    check(
        "funds",
        "num_nulls(funds_currency, withdrawn_cents, reinstated_cents, fee_cents) IN (0, 4)",
    ),
    check("moved", "withdrawn_cents >= 0 AND reinstated_cents >= 0 AND fee_cents >= 0"),
    check("closed", f"(dispute_status IN ({quoted(OPEN)})) = (closed_at IS NULL)"),
    Index("ix_disputes_payment", "tenant_id", "payment_id", "id"),
    Index("ix_disputes_status", "tenant_id", "dispute_status", "id"),
    Index("ix_disputes_evidence_due_at", "tenant_id", "evidence_due_at", "id"),
    Index(
        "uq_disputes_gateway_dispute",
        "tenant_id",
        "gateway_dispute_id",
        unique=True,
    ),
)
