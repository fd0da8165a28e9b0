"""What the audit is searched by, its triggers at all times, and what the daily loop may delete.

Revision: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE INDEX ix_audit_log_actor ON audit_log (tenant_id, actor_id, id)",
    "CREATE INDEX ix_audit_log_action ON audit_log (tenant_id, action, id)",
    "CREATE INDEX ix_audit_log_at ON audit_log (tenant_id, at)",
    # Also where a session calls itself a replica, which switches ordinary triggers off.
    "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_append_only",
    "ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_append_only",
    # The worker sees, and may delete, a revocation only when its token has ended by itself: it can
    # let nobody in again.
    "GRANT SELECT, DELETE ON revoked_tokens TO tollgate_worker",
    """
CREATE POLICY ended ON revoked_tokens TO tollgate_worker
    USING (expires_at < now() - interval '1 day')
""",
)
_BACK = (
    "DROP POLICY ended ON revoked_tokens",
    "REVOKE SELECT, DELETE ON revoked_tokens FROM tollgate_worker",
    "ALTER TABLE audit_seals ENABLE TRIGGER audit_seals_append_only",
    "ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only",
    "DROP INDEX ix_audit_log_at",
    "DROP INDEX ix_audit_log_action",
    "DROP INDEX ix_audit_log_actor",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _BACK:
        op.execute(statement)
