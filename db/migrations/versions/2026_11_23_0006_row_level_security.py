"""Row-level security: three roles, what each may do, and whose rows it sees.

Revision: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Roles belong to the cluster, where another database may be migrated at the same moment: the one
# that comes second waits for the first and then finds the name taken, by either of two errors.
# A role is never dropped, since another database may use it. Who makes the roles without being a
# superuser may take them too: in development the owner serves as well.
_ROLES = """
DO $$
DECLARE
    wanted text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tollgate roles'));
    FOREACH wanted IN ARRAY ARRAY['tollgate_api', 'tollgate_worker', 'tollgate_platform'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted);
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            IF NOT pg_has_role(current_user, wanted, 'SET') THEN
                EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$
"""

_EVERYONE = "tollgate_api, tollgate_worker, tollgate_platform"

# No role may DELETE, TRUNCATE or ALTER anything; the audit log and the prices are not updated by
# those who serve tenants.
_GRANTS = {
    "platform_fee_tiers": {
        "tollgate_api": "SELECT",
        "tollgate_worker": "SELECT",
        "tollgate_platform": "SELECT, INSERT, UPDATE",
    },
    "platform_fee_overrides": {
        "tollgate_api": "SELECT",
        "tollgate_worker": "SELECT",
        "tollgate_platform": "SELECT, INSERT, UPDATE",
    },
    "tenants": {
        "tollgate_api": "SELECT",
        "tollgate_worker": "SELECT",
        "tollgate_platform": "SELECT, INSERT, UPDATE",
    },
    "tenant_payment_gateways": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT",
        "tollgate_platform": "SELECT",
    },
    "orders": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "payments": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "refunds": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT, INSERT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "gateway_operations": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT, INSERT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "idempotency_keys": {
        "tollgate_api": "SELECT, INSERT, UPDATE",
        "tollgate_worker": "SELECT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "webhook_events": {
        "tollgate_api": "SELECT, INSERT",
        "tollgate_worker": "SELECT, UPDATE",
        "tollgate_platform": "SELECT",
    },
    "audit_log": {
        "tollgate_api": "SELECT, INSERT",
        "tollgate_worker": "SELECT, INSERT",
        "tollgate_platform": "SELECT, INSERT",
    },
    "audit_seals": {
        "tollgate_api": "SELECT",
        "tollgate_worker": "SELECT, INSERT",
        "tollgate_platform": "SELECT",
    },
    "daily_runs": {"tollgate_worker": "SELECT, INSERT, UPDATE"},
    "alerts": {
        "tollgate_api": "SELECT, INSERT",
        "tollgate_worker": "SELECT, INSERT, UPDATE",
        "tollgate_platform": "SELECT, INSERT, UPDATE",
    },
}

_TENANT = "current_setting('tollgate.tenant_id', true)"
_OWN = f"tenant_id = {_TENANT}"

# table, policy, what it is for, whom, and the rows. Without a tenant the setting is null or empty,
# which no row's tenant is. What a role may do to the rows is in the grants.
_POLICIES = (
    *(
        (table, "own_tenant", "ALL", "tollgate_api, tollgate_worker", _OWN)
        for table in (
            "platform_fee_overrides",
            "orders",
            "payments",
            "refunds",
            "idempotency_keys",
            "audit_log",
            "audit_seals",
        )
    ),
    ("tenants", "own_tenant", "SELECT", "tollgate_api", f"id = {_TENANT}"),
    ("tenants", "any_tenant", "SELECT", "tollgate_worker", "true"),
    ("tenant_payment_gateways", "own_tenant", "ALL", "tollgate_api", _OWN),
    ("tenant_payment_gateways", "platform_row", "SELECT", "tollgate_api", "tenant_id IS NULL"),
    ("tenant_payment_gateways", "any_tenant", "SELECT", "tollgate_worker", "true"),
    ("gateway_operations", "own_tenant", "ALL", "tollgate_api", _OWN),
    ("gateway_operations", "added", "INSERT", "tollgate_worker", _OWN),
    ("gateway_operations", "seen", "SELECT", "tollgate_worker", "true"),
    ("gateway_operations", "claimed", "UPDATE", "tollgate_worker", "true"),
    ("webhook_events", "own_tenant", "SELECT", "tollgate_api", _OWN),
    ("webhook_events", "received", "INSERT", "tollgate_api", "tenant_id IS NULL"),
    ("webhook_events", "any_tenant", "ALL", "tollgate_worker", "true"),
    ("alerts", "own_tenant", "SELECT", "tollgate_api", _OWN),
    ("alerts", "opened", "INSERT", "tollgate_api", f"tenant_id IS NULL OR {_OWN}"),
    ("alerts", "any_tenant", "ALL", "tollgate_worker", "true"),
)
_OF_NO_TENANT = ("platform_fee_tiers", "daily_runs")
_TENANT_TABLES = tuple(table for table in _GRANTS if table not in _OF_NO_TENANT)

# The two questions that must be asked before the tenant is known. Each tells the tenant and nothing
# else; the answer is then read as that tenant. They run with the rights of the owner.
_FUNCTIONS = (
    """
