"""What is shown of a tenant's gateway credentials, and the account that its own key leads to.

Revision: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Rows in mode OWN could not be made before this, so that none lacks its hint.
_STATEMENTS = (
    """
ALTER TABLE tenant_payment_gateways
    ADD COLUMN key_account_id TEXT COLLATE "C",
    ADD COLUMN secret_key_hint TEXT,
    ADD COLUMN webhook_secret_hint TEXT,
    ADD CONSTRAINT ck_tenant_payment_gateways_webhook_secret
        CHECK (mode = 'OWN' OR webhook_secret IS NULL),
    ADD CONSTRAINT ck_tenant_payment_gateways_key_account
        CHECK (mode = 'OWN' OR key_account_id IS NULL),
    ADD CONSTRAINT ck_tenant_payment_gateways_secret_key_hint
        CHECK (secret_key_hint IS NULL
            OR secret_key IS NOT NULL AND length(secret_key_hint) = 4),
    ADD CONSTRAINT ck_tenant_payment_gateways_webhook_secret_hint
        CHECK (webhook_secret_hint IS NULL
            OR webhook_secret IS NOT NULL AND length(webhook_secret_hint) = 4)
""",
    "CREATE INDEX ix_webhook_events_gateway ON webhook_events (tenant_id, gateway_id, id)",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX ix_webhook_events_gateway")
    # The CHECKs that name these columns alone go with them.
    op.execute("""
ALTER TABLE tenant_payment_gateways
    DROP CONSTRAINT ck_tenant_payment_gateways_webhook_secret,
    DROP COLUMN key_account_id,
    DROP COLUMN secret_key_hint,
    DROP COLUMN webhook_secret_hint
""")
