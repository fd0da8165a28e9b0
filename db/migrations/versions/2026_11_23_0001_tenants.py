"""Tenants, fees and gateway accounts.

Revision: 0001
Revises: -
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
CREATE TABLE platform_fee_tiers (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    level INTEGER NOT NULL,
    basis_points INTEGER NOT NULL,
    fixed_fees JSONB NOT NULL,
    description TEXT NOT NULL,
    refund_policy TEXT NOT NULL,
    is_default BOOLEAN NOT NULL,
    is_archived BOOLEAN NOT NULL,
    CONSTRAINT pk_platform_fee_tiers PRIMARY KEY (id),
    CONSTRAINT ck_platform_fee_tiers_basis_points CHECK (basis_points BETWEEN 0 AND 10000),
    CONSTRAINT ck_platform_fee_tiers_refund_policy
        CHECK (refund_policy IN ('RETAIN', 'RETURN_PROPORTIONALLY')),
    CONSTRAINT ck_platform_fee_tiers_default_in_use CHECK (NOT (is_default AND is_archived))
)
""",
    """
CREATE UNIQUE INDEX uq_platform_fee_tiers_default ON platform_fee_tiers (is_default)
    WHERE is_default
""",
    """
CREATE UNIQUE INDEX uq_platform_fee_tiers_level ON platform_fee_tiers (level)
    WHERE NOT is_archived
""",
    """
CREATE TABLE tenants (
    id TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    fee_tier_id TEXT COLLATE "C" NOT NULL,
    default_currency TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_tenants PRIMARY KEY (id),
    CONSTRAINT fk_tenants_platform_fee_tiers
        FOREIGN KEY (fee_tier_id) REFERENCES platform_fee_tiers (id),
    CONSTRAINT uq_tenants_slug UNIQUE (slug),
    CONSTRAINT ck_tenants_default_currency CHECK (default_currency ~ '^[A-Z]{3}$')
)
""",
    """
CREATE TABLE platform_fee_overrides (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    basis_points INTEGER NOT NULL,
    fixed_fees JSONB NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL,
    effective_from timestamptz NOT NULL,
    effective_until timestamptz,
    CONSTRAINT pk_platform_fee_overrides PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_platform_fee_overrides_tenants
        FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT ck_platform_fee_overrides_basis_points CHECK (basis_points BETWEEN 0 AND 10000),
    CONSTRAINT ck_platform_fee_overrides_period CHECK (effective_until > effective_from),
    CONSTRAINT ex_platform_fee_overrides_period
        EXCLUDE USING gist
            (tenant_id WITH =, tstzrange(effective_from, effective_until) WITH &&)
)
""",
    """
CREATE TABLE tenant_payment_gateways (
    id TEXT COLLATE "C" NOT NULL,
    tenant_id TEXT COLLATE "C",
    gateway_type TEXT NOT NULL,
    mode TEXT NOT NULL,
    livemode BOOLEAN NOT NULL,
    is_enabled BOOLEAN NOT NULL,
    fee_basis_points INTEGER NOT NULL,
    fee_fixed_cents BIGINT NOT NULL,
    account_id TEXT COLLATE "C",
    secret_key BYTEA,
    webhook_secret BYTEA,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_tenant_payment_gateways PRIMARY KEY (id),
    CONSTRAINT fk_tenant_payment_gateways_tenants
        FOREIGN KEY (tenant_id) REFERENCES tenants (id),
    CONSTRAINT uq_tenant_payment_gateways_tenant_id UNIQUE (tenant_id, id),
    CONSTRAINT ck_tenant_payment_gateways_gateway_type CHECK (gateway_type IN ('STRIPE')),
    CONSTRAINT ck_tenant_payment_gateways_mode CHECK (mode IN ('CONNECT', 'OWN', 'PLATFORM')),
    CONSTRAINT ck_tenant_payment_gateways_fee_basis_points
        CHECK (fee_basis_points BETWEEN 0 AND 10000),
    CONSTRAINT ck_tenant_payment_gateways_fee_fixed_cents CHECK (fee_fixed_cents >= 0),
    CONSTRAINT ck_tenant_payment_gateways_platform_row
        CHECK (tenant_id IS NOT NULL OR mode = 'PLATFORM'),
    CONSTRAINT ck_tenant_payment_gateways_connect_account
        CHECK ((mode = 'CONNECT') = (account_id IS NOT NULL)),
    CONSTRAINT ck_tenant_payment_gateways_own_key
        CHECK ((mode = 'OWN') = (secret_key IS NOT NULL))
)
""",
    """
CREATE UNIQUE INDEX uq_tenant_payment_gateways_account
    ON tenant_payment_gateways (account_id, livemode) WHERE account_id IS NOT NULL
""",
    """
CREATE UNIQUE INDEX uq_tenant_payment_gateways_enabled
    ON tenant_payment_gateways (tenant_id, gateway_type)
    WHERE is_enabled AND tenant_id IS NOT NULL
""",
    """
CREATE UNIQUE INDEX uq_tenant_payment_gateways_platform
    ON tenant_payment_gateways (gateway_type, livemode) WHERE tenant_id IS NULL
""",
)

# The price lists and the platform's own account at Stripe, which owns the events of its webhook
# endpoint. Stripe's list price is 2.9 % + 0.30 (stripe.com/pricing).
_ROWS = (
    """
INSERT INTO platform_fee_tiers
    (id, name, level, basis_points, fixed_fees, description, refund_policy, is_default,
        is_archived)
VALUES
    ('fee_01m83s1jbnea7v68j405nhb0m6', 'Starter', 1, 300, '{}', 'For a new tenant.',
        'RETURN_PROPORTIONALLY', true, false),
    ('fee_01m83s1jbnebyrn5xdz61c9jbv', 'Professional', 2, 150, '{}', 'For a steady volume.',
        'RETURN_PROPORTIONALLY', false, false),
    ('fee_01m83s1jbnf7gtpnepht3y0mhm', 'Enterprise', 3, 50, '{}', 'For a large volume.',
        'RETURN_PROPORTIONALLY', false, false)
""",
    """
INSERT INTO tenant_payment_gateways
    (id, gateway_type, mode, livemode, is_enabled, fee_basis_points, fee_fixed_cents, created_at,
        updated_at)
VALUES
    ('gw_01m83s1jbne7mvkywjhzzggkwq', 'STRIPE', 'PLATFORM', false, true, 290, 30, now(), now()),
    ('gw_01m83s1jbne7mvkywjhzzggkwr', 'STRIPE', 'PLATFORM', true, true, 290, 30, now(), now())
""",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_STATEMENTS, *_ROWS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in (
        "tenant_payment_gateways",
        "platform_fee_overrides",
        "tenants",
        "platform_fee_tiers",
    ):
        op.drop_table(table)
