"""Each gateway row's events by when they fall due, so that a claim takes turns among the rows.

Revision: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
CREATE INDEX ix_webhook_events_due ON webhook_events (
    gateway_id,
    (CASE status WHEN 'RETRY' THEN next_attempt_at WHEN 'PROCESSING' THEN lease_until
        ELSE created_at END),
    id
) WHERE status IN ('RECEIVED', 'PROCESSING', 'RETRY')
""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX ix_webhook_events_due")
