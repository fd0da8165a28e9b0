"""The books by time, for reports over every tenant.

Revision: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Rows lie in the order of time and stay there, so that a range of blocks is a range of time.
    op.execute(
        "CREATE INDEX ix_ledger_transactions_created_at ON ledger_transactions USING brin"
        " (created_at)"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX ix_ledger_transactions_created_at")
