"""A merchant account at the gateway serves one tenant, connected or by its own key.

Revision: 0011
Revises: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # The table has a few rows for each tenant, so that the index is built in a moment.
    op.execute("""
ALTER TABLE tenant_payment_gateways ADD CONSTRAINT ex_tenant_payment_gateways_account
    EXCLUDE USING gist (
        (coalesce(account_id, key_account_id)) WITH =,
        (livemode::int) WITH =,
        tenant_id WITH <>
    )
""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
ALTER TABLE tenant_payment_gateways DROP CONSTRAINT ex_tenant_payment_gateways_account
""")
