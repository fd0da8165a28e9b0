"""How far the gateway's lists of events were walked, and whether an event came from one.

Revision: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
ALTER TABLE webhook_events
    ADD COLUMN source TEXT NOT NULL DEFAULT 'delivered',
    ADD CONSTRAINT ck_webhook_events_source CHECK (source IN ('delivered', 'listed'))
""",
    "CREATE INDEX ix_webhook_events_dead ON webhook_events (id) WHERE status = 'DEAD'",
    # Until now the API alone stored events, as they were delivered.
    "GRANT INSERT ON webhook_events TO tollgate_worker",
    """
CREATE TABLE webhook_cursors (
    gateway_id TEXT COLLATE "C" NOT NULL,
    listed_until timestamptz NOT NULL,
    resume_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    lease_until timestamptz,
    missed BIGINT NOT NULL,
    failures INTEGER NOT NULL,
    walked_at timestamptz,
    error_message TEXT,
    CONSTRAINT pk_webhook_cursors PRIMARY KEY (gateway_id),
    CONSTRAINT fk_webhook_cursors_tenant_payment_gateways
        FOREIGN KEY (gateway_id) REFERENCES tenant_payment_gateways (id),
    CONSTRAINT ck_webhook_cursors_missed CHECK (missed >= 0),
    CONSTRAINT ck_webhook_cursors_failures CHECK (failures >= 0)
)
""",
    "CREATE INDEX ix_webhook_cursors_due ON webhook_cursors (due_at, gateway_id)",
    # It is about gateway rows of every tenant, and the API has no business in it.
    "GRANT SELECT, INSERT, UPDATE ON webhook_cursors TO tollgate_worker",
    "GRANT SELECT ON webhook_cursors TO tollgate_platform",
)
_BACK = (
    "DROP TABLE webhook_cursors",
    "REVOKE INSERT ON webhook_events FROM tollgate_worker",
    "DROP INDEX ix_webhook_events_dead",
    "ALTER TABLE webhook_events DROP CONSTRAINT ck_webhook_events_source, DROP COLUMN source",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _BACK:
        op.execute(statement)
