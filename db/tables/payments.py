"""Orders, their payments, and the refunds of those. The CHECKs hold the money."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from db.tables.base import cents, check, currency, json, metadata, moment, one_of, quoted, text_id
from db.tables.base import text as words
from domain.fees import BASIS_POINTS, FeeRefundPolicy
from domain.order import OrderStatus
from domain.payment import (
    LIVE,
    VOIDED,
    CaptureMethod,
    DisputeState,
    GatewayType,
    PaymentMethodType,
    PaymentStatus,
    RefundState,
)
from domain.refund import RefundOrigin, RefundReason, RefundStatus

LIVE_PAYMENT = (
    f"payment_status IN ({quoted(LIVE)})"
    " OR (payment_status = 'FAILED' AND intent_closed_at IS NULL)"
)
"""`domain.payment.Payment.is_live` in SQL."""

UNDER_WAY = (
    f"gateway_payment_id IS NOT NULL AND (payment_status IN ({quoted(LIVE)})"
    " OR refund_pending_cents > 0 OR dispute_status = 'OPEN')"
)
"""`domain.reconciliation.UnderWay` in SQL."""

OPEN_DISPUTE = "dispute_status = 'OPEN'"
"""A payment with an open dispute. Written out, so that the index of those serves any plan."""

_NET = f"""net_amount_cents = CASE
    WHEN payment_status IN ({quoted(VOIDED)}) THEN 0
    WHEN payment_status = 'PAID' THEN captured_amount_cents - refunded_amount_cents
        - (platform_fee_cents - platform_fee_refunded_cents)
        - gateway_fee_cents - dispute_lost_cents - dispute_fee_cents
    ELSE total_amount_cents - platform_fee_cents - gateway_fee_cents END"""

GATEWAY_RESPONSE = (
    "brand", "last4", "exp_month", "exp_year", "decline_code", "gateway_message",
)  # fmt: skip
"""All that is kept of the gateway's answers: what a receipt shows and why a card was declined."""

_GATEWAY_RESPONSE = ", ".join(f"'{name}'" for name in GATEWAY_RESPONSE)