CREATE FUNCTION tenant_of_platform_payment(
    of_gateway_type text, of_gateway_payment_id text, of_payment_id text
) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id FROM payments p
    JOIN tenant_payment_gateways g ON g.id = p.gateway_id
    WHERE g.mode = 'PLATFORM' AND g.gateway_type = of_gateway_type
        AND (p.gateway_payment_id = of_gateway_payment_id OR p.id = of_payment_id)
    ORDER BY (p.gateway_payment_id = of_gateway_payment_id) DESC NULLS LAST
    LIMIT 1;
END
""",
    """
CREATE FUNCTION tenant_of_account(of_account_id text, of_livemode boolean)
RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT tenant_id FROM tenant_payment_gateways
    WHERE account_id = of_account_id AND livemode = of_livemode;
END
""",
    "REVOKE ALL ON FUNCTION tenant_of_platform_payment, tenant_of_account FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION tenant_of_platform_payment TO tollgate_worker",
    "GRANT EXECUTE ON FUNCTION tenant_of_account TO tollgate_api",
)

# Under row-level security an index serves a condition only if its functions are leakproof, which
# lower() and ->> are not. As columns the values are compared with =, which is.
_SEARCHED = (
    "DROP INDEX ix_orders_customer_email",
    """
ALTER TABLE orders ADD COLUMN customer_email_folded TEXT
    GENERATED ALWAYS AS (lower(customer_email)) STORED
""",
    """
CREATE INDEX ix_orders_customer_email ON orders (tenant_id, customer_email_folded)
    WHERE customer_email_folded IS NOT NULL
""",
    "DROP INDEX ix_payments_last4",
    """
ALTER TABLE payments ADD COLUMN card_last4 TEXT
    GENERATED ALWAYS AS (gateway_response ->> 'last4') STORED
""",
    "CREATE INDEX ix_payments_last4 ON payments (tenant_id, card_last4, id)",
)
_NOT_SEARCHED = (
    "ALTER TABLE payments DROP COLUMN card_last4",
    """
CREATE INDEX ix_payments_last4 ON payments (tenant_id, (gateway_response ->> 'last4'), id)
""",
    "ALTER TABLE orders DROP COLUMN customer_email_folded",
    """
CREATE INDEX ix_orders_customer_email ON orders (tenant_id, lower(customer_email))
    WHERE customer_email IS NOT NULL
""",
)


def upgrade() -> None:
    # Waiting for the roles of another database's migration is no wait for traffic.
    op.execute("SET LOCAL lock_timeout = '60s'")
    op.execute(_ROLES)
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_SEARCHED, *_FUNCTIONS):
        op.execute(statement)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {_EVERYONE}")
    for table, grants in _GRANTS.items():
        for role, rights in grants.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")
    for table in _TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        # Forced, it holds the owner too: the one who migrates and seeds is let in by name.
        op.execute(f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true)")
        op.execute(f"CREATE POLICY platform ON {table} TO tollgate_platform USING (true)")
    for table, policy, command, roles, rows in _POLICIES:
        clause = "WITH CHECK" if command == "INSERT" else "USING"
        op.execute(f"CREATE POLICY {policy} ON {table} FOR {command} TO {roles} {clause} ({rows})")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, policy, *_ in _POLICIES:
        op.execute(f"DROP POLICY {policy} ON {table}")
    for table in _TENANT_TABLES:
        op.execute(f"DROP POLICY platform ON {table}")
        op.execute(f"DROP POLICY owner ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table in _GRANTS:
        op.execute(f"REVOKE ALL ON {table} FROM {_EVERYONE}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {_EVERYONE}")
    op.execute("DROP FUNCTION tenant_of_platform_payment, tenant_of_account")
    for statement in _NOT_SEARCHED:
        op.execute(statement)
