"""What of an application fee went back to the connected account.

Revision: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # With a default, for a version of the service that does not know the column yet.
    op.execute("""
ALTER TABLE payments ADD COLUMN application_fee_refunded_cents BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT ck_payments_application_fee_refunded CHECK (
        application_fee_refunded_cents BETWEEN 0 AND coalesce(application_fee_cents, 0))
""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE payments DROP COLUMN application_fee_refunded_cents")
