"""The audit log and the alerts.

Revision: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE audit_log (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at timestamptz NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C",
    ip_address TEXT,
    action TEXT NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    before JSONB,
    after JSONB,
    CONSTRAINT pk_audit_log PRIMARY KEY (tenant_id, id),
    CONSTRAINT ck_audit_log_actor_type CHECK (actor_type IN ('GATEWAY', 'SYSTEM', 'USER'))
)
""",
    """
CREATE INDEX ix_audit_log_subject ON audit_log (tenant_id, subject_id, id)
""",
    """
CREATE TABLE alerts (
    id TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C",
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    message TEXT NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT pk_alerts PRIMARY KEY (id),
    CONSTRAINT fk_alerts_tenants FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT ck_alerts_severity CHECK (severity IN ('CRITICAL', 'HIGH', 'MEDIUM'))
)
""",
    """
CREATE INDEX ix_alerts_tenant ON alerts (tenant_id, id)
""",
    """
CREATE UNIQUE INDEX uq_alerts_open ON alerts (rule, subject_id) WHERE closed_at IS NULL
""",
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
""",
    """
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("alerts", "audit_log"):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change")
