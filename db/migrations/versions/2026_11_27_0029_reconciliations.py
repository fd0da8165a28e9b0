"""How far each account at the gateway was held against ours, and what differs still.

Revision: 0029
Revises: 0028
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_UP = (
    """
CREATE TABLE reconciliations (
    gateway_id TEXT COLLATE "C" NOT NULL,
    reconciled_until timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    repaired BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    reconciled_at timestamptz,
    looked_until TEXT COLLATE "C",
    error_message TEXT,
    CONSTRAINT pk_reconciliations PRIMARY KEY (gateway_id),
    CONSTRAINT fk_reconciliations_tenant_payment_gateways
        FOREIGN KEY (gateway_id) REFERENCES tenant_payment_gateways (id),
    CONSTRAINT ck_reconciliations_repaired CHECK (repaired >= 0),
    CONSTRAINT ck_reconciliations_failures CHECK (failures >= 0)
)
""",
    """
CREATE TABLE reconciliation_differences (
    gateway_id TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    gateway_payment_id TEXT COLLATE "C",
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    found_at timestamptz NOT NULL,
    CONSTRAINT pk_reconciliation_differences PRIMARY KEY (gateway_id, subject_id, label),
    CONSTRAINT fk_reconciliation_differences_tenant_payment_gateways
        FOREIGN KEY (gateway_id) REFERENCES tenant_payment_gateways (id),
    CONSTRAINT ck_reconciliation_differences_label CHECK (label IN (
        'balance', 'captured_amount', 'contradiction', 'dispute', 'fee_amount', 'late_money',
        'missed_authorization', 'missed_capture', 'missed_dispute', 'missed_end',
        'missed_fee_refund', 'missed_refund', 'missing_at_gateway', 'missing_fee', 'refund',
        'second_intent', 'status', 'unknown_payment', 'unreadable'
    ))
)
""",
    """
CREATE INDEX ix_payments_under_way ON payments (id)
    WHERE gateway_payment_id IS NOT NULL
        AND (payment_status IN ('AUTHORIZED', 'PENDING', 'PROCESSING', 'REQUIRES_ACTION')
            OR refund_pending_cents > 0 OR dispute_status = 'OPEN')
""",
    # Those of the gateway row, or, of the platform's own, of every row that is paid through it.
    """
CREATE FUNCTION payments_under_way(of_gateway_id text, after text, at_most int)
RETURNS TABLE (tenant_id text, payment_id text, gateway_payment_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id, p.id, p.gateway_payment_id FROM public.payments p
    JOIN public.tenant_payment_gateways g ON g.id = p.gateway_id
    JOIN public.tenant_payment_gateways a ON a.id = of_gateway_id
    WHERE p.id > after AND p.gateway_payment_id IS NOT NULL
        AND (p.payment_status IN ('AUTHORIZED', 'PENDING', 'PROCESSING', 'REQUIRES_ACTION')
            OR p.refund_pending_cents > 0 OR p.dispute_status = 'OPEN')
        AND (g.id = a.id OR a.tenant_id IS NULL AND g.mode = 'PLATFORM'
            AND g.gateway_type = a.gateway_type AND g.livemode = a.livemode)
    ORDER BY p.id LIMIT at_most;
END
""",
    "REVOKE ALL ON FUNCTION payments_under_way FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION payments_under_way TO tollgate_worker",
    # They are about gateway rows of every tenant, and the API has no business in them.
    "GRANT SELECT, INSERT, UPDATE ON reconciliations TO tollgate_worker",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON reconciliation_differences TO tollgate_worker",
    "GRANT SELECT ON reconciliations, reconciliation_differences TO tollgate_platform",
)
_DOWN = (
    "DROP FUNCTION payments_under_way",
    "DROP INDEX ix_payments_under_way",
    "DROP TABLE reconciliation_differences",
    "DROP TABLE reconciliations",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _DOWN:
        op.execute(statement)
