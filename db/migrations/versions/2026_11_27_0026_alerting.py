"""Alerts that escalate, are acknowledged, told and closed; and the figures that they are opened by.

Revision: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# With defaults, so that a version of the service that does not know the columns goes on writing.
# What is open already counts as told: nobody is woken for alerts of last month.
_ALERTS = (
    """
ALTER TABLE alerts ADD COLUMN acknowledged_at timestamptz,
    ADD COLUMN acknowledged_by TEXT,
    ADD COLUMN seen_at timestamptz,
    ADD COLUMN escalations INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN escalated_at timestamptz,
    ADD COLUMN is_told BOOLEAN NOT NULL DEFAULT true,
    ADD CONSTRAINT ck_alerts_acknowledged
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    ADD CONSTRAINT ck_alerts_escalated
        CHECK (escalations >= 0 AND (escalations = 0) = (escalated_at IS NULL))
""",
    "ALTER TABLE alerts ALTER COLUMN is_told SET DEFAULT false",
    "CREATE INDEX ix_alerts_untold ON alerts (id) WHERE NOT is_told",
)

_NOTICES = (
    """
CREATE TABLE alert_notices (
    alert_id TEXT COLLATE "C" NOT NULL,
    stage TEXT NOT NULL,
    escalation INTEGER NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    due_at timestamptz,
    delivered_at timestamptz,
    error_message TEXT,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_alert_notices PRIMARY KEY (alert_id, stage, escalation, channel),
    CONSTRAINT fk_alert_notices_alerts FOREIGN KEY (alert_id) REFERENCES alerts (id),
    CONSTRAINT ck_alert_notices_stage CHECK (stage IN ('CLOSED', 'ESCALATED', 'OPENED')),
    CONSTRAINT ck_alert_notices_attempts CHECK (attempts >= 0 AND escalation >= 0),
    CONSTRAINT ck_alert_notices_delivered CHECK (delivered_at IS NULL OR due_at IS NULL)
)
""",
    "CREATE INDEX ix_alert_notices_due ON alert_notices (due_at) WHERE due_at IS NOT NULL",
    """
CREATE INDEX ix_alert_notices_given_up ON alert_notices (created_at)
    WHERE due_at IS NULL AND delivered_at IS NULL
""",
    "GRANT SELECT, INSERT, UPDATE ON alert_notices TO tollgate_worker",
    "GRANT SELECT ON alert_notices TO tollgate_platform",
)

_SIGNS = (
    """
CREATE TABLE processes (
    id TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at timestamptz NOT NULL,
    beat_at timestamptz NOT NULL,
    pool_size INTEGER NOT NULL,
    pool_in_use INTEGER NOT NULL,
    pool_full_since timestamptz,
    CONSTRAINT pk_processes PRIMARY KEY (id),
    CONSTRAINT ck_processes_kind CHECK (kind IN ('api', 'worker')),
    CONSTRAINT ck_processes_pool CHECK (pool_size > 0 AND pool_in_use >= 0)
)
""",
    "CREATE INDEX ix_processes_beat_at ON processes (kind, beat_at)",
    """
CREATE TABLE request_minutes (
    minute timestamptz NOT NULL,
    process_id TEXT COLLATE "C" NOT NULL,
    requests INTEGER NOT NULL,
    slow INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    CONSTRAINT pk_request_minutes PRIMARY KEY (minute, process_id),
    CONSTRAINT ck_request_minutes_requests CHECK (requests >= 0 AND slow BETWEEN 0 AND requests),
    CONSTRAINT ck_request_minutes_failed CHECK (failed BETWEEN 0 AND requests)
)
""",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON processes TO tollgate_api, tollgate_worker",
    "GRANT SELECT, INSERT, UPDATE ON request_minutes TO tollgate_api",
    "GRANT SELECT, DELETE ON request_minutes TO tollgate_worker",
    "GRANT SELECT ON processes, request_minutes TO tollgate_platform",
    # How far the migrations are, for whoever asks an instance whether it is ready.
    "GRANT SELECT ON alembic_version TO tollgate_api, tollgate_worker, tollgate_platform",
)

# The worker looks over all tenants for what is amiss, and may see no money row without a tenant.
# These tell it sums and dates alone, by the owner's rights.
_FUNCTIONS = (
    """
CREATE FUNCTION payment_outcomes(since text)
RETURNS TABLE (tenant_id text, succeeded bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id, count(*) FILTER (WHERE p.payment_status IN ('AUTHORIZED', 'PAID')),
        count(*) FILTER (WHERE p.payment_status = 'FAILED')
    FROM payments p WHERE p.id >= since
    GROUP BY p.tenant_id;
END
""",
    """
CREATE FUNCTION refund_outcomes(since_payment text, since_refund text)
RETURNS TABLE (tenant_id text, captured bigint, refunds bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.tenant_id, sum(c.captured)::bigint, sum(c.refunds)::bigint FROM (
        SELECT p.tenant_id, 1 AS captured, 0 AS refunds FROM payments p
        WHERE p.id >= since_payment AND p.payment_status = 'PAID'
        UNION ALL
        SELECT r.tenant_id, 0, 1 FROM refunds r
        WHERE r.id >= since_refund AND r.refund_status NOT IN ('FAILED', 'CANCELED')
    ) c GROUP BY c.tenant_id;
END
""",
    """
CREATE FUNCTION authorizations_ending(until timestamptz)
RETURNS TABLE (tenant_id text, authorizations bigint, first_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id, count(*), min(p.capture_before) FROM payments p
    WHERE p.payment_status = 'AUTHORIZED' AND p.capture_before < until
    GROUP BY p.tenant_id;
END
""",
    """
CREATE FUNCTION evidence_due(since timestamptz, until timestamptz)
RETURNS TABLE (tenant_id text, dispute_id text, due_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.tenant_id, d.id, d.evidence_due_at FROM disputes d
    WHERE d.dispute_status IN ('INQUIRY', 'NEEDS_RESPONSE')
        AND d.evidence_due_at BETWEEN since AND until
    ORDER BY d.evidence_due_at LIMIT 100;
END
""",
    *(
        statement.format(function)
        for function in (
            "payment_outcomes",
            "refund_outcomes",
            "authorizations_ending",
            "evidence_due",
        )
        for statement in (
            "REVOKE ALL ON FUNCTION {} FROM PUBLIC",
            "GRANT EXECUTE ON FUNCTION {} TO tollgate_worker",
        )
    ),
    "CREATE INDEX ix_refunds_id ON refunds (id)",
    """
CREATE INDEX ix_payments_capture_before ON payments (capture_before)
    WHERE payment_status = 'AUTHORIZED' AND capture_before IS NOT NULL
""",
)

_BACK = (
    "REVOKE SELECT ON alembic_version FROM tollgate_api, tollgate_worker, tollgate_platform",
    "DROP INDEX ix_payments_capture_before",
    "DROP INDEX ix_refunds_id",
    "DROP FUNCTION payment_outcomes, refund_outcomes, authorizations_ending, evidence_due",
    "DROP TABLE request_minutes, processes, alert_notices",
    """
ALTER TABLE alerts DROP COLUMN acknowledged_at, DROP COLUMN acknowledged_by, DROP COLUMN seen_at,
    DROP COLUMN escalations, DROP COLUMN escalated_at, DROP COLUMN is_told
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_ALERTS, *_NOTICES, *_SIGNS, *_FUNCTIONS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _BACK:
        op.execute(statement)
