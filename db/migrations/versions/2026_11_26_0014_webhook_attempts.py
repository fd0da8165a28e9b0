"""Every try of an event, and what a replay leaves on it; a payment found by its charge; an account
that the worker switches off.

Revision: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
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

# A refund in an older shape names its charge alone, and a tenant least of all.
_FUNCTION = """
CREATE FUNCTION tenant_of_platform_payment({parameters}
) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id FROM payments p
    JOIN tenant_payment_gateways g ON g.id = p.gateway_id
    WHERE g.mode = 'PLATFORM' AND g.gateway_type = of_gateway_type
        AND (p.gateway_payment_id = of_gateway_payment_id {charge}OR p.id = of_payment_id)
    ORDER BY (p.gateway_payment_id = of_gateway_payment_id) DESC NULLS LAST{then_charge}
    LIMIT 1;
END
"""
_BY_CHARGE = _FUNCTION.format(
    parameters="""
    of_gateway_type text, of_gateway_payment_id text, of_gateway_charge_id text,
    of_payment_id text""",
    charge="OR p.gateway_charge_id = of_gateway_charge_id\n            ",
    then_charge=""",
        (p.gateway_charge_id = of_gateway_charge_id) DESC NULLS LAST""",
)
_BY_INTENT = _FUNCTION.format(
    parameters="""
    of_gateway_type text, of_gateway_payment_id text, of_payment_id text""",
    charge="",
    then_charge="",
)
_INDEX = "CREATE INDEX ix_payments_gateway_charge ON payments ({columns}) {of_rows}"
_OF_ROWS = "WHERE gateway_charge_id IS NOT NULL"
_CHARGES = (
    "DROP FUNCTION tenant_of_platform_payment",
    _BY_CHARGE,
    "REVOKE ALL ON FUNCTION tenant_of_platform_payment FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION tenant_of_platform_payment TO tollgate_worker",
    "DROP INDEX ix_payments_gateway_charge",
    _INDEX.format(columns="gateway_charge_id, tenant_id", of_rows=_OF_ROWS),
)
_NO_CHARGES = (
    "DROP FUNCTION tenant_of_platform_payment",
    _BY_INTENT,
    "REVOKE ALL ON FUNCTION tenant_of_platform_payment FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION tenant_of_platform_payment TO tollgate_worker",
    "DROP INDEX ix_payments_gateway_charge",
    _INDEX.format(columns="tenant_id, gateway_charge_id", of_rows=_OF_ROWS),
)

# The worker switches off, and never on, within the tenant that is set.
_SWITCHED_OFF = """
CREATE POLICY switched_off ON tenant_payment_gateways FOR UPDATE TO tollgate_worker
    USING (tenant_id = nullif(current_setting('tollgate.tenant_id', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('tollgate.tenant_id', true), '')
        AND NOT is_enabled)
"""
_SWITCHES = "UPDATE (is_enabled, updated_at) ON tenant_payment_gateways"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_STATEMENTS, *_CHARGES, _SWITCHED_OFF):
        op.execute(statement)
    op.execute(f"GRANT {_SWITCHES} TO tollgate_worker")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"REVOKE {_SWITCHES} FROM tollgate_worker")
    op.execute("DROP POLICY switched_off ON tenant_payment_gateways")
    for statement in _NO_CHARGES:
        op.execute(statement)
    op.execute("DROP TABLE webhook_attempts")
    op.execute("""
ALTER TABLE webhook_events
    DROP CONSTRAINT ck_webhook_events_replay,
    DROP COLUMN attempts_before_replay,
    DROP COLUMN replayed_at,
    DROP COLUMN replayed_by
""")
