"""Disputes, what they cost a payment, and whether they block its refunds.

Revision: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TENANT = "nullif(current_setting('tollgate.tenant_id', true), '')"

_NET = """
ALTER TABLE payments DROP CONSTRAINT ck_payments_net, ADD CONSTRAINT ck_payments_net
    CHECK (net_amount_cents = CASE
    WHEN payment_status IN ('CANCELED', 'EXPIRED', 'FAILED') THEN 0
    WHEN payment_status = 'PAID' THEN captured_amount_cents - refunded_amount_cents
        - (platform_fee_cents - platform_fee_refunded_cents)
        - gateway_fee_cents - dispute_lost_cents{fee}
    ELSE total_amount_cents - platform_fee_cents - gateway_fee_cents END)
"""

_STATEMENTS = (
    """
CREATE TABLE disputes (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    payment_id TEXT COLLATE "C" NOT NULL,
    gateway_dispute_id TEXT COLLATE "C" NOT NULL,
    dispute_status TEXT NOT NULL,
    reason TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_cents BIGINT NOT NULL,
    is_charge_refundable BOOLEAN NOT NULL,
    evidence_due_at timestamptz,
    funds_currency TEXT,
    withdrawn_cents BIGINT,
    reinstated_cents BIGINT,
    fee_cents BIGINT,
    closed_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_disputes PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_disputes_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    CONSTRAINT ck_disputes_dispute_status
        CHECK (dispute_status IN ('CLOSED', 'INQUIRY', 'LOST', 'NEEDS_RESPONSE',
            'UNDER_REVIEW', 'WON')),
    CONSTRAINT ck_disputes_currency CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_disputes_funds_currency CHECK (funds_currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ck_disputes_amount CHECK (amount_cents >= 0),
    CONSTRAINT ck_disputes_funds
        CHECK (num_nulls(funds_currency, withdrawn_cents, reinstated_cents, fee_cents) IN (0, 4)),
    CONSTRAINT ck_disputes_moved
        CHECK (withdrawn_cents >= 0 AND reinstated_cents >= 0 AND fee_cents >= 0),
    CONSTRAINT ck_disputes_closed
        CHECK ((dispute_status IN ('INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW'))
            = (closed_at IS NULL))
)
""",
    "CREATE INDEX ix_disputes_payment ON disputes (tenant_id, payment_id, id)",
    "CREATE INDEX ix_disputes_status ON disputes (tenant_id, dispute_status, id)",
    "CREATE INDEX ix_disputes_evidence_due_at ON disputes (tenant_id, evidence_due_at, id)",
    """
CREATE UNIQUE INDEX uq_disputes_gateway_dispute ON disputes (tenant_id, gateway_dispute_id)
""",
    "ALTER TABLE disputes ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE disputes FORCE ROW LEVEL SECURITY",
    "CREATE POLICY owner ON disputes TO CURRENT_USER USING (true)",
    "CREATE POLICY platform ON disputes TO tollgate_platform USING (true)",
    f"""
CREATE POLICY own_tenant ON disputes TO tollgate_api, tollgate_worker
    USING (tenant_id = {_TENANT})
""",
    # Disputes are heard of by the worker alone.
    "GRANT SELECT ON disputes TO tollgate_api, tollgate_platform",
    "GRANT SELECT, INSERT, UPDATE ON disputes TO tollgate_worker",
    # With defaults: a version of the service that does not know the columns goes on writing.
    """
ALTER TABLE payments ADD COLUMN dispute_fee_cents BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN refunds_blocked BOOLEAN NOT NULL DEFAULT false,
    ADD CONSTRAINT ck_payments_dispute_fee CHECK (dispute_fee_cents >= 0)
""",
    _NET.format(fee=" - dispute_fee_cents"),
    """
CREATE INDEX ix_payments_disputed ON payments (tenant_id, id) WHERE dispute_status = 'OPEN'
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX ix_payments_disputed")
    # What the fees took is no part of net any more.
    op.execute(_NET.format(fee="") + " NOT VALID")
    op.execute("""
UPDATE payments SET net_amount_cents = net_amount_cents + dispute_fee_cents
    WHERE dispute_fee_cents > 0 AND payment_status = 'PAID'
""")
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT ck_payments_net")
    op.execute("ALTER TABLE payments DROP COLUMN refunds_blocked, DROP COLUMN dispute_fee_cents")
    op.drop_table("disputes")
