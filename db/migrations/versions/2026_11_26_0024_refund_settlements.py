"""What a refund took from the gateway's account, and what came back of it.

Revision: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Nullable, so that a version of the service that does not know the columns goes on writing.
    op.execute("""
ALTER TABLE refunds ADD COLUMN settlement_cents BIGINT,
    ADD COLUMN settlement_returned_cents BIGINT,
    ADD COLUMN settlement_currency TEXT,
    ADD CONSTRAINT ck_refunds_settlement_currency CHECK (settlement_currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT ck_refunds_settlement CHECK (
        (settlement_cents IS NULL) = (settlement_currency IS NULL)
        AND (settlement_returned_cents IS NULL OR settlement_cents IS NOT NULL))
""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
ALTER TABLE refunds DROP COLUMN settlement_cents, DROP COLUMN settlement_returned_cents,
    DROP COLUMN settlement_currency
""")
