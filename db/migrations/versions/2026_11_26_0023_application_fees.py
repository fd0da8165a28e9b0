"""What the gateway took of a connected account for the platform.

Revision: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Nullable, so that a version of the service that does not know the columns goes on writing.
    op.execute("""
ALTER TABLE payments ADD COLUMN gateway_application_fee_id TEXT COLLATE "C",
    ADD COLUMN application_fee_cents BIGINT,
    ADD COLUMN application_fee_settled_cents BIGINT,
    ADD CONSTRAINT ck_payments_application_fee CHECK (
        num_nulls(gateway_application_fee_id, application_fee_cents,
            application_fee_settled_cents) IN (0, 3) AND application_fee_cents >= 0
        AND application_fee_settled_cents >= 0)
""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
ALTER TABLE payments DROP COLUMN gateway_application_fee_id, DROP COLUMN application_fee_cents,
    DROP COLUMN application_fee_settled_cents
""")
