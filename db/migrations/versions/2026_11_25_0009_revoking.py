"""The platform may revoke tokens, and forget the revocation of a token that has ended by itself.

Revision: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# No tenant is in the table: the policies say what may be done to a row, not whose it is. A day of
# grace is more than clocks ever differ, so that a revocation outlives its token.
_STATEMENTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON revoked_tokens TO tollgate_platform",
    "ALTER TABLE revoked_tokens ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY asked ON revoked_tokens FOR SELECT TO tollgate_api, tollgate_platform"
    " USING (true)",
    "CREATE POLICY revoked ON revoked_tokens FOR INSERT TO tollgate_platform WITH CHECK (true)",
    "CREATE POLICY prolonged ON revoked_tokens FOR UPDATE TO tollgate_platform USING (true)",
    "CREATE POLICY forgotten ON revoked_tokens FOR DELETE TO tollgate_platform"
    " USING (expires_at < now() - interval '1 day')",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for policy in ("asked", "revoked", "prolonged", "forgotten"):
        op.execute(f"DROP POLICY {policy} ON revoked_tokens")
    op.execute("ALTER TABLE revoked_tokens DISABLE ROW LEVEL SECURITY")
    op.execute("REVOKE ALL ON revoked_tokens FROM tollgate_platform")
