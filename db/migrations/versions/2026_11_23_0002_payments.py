"""Orders, payments and refunds.

Revision: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE orders (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    order_status TEXT NOT NULL,
    currency TEXT NOT NULL,
    total_amount_cents BIGINT NOT NULL,
    captured_amount_cents BIGINT NOT NULL,
    refunded_amount_cents BIGINT NOT NULL,
    remaining_amount_cents BIGINT NOT NULL,
    is_disputed BOOLEAN NOT NULL,
    customer_email TEXT,
    metadata JSONB NOT NULL,
    canceled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_orders_tenants FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT uq_orders_reference UNIQUE (tenant_id, reference),
    CONSTRAINT ck_orders_order_status
        CHECK (order_status IN ('AUTHORIZED', 'CANCELED', 'OPEN', 'PAID', 'PARTIALLY_PAID',
            'PARTIALLY_REFUNDED', 'REFUNDED')),
    CONSTRAINT ck_orders_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_orders_total CHECK (total_amount_cents > 0),
    CONSTRAINT ck_orders_captured CHECK (captured_amount_cents >= 0),
    CONSTRAINT ck_orders_refunded
        CHECK (refunded_amount_cents BETWEEN 0 AND captured_amount_cents),
    CONSTRAINT ck_orders_remaining
        CHECK (remaining_amount_cents BETWEEN 0 AND total_amount_cents),
    CONSTRAINT ck_orders_canceled
        CHECK ((order_status = 'CANCELED') = (canceled_at IS NOT NULL))
)
""",
    """
CREATE INDEX ix_orders_created_at ON orders (tenant_id, created_at)
""",
    """
CREATE INDEX ix_orders_customer_email ON orders (tenant_id, lower(customer_email))
    WHERE customer_email IS NOT NULL
""",
    """
CREATE INDEX ix_orders_status ON orders (tenant_id, order_status, id)
""",
    """
CREATE TABLE payments (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    order_id TEXT COLLATE "C" NOT NULL,
    gateway_id TEXT COLLATE "C" NOT NULL,
    gateway_type TEXT NOT NULL,
    livemode BOOLEAN NOT NULL,
    capture_method TEXT NOT NULL,
    payment_status TEXT NOT NULL,
    refund_status TEXT NOT NULL,
    dispute_status TEXT NOT NULL,
    currency TEXT NOT NULL,
    total_amount_cents BIGINT NOT NULL,
    authorized_amount_cents BIGINT NOT NULL,
    captured_amount_cents BIGINT NOT NULL,
    refunded_amount_cents BIGINT NOT NULL,
    refund_pending_cents BIGINT NOT NULL,
    dispute_lost_cents BIGINT NOT NULL,
    platform_fee_cents BIGINT NOT NULL,
    platform_fee_refunded_cents BIGINT NOT NULL,
    gateway_fee_cents BIGINT NOT NULL,
    gateway_fee_is_final BOOLEAN NOT NULL,
    net_amount_cents BIGINT NOT NULL,
    fee_basis_points INTEGER NOT NULL,
    fee_fixed_cents BIGINT NOT NULL,
    fee_refund_policy TEXT NOT NULL,
    fee_tier_id TEXT COLLATE "C" NOT NULL,
    fee_override_id TEXT COLLATE "C",
    settlement_amount_cents BIGINT,
    settlement_fee_cents BIGINT,
    settlement_currency TEXT,
    settlement_exchange_rate TEXT,
    payment_method_type TEXT NOT NULL,
    gateway_response JSONB NOT NULL,
    gateway_payment_id TEXT COLLATE "C",
    gateway_charge_id TEXT COLLATE "C",
    error_message TEXT,
    failed_at timestamptz,
    next_action BYTEA,
    capture_before timestamptz,
    intent_closed_at timestamptz,
    metadata JSONB NOT NULL,
    version BIGINT NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_payments_orders
        FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id),
    CONSTRAINT fk_payments_tenant_payment_gateways
        FOREIGN KEY (tenant_id, gateway_id) REFERENCES tenant_payment_gateways (tenant_id, id),
    CONSTRAINT ck_payments_gateway_type CHECK (gateway_type IN ('STRIPE')),
    CONSTRAINT ck_payments_capture_method CHECK (capture_method IN ('automatic', 'manual')),
    CONSTRAINT ck_payments_payment_status
        CHECK (payment_status IN ('AUTHORIZED', 'CANCELED', 'EXPIRED', 'FAILED', 'PAID',
            'PENDING', 'PROCESSING', 'REQUIRES_ACTION')),
    CONSTRAINT ck_payments_refund_status
        CHECK (refund_status IN ('FULL', 'NONE', 'PARTIAL', 'PENDING')),
    CONSTRAINT ck_payments_dispute_status
        CHECK (dispute_status IN ('LOST', 'NONE', 'OPEN', 'WON')),
    CONSTRAINT ck_payments_fee_refund_policy
        CHECK (fee_refund_policy IN ('RETAIN', 'RETURN_PROPORTIONALLY')),
    CONSTRAINT ck_payments_payment_method_type
        CHECK (payment_method_type IN ('CARD', 'WALLET')),
    CONSTRAINT ck_payments_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_payments_settlement_currency CHECK (settlement_currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_payments_authorized
        CHECK (authorized_amount_cents BETWEEN 0 AND total_amount_cents),
    CONSTRAINT ck_payments_captured
        CHECK (captured_amount_cents BETWEEN 0 AND authorized_amount_cents),
    CONSTRAINT ck_payments_paid CHECK (captured_amount_cents = 0 OR payment_status = 'PAID'),
    CONSTRAINT ck_payments_automatic
        CHECK (capture_method <> 'automatic' OR authorized_amount_cents =
            captured_amount_cents),
    CONSTRAINT ck_payments_refunded
        CHECK (refunded_amount_cents BETWEEN 0 AND captured_amount_cents
            AND refund_pending_cents >= 0),
    CONSTRAINT ck_payments_dispute_lost CHECK (dispute_lost_cents >= 0),
    CONSTRAINT ck_payments_platform_fee
        CHECK (platform_fee_cents >= 0 AND platform_fee_cents < total_amount_cents),
    CONSTRAINT ck_payments_fee_refunded
        CHECK (platform_fee_refunded_cents BETWEEN 0 AND platform_fee_cents),
    CONSTRAINT ck_payments_gateway_fee CHECK (gateway_fee_cents >= 0),
    CONSTRAINT ck_payments_net CHECK (net_amount_cents = CASE
    WHEN payment_status IN ('CANCELED', 'EXPIRED', 'FAILED') THEN 0
    WHEN payment_status = 'PAID' THEN captured_amount_cents - refunded_amount_cents
        - (platform_fee_cents - platform_fee_refunded_cents)
        - gateway_fee_cents - dispute_lost_cents
    ELSE total_amount_cents - platform_fee_cents - gateway_fee_cents END),
    CONSTRAINT ck_payments_fee_basis_points CHECK (fee_basis_points BETWEEN 0 AND 10000),
    CONSTRAINT ck_payments_fee_fixed CHECK (fee_fixed_cents >= 0),
    CONSTRAINT ck_payments_settlement
        CHECK (num_nulls(settlement_amount_cents, settlement_fee_cents, settlement_currency) IN
            (0, 3)),
    CONSTRAINT ck_payments_failure CHECK ((failed_at IS NULL) = (error_message IS NULL)),
    CONSTRAINT ck_payments_gateway_response
        CHECK (gateway_response - ARRAY['brand', 'last4', 'exp_month', 'exp_year',
            'decline_code', 'gateway_message'] = '{}'),
    CONSTRAINT ck_payments_version CHECK (version > 0)
)
""",
    """
CREATE INDEX ix_payments_created_at ON payments (tenant_id, created_at)
""",
    """
CREATE INDEX ix_payments_gateway_charge ON payments (tenant_id, gateway_charge_id)
    WHERE gateway_charge_id IS NOT NULL
""",
    """
CREATE INDEX ix_payments_id ON payments (id)
""",
    """
CREATE INDEX ix_payments_last4 ON payments (tenant_id, (gateway_response ->> 'last4'), id)
""",
    """
CREATE INDEX ix_payments_order ON payments (tenant_id, order_id, id)
""",
    """
CREATE INDEX ix_payments_status ON payments (tenant_id, payment_status, id)
""",
    """
CREATE UNIQUE INDEX uq_payments_gateway_payment ON payments (gateway_payment_id, gateway_id)
    WHERE gateway_payment_id IS NOT NULL
""",
    """
CREATE UNIQUE INDEX uq_payments_live ON payments (tenant_id, order_id)
    WHERE payment_status IN ('AUTHORIZED', 'PENDING', 'PROCESSING', 'REQUIRES_ACTION') OR
        (payment_status = 'FAILED' AND intent_closed_at IS NULL)
""",
    """
CREATE TABLE refunds (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    payment_id TEXT COLLATE "C" NOT NULL,
    refund_status TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_cents BIGINT NOT NULL,
    platform_fee_refunded_cents BIGINT NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    note TEXT,
    gateway_refund_id TEXT COLLATE "C",
    failure_reason TEXT,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_refunds PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_refunds_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    CONSTRAINT ck_refunds_refund_status
        CHECK (refund_status IN ('CANCELED', 'FAILED', 'PENDING', 'REQUESTED', 'SUCCEEDED')),
    CONSTRAINT ck_refunds_reason
        CHECK (reason IN ('DUPLICATE', 'FRAUDULENT', 'OTHER', 'REQUESTED_BY_CUSTOMER')),
    CONSTRAINT ck_refunds_origin CHECK (origin IN ('api', 'gateway')),
    CONSTRAINT ck_refunds_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_refunds_amount CHECK (amount_cents > 0),
    CONSTRAINT ck_refunds_fee_refunded CHECK (platform_fee_refunded_cents >= 0),
    CONSTRAINT ck_refunds_fee_of_succeeded
        CHECK (platform_fee_refunded_cents = 0 OR refund_status = 'SUCCEEDED')
)
""",
    """
CREATE INDEX ix_refunds_payment ON refunds (tenant_id, payment_id, id)
""",
    """
CREATE UNIQUE INDEX uq_refunds_gateway_refund ON refunds (tenant_id, gateway_refund_id)
    WHERE gateway_refund_id IS NOT NULL
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("refunds", "payments", "orders"):
        op.drop_table(table)
