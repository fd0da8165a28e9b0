"""Whose turn each periodic loop of the workers is.

Revision: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
CREATE TABLE loop_leases (
    name TEXT COLLATE "C" NOT NULL,
    holder TEXT NOT NULL,
    free_at timestamptz NOT NULL,
    CONSTRAINT pk_loop_leases PRIMARY KEY (name)
)
""")
    op.execute("GRANT SELECT, INSERT, UPDATE ON loop_leases TO tollgate_worker")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE loop_leases")
