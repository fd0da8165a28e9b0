"""What the platform's people need to set prices and to take on tenants.

Revision: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_PERIOD = """
ALTER TABLE platform_fee_overrides DROP CONSTRAINT ck_platform_fee_overrides_period,
    ADD CONSTRAINT ck_platform_fee_overrides_period CHECK (effective_until {sign} effective_from)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # A new tenant is paid through the platform's account: its row is made with it.
    op.execute("GRANT INSERT ON tenant_payment_gateways TO tollgate_platform")
    # An override that is ended before it began has an empty period, which overlaps nothing.
    op.execute(_PERIOD.format(sign=">="))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM platform_fee_overrides WHERE effective_until = effective_from")
    op.execute(_PERIOD.format(sign=">"))
    op.execute("REVOKE INSERT ON tenant_payment_gateways FROM tollgate_platform")
