"""Operations under review and payments that their payers left unfinished, found without reading the
others.

Revision: 0028
Revises: 0027
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_UP = (
    """
CREATE INDEX ix_gateway_operations_review ON gateway_operations (id)
    WHERE state = 'MANUAL_REVIEW'
""",
    """
CREATE INDEX ix_payments_unfinished ON payments (created_at)
    WHERE payment_status = 'REQUIRES_ACTION'
""",
    """
CREATE FUNCTION payments_unfinished(before timestamptz)
RETURNS TABLE (tenant_id text, payment_id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant_id, p.id FROM public.payments p
    WHERE p.payment_status = 'REQUIRES_ACTION' AND p.created_at < before
    ORDER BY p.created_at LIMIT 100;
END
""",
    "REVOKE ALL ON FUNCTION payments_unfinished FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION payments_unfinished TO tollgate_worker",
)
_DOWN = (
    "DROP FUNCTION payments_unfinished",
    "DROP INDEX ix_payments_unfinished",
    "DROP INDEX ix_gateway_operations_review",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _DOWN:
        op.execute(statement)
