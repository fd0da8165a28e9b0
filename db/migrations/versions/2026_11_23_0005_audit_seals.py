"""The chain over the audit log, and what the daily loops remember.

Revision: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE audit_seals (
    tenant_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    entry_id TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (tenant_id, sequence),
    CONSTRAINT uq_audit_seals_entry UNIQUE (tenant_id, entry_id),
    CONSTRAINT ck_audit_seals_sequence CHECK (sequence >= 1),
    CONSTRAINT ck_audit_seals_hash CHECK (hash ~ '^[0-9a-f]{64}$')
)
""",
    """
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
    """
CREATE TABLE daily_runs (
    name TEXT COLLATE "C" NOT NULL,
    ran_at timestamptz NOT NULL,
    CONSTRAINT pk_daily_runs PRIMARY KEY (name)
)
""",
    """
CREATE INDEX ix_webhook_events_payload ON webhook_events (id)
    WHERE processed AND payload <> '{}'::jsonb
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_webhook_events_payload", "webhook_events")
    for table in ("daily_runs", "audit_seals"):
        op.drop_table(table)
