"""Replays: what the API may set of an event, what readers narrow by, and long replays that go on.

Revision: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TENANT = "nullif(current_setting('tollgate.tenant_id', true), '')"

_SET = """status, attempts_before_replay, error_message, next_attempt_at, lease_until, processed_at,
    replayed_at, replayed_by"""

_ROUTED = "WHERE tenant_id IS NOT NULL"

_STATEMENTS = (
    f"CREATE INDEX ix_webhook_events_tenant ON webhook_events (tenant_id, id) {_ROUTED}",
    f"CREATE INDEX ix_webhook_events_status ON webhook_events (tenant_id, status, id) {_ROUTED}",
    f"CREATE INDEX ix_webhook_events_type ON webhook_events (tenant_id, event_type, id) {_ROUTED}",
    f"CREATE INDEX ix_webhook_events_created ON webhook_events (tenant_id, created_at) {_ROUTED}",
    # Of these columns alone, and by the policy only from an end to a fresh beginning: the API can
    # touch neither payload nor key, nor call an event done, nor take one from a worker.
    f"GRANT UPDATE ({_SET}) ON webhook_events TO tollgate_api",
    f"""
CREATE POLICY replayed ON webhook_events FOR UPDATE TO tollgate_api
    USING (
        tenant_id = {_TENANT} AND status IN ('DEAD', 'PROCESSED', 'IGNORED')
        AND payload <> '{{}}'::jsonb
    )
    WITH CHECK (
        tenant_id = {_TENANT} AND status = 'RECEIVED' AND attempts_before_replay = attempts
        AND error_message IS NULL AND next_attempt_at IS NULL AND lease_until IS NULL
        AND processed_at IS NULL AND replayed_at IS NOT NULL AND replayed_by IS NOT NULL
    )
""",
    """
CREATE TABLE webhook_replays (
    name TEXT COLLATE "C" NOT NULL,
    began_at timestamptz NOT NULL,
    since timestamptz,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_webhook_replays PRIMARY KEY (name)
)
""",
    "GRANT SELECT, INSERT, UPDATE ON webhook_replays TO tollgate_worker",
)
_BACK = (
    "DROP TABLE webhook_replays",
    "DROP POLICY replayed ON webhook_events",
    f"REVOKE UPDATE ({_SET}) ON webhook_events FROM tollgate_api",
    "DROP INDEX ix_webhook_events_created",
    "DROP INDEX ix_webhook_events_type",
    "DROP INDEX ix_webhook_events_status",
    "DROP INDEX ix_webhook_events_tenant",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _BACK:
        op.execute(statement)