orders = Table(
    "orders",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("reference"),
    words("order_status"),
    words("currency"),
    cents("total_amount_cents"),
    cents("captured_amount_cents"),
    cents("refunded_amount_cents"),
    cents("remaining_amount_cents"),
    Column("is_disputed", Boolean, nullable=False),
    words("customer_email", nullable=True),
    json("metadata"),
    moment("canceled_at", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    # Searched by. Under row-level security an index serves no expression on a column.
    Column("customer_email_folded", Text, Computed("lower(customer_email)", persisted=True)),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    UniqueConstraint("tenant_id", "reference", name="reference"),
    one_of("order_status", OrderStatus),
    currency("currency"),
    check("total", "total_amount_cents > 0"),
    # Captured may exceed the total: money beyond it is booked and sent back, never refused.
    check("captured", "captured_amount_cents >= 0"),
    check("refunded", "refunded_amount_cents BETWEEN 0 AND captured_amount_cents"),
    check("remaining", "remaining_amount_cents BETWEEN 0 AND total_amount_cents"),
    check("canceled", "(order_status = 'CANCELED') = (canceled_at IS NOT NULL)"),
    Index("ix_orders_status", "tenant_id", "order_status", "id"),
    Index("ix_orders_created_at", "tenant_id", "created_at"),
    Index(
        "ix_orders_customer_email",
        "tenant_id",
        "customer_email_folded",
        postgresql_where=text("customer_email_folded IS NOT NULL"),
    ),
)

payments = Table(
    "payments",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("order_id"),
    text_id("gateway_id"),
    words("gateway_type"),
    Column("livemode", Boolean, nullable=False),
    words("capture_method"),
    words("payment_status"),
    words("refund_status"),
    words("dispute_status"),
    words("currency"),
    cents("total_amount_cents"),
    cents("authorized_amount_cents"),
    cents("captured_amount_cents"),
    cents("refunded_amount_cents"),
    cents("refund_pending_cents"),
    cents("dispute_lost_cents"),
    cents("platform_fee_cents"),
    cents("platform_fee_refunded_cents"),
    cents("gateway_fee_cents"),
    Column("gateway_fee_is_final", Boolean, nullable=False),
    cents("net_amount_cents"),
    Column("fee_basis_points", Integer, nullable=False),
    cents("fee_fixed_cents"),
    words("fee_refund_policy"),
    text_id("fee_tier_id"),
    text_id("fee_override_id", nullable=True),
    cents("settlement_amount_cents", nullable=True),
    cents("settlement_fee_cents", nullable=True),
    words("settlement_currency", nullable=True),
    words("settlement_exchange_rate", nullable=True),
    words("payment_method_type"),
    json("gateway_response"),
    text_id("gateway_payment_id", nullable=True),
    text_id("gateway_charge_id", nullable=True),
    words("error_message", nullable=True),
    moment("failed_at", nullable=True),
    Column("next_action", LargeBinary),
    moment("capture_before", nullable=True),
    moment("intent_closed_at", nullable=True),
    json("metadata"),
    Column("version", BigInteger, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    Column("card_last4", Text, Computed("gateway_response ->> 'last4'", persisted=True)),
    # With defaults, for a version of the service that does not know them yet.
    Column("dispute_fee_cents", BigInteger, nullable=False, server_default=text("0")),
    Column("refunds_blocked", Boolean, nullable=False, server_default=text("false")),
    text_id("gateway_application_fee_id", nullable=True),
    cents("application_fee_cents", nullable=True),
    cents("application_fee_settled_cents", nullable=True),
    Column("application_fee_refunded_cents", BigInteger, nullable=False, server_default=text("0")),
    ForeignKeyConstraint(["tenant_id", "order_id"], ["orders.tenant_id", "orders.id"]),
    ForeignKeyConstraint(
        ["tenant_id", "gateway_id"],
        ["tenant_payment_gateways.tenant_id", "tenant_payment_gateways.id"],
    ),
    one_of("gateway_type", GatewayType),
    one_of("capture_method", CaptureMethod),
    one_of("payment_status", PaymentStatus),
    one_of("refund_status", RefundState),
    one_of("dispute_status", DisputeState),
    one_of("fee_refund_policy", FeeRefundPolicy),
    one_of("payment_method_type", PaymentMethodType),
    currency("currency"),
    currency("settlement_currency"),
    check("authorized", "authorized_amount_cents BETWEEN 0 AND total_amount_cents"),
    check("captured", "captured_amount_cents BETWEEN 0 AND authorized_amount_cents"),
    check("paid", "captured_amount_cents = 0 OR payment_status = 'PAID'"),
    check(
        "automatic",
        "capture_method <> 'automatic' OR authorized_amount_cents = captured_amount_cents",
    ),
    # Pending has no upper bound: a refund made at the dashboard may run beside ours until the
    # gateway refuses one of them.
    check(
        "refunded",
        "refunded_amount_cents BETWEEN 0 AND captured_amount_cents AND refund_pending_cents >= 0",
    ),
    check("dispute_lost", "dispute_lost_cents >= 0"),
    check("dispute_fee", "dispute_fee_cents >= 0"),
    # With this a total is above 0.
    check("platform_fee", "platform_fee_cents >= 0 AND platform_fee_cents < total_amount_cents"),
    check("fee_refunded", "platform_fee_refunded_cents BETWEEN 0 AND platform_fee_cents"),
    check("gateway_fee", "gateway_fee_cents >= 0"),
    check("net", _NET),
    check("fee_basis_points", f"fee_basis_points BETWEEN 0 AND {BASIS_POINTS}"),
    check("fee_fixed", "fee_fixed_cents >= 0"),
    check(
        "settlement",
        "num_nulls(settlement_amount_cents, settlement_fee_cents, settlement_currency) IN (0, 3)",
    ),
    check(
        "application_fee",
        "num_nulls(gateway_application_fee_id, application_fee_cents,"
        " application_fee_settled_cents) IN (0, 3) AND application_fee_cents >= 0"
        " AND application_fee_settled_cents >= 0",
    ),
    check(
        "application_fee_refunded",
        "application_fee_refunded_cents BETWEEN 0 AND coalesce(application_fee_cents, 0)",
    ),
    check("failure", "(failed_at IS NULL) = (error_message IS NULL)"),
    check("gateway_response", f"gateway_response - ARRAY[{_GATEWAY_RESPONSE}] = '{{}}'"),
    check("version", "version > 0"),
    Index(
        "uq_payments_live",
        "tenant_id",
        "order_id",
        unique=True,
        postgresql_where=text(LIVE_PAYMENT),
    ),
    # Leads with the gateway's id: an event of the platform's account names no tenant.
    Index(
        "uq_payments_gateway_payment",
        "gateway_payment_id",
        "gateway_id",
        unique=True,
        postgresql_where=text("gateway_payment_id IS NOT NULL"),
    ),
    Index("ix_payments_id", "id"),
    Index("ix_payments_order", "tenant_id", "order_id", "id"),
    Index("ix_payments_status", "tenant_id", "payment_status", "id"),
    Index("ix_payments_created_at", "tenant_id", "created_at"),
    Index("ix_payments_last4", "tenant_id", "card_last4", "id"),
    Index("ix_payments_disputed", "tenant_id", "id", postgresql_where=text(OPEN_DISPUTE)),
    Index(
        "ix_payments_gateway_charge",
        "gateway_charge_id",
        "tenant_id",
        postgresql_where=text("gateway_charge_id IS NOT NULL"),
    ),
    Index(
        "ix_payments_unfinished",
        "created_at",
        postgresql_where=text("payment_status = 'REQUIRES_ACTION'"),
    ),
    Index("ix_payments_under_way", "id", postgresql_where=text(UNDER_WAY)),
    Index(
        "ix_payments_capture_before",
        "capture_before",
        postgresql_where=text("payment_status = 'AUTHORIZED' AND capture_before IS NOT NULL"),
    ),
)

refunds = Table(
    "refunds",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("payment_id"),
    words("refund_status"),
    words("currency"),
    cents("amount_cents"),
    cents("platform_fee_refunded_cents"),
    words("reason"),
    words("origin"),
    words("note", nullable=True),
    text_id("gateway_refund_id", nullable=True),
    words("failure_reason", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    cents("settlement_cents", nullable=True),
    cents("settlement_returned_cents", nullable=True),
    words("settlement_currency", nullable=True),
    ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
    one_of("refund_status", RefundStatus),
    one_of("reason", RefundReason),
    one_of("origin", RefundOrigin),
    currency("currency"),
    check("amount", "amount_cents > 0"),
    currency("settlement_currency"),
    check(
        "settlement",
        "(settlement_cents IS NULL) = (settlement_currency IS NULL)"
        " AND (settlement_returned_cents IS NULL OR settlement_cents IS NOT NULL)",
    ),
    check("fee_refunded", "platform_fee_refunded_cents >= 0"),
    check(
        "fee_of_succeeded",
        "platform_fee_refunded_cents = 0 OR refund_status = 'SUCCEEDED'",
    ),
    Index("ix_refunds_payment", "tenant_id", "payment_id", "id"),
    Index("ix_refunds_id", "id"),
    Index(
        "uq_refunds_gateway_refund",
        "tenant_id",
        "gateway_refund_id",
        unique=True,
        postgresql_where=text("gateway_refund_id IS NOT NULL"),
    ),
)
