"""The worker within one tenant sees that tenant only; an empty tenant is no tenant.

Revision: 0012
Revises: 0011

Until now the worker saw events, operations, alerts, tenants and gateway rows of every tenant also
while it worked for one of them. It needs that only to claim, before it has set a tenant. And the
setting is an empty text, not null, on a connection that had a tenant before: no policy relies any
more on there being no row whose tenant is the empty text.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TENANT = "nullif(current_setting('tollgate.tenant_id', true), '')"
_TENANT_BEFORE = "current_setting('tollgate.tenant_id', true)"

_Rows = dict[tuple[str, str], str]

# table and policy to the rows, with {tenant} for the tenant that is set.
_OWN: _Rows = {
    **{
        (table, "own_tenant"): "tenant_id = {tenant}"
        for table in (
            "platform_fee_overrides",
            "orders",
            "payments",
            "refunds",
            "idempotency_keys",
            "audit_log",
            "audit_seals",
            "tenant_payment_gateways",
            "gateway_operations",
            "webhook_events",
            "alerts",
        )
    },
    ("tenants", "own_tenant"): "id = {tenant}",
}
_OWN_INSERTS: _Rows = {
    ("gateway_operations", "added"): "tenant_id = {tenant}",
    ("alerts", "opened"): "tenant_id IS NULL OR tenant_id = {tenant}",
}
_WORKERS: _Rows = {
    ("tenants", "any_tenant"): "{tenant} IS NULL OR id = {tenant}",
    ("gateway_operations", "seen"): "{tenant} IS NULL OR tenant_id = {tenant}",
    ("gateway_operations", "claimed"): "{tenant} IS NULL OR tenant_id = {tenant}",
    # Rows of no tenant: the platform's gateway, events not yet routed, alerts of the platform.
    **{
        (table, "any_tenant"): "{tenant} IS NULL OR tenant_id IS NULL OR tenant_id = {tenant}"
        for table in ("tenant_payment_gateways", "webhook_events", "alerts")
    },
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _alter("USING", _OWN | _WORKERS, _TENANT)
    _alter("WITH CHECK", _OWN_INSERTS, _TENANT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _alter("USING", _OWN | dict.fromkeys(_WORKERS, "true"), _TENANT_BEFORE)
    _alter("WITH CHECK", _OWN_INSERTS, _TENANT_BEFORE)


def _alter(clause: str, policies: _Rows, tenant: str) -> None:
    for (table, policy), rows in policies.items():
        op.execute(f"ALTER POLICY {policy} ON {table} {clause} ({rows.format(tenant=tenant)})")
