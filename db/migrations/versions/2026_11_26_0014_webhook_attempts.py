"""Every try of an event, and what a replay leaves on it.

Revision: 0014
Revises: 0012
"""

from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

_EVERYONE = "tollgate_api, tollgate_worker, tollgate_platform"

# An attempt has no tenant of its own: the subquery is under the row-level security of the events,
# so that whoever may see an event may see its attempts, and nobody else.
_OF_EVENT = "EXISTS (SELECT FROM webhook_events e WHERE e.id = webhook_event_id)"

_STATEMENTS = (
    """
ALTER TABLE webhook_events
    ADD COLUMN attempts_before_replay INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN replayed_by TEXT,
    ADD CONSTRAINT ck_webhook_events_replay
        CHECK (attempts_before_replay BETWEEN 0 AND attempts)
""",
    """
CREATE TABLE webhook_attempts (
    webhook_event_id TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error_message TEXT,
    is_manual BOOLEAN NOT NULL,
    CONSTRAINT pk_webhook_attempts PRIMARY KEY (webhook_event_id, number),
    CONSTRAINT fk_webhook_attempts_webhook_events
        FOREIGN KEY (webhook_event_id) REFERENCES webhook_events (id),
    CONSTRAINT ck_webhook_attempts_number CHECK (number > 0),
    CONSTRAINT ck_webhook_attempts_duration CHECK (duration_ms >= 0),
    CONSTRAINT ck_webhook_attempts_outcome
        CHECK (outcome IN ('DEAD', 'IGNORED', 'PROCESSED', 'RETRY'))
)
""",
    f"GRANT SELECT ON webhook_attempts TO {_EVERYONE}",
    "GRANT INSERT ON webhook_attempts TO tollgate_worker",
    "ALTER TABLE webhook_attempts ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE webhook_attempts FORCE ROW LEVEL SECURITY",
    "CREATE POLICY owner ON webhook_attempts TO CURRENT_USER USING (true)",
    "CREATE POLICY platform ON webhook_attempts TO tollgate_platform USING (true)",
    f"""
CREATE POLICY of_event ON webhook_attempts
    TO tollgate_api, tollgate_worker USING ({_OF_EVENT})
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE webhook_attempts")
    op.execute("""
ALTER TABLE webhook_events
    DROP CONSTRAINT ck_webhook_events_replay,
    DROP COLUMN attempts_before_replay,
    DROP COLUMN replayed_at,
    DROP COLUMN replayed_by
""")
