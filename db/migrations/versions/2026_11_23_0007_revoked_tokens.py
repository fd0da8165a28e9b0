"""Tokens that were revoked before their end.

Revision: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
CREATE TABLE revoked_tokens (
    jti TEXT COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pk_revoked_tokens PRIMARY KEY (jti)
)
""",
    "CREATE INDEX ix_revoked_tokens_expires_at ON revoked_tokens (expires_at)",
    # Whoever admits callers asks; 0009 says who revokes.
    "GRANT SELECT ON revoked_tokens TO tollgate_api",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("revoked_tokens")
