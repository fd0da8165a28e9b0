"""The books: transactions that balance, entries that nobody changes.

Revision: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TENANT = "nullif(current_setting('tollgate.tenant_id', true), '')"

_TABLES = (
    """
CREATE TABLE ledger_transactions (
    tenant_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    payment_id TEXT COLLATE "C" NOT NULL,
    fact_key TEXT COLLATE "C" NOT NULL,
    corrects TEXT COLLATE "C",
    reason TEXT NOT NULL,
    entry_count INTEGER NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT pk_ledger_transactions PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_ledger_transactions_payments
        FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    CONSTRAINT uq_ledger_transactions_fact UNIQUE (tenant_id, fact_key),
    CONSTRAINT ck_ledger_transactions_corrects CHECK (corrects <> fact_key),
    CONSTRAINT ck_ledger_transactions_entry_count CHECK (entry_count >= 2)
)
""",
    """
CREATE INDEX ix_ledger_transactions_payment ON ledger_transactions (tenant_id, payment_id, id)
""",
    "CREATE INDEX ix_ledger_transactions_booked ON ledger_transactions (tenant_id, created_at, id)",
    """
CREATE TABLE ledger_entries (
    tenant_id TEXT COLLATE "C" NOT NULL,
    transaction_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    account TEXT NOT NULL,
    gateway_id TEXT COLLATE "C",
    amount_cents BIGINT NOT NULL,
    currency TEXT NOT NULL,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (tenant_id, transaction_id, id),
    CONSTRAINT fk_ledger_entries_ledger_transactions
        FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id),
    CONSTRAINT fk_ledger_entries_tenant_payment_gateways
        FOREIGN KEY (gateway_id) REFERENCES tenant_payment_gateways (id),
    CONSTRAINT ck_ledger_entries_account CHECK (account IN ('dispute_hold', 'dispute_loss',
        'fx_clearing', 'fx_difference', 'gateway_clearing', 'gateway_fee_expense',
        'merchant_payable', 'platform_fee_receivable', 'platform_fee_revenue')),
    CONSTRAINT ck_ledger_entries_gateway
        CHECK ((account = 'gateway_clearing') = (gateway_id IS NOT NULL)),
    CONSTRAINT ck_ledger_entries_amount CHECK (amount_cents <> 0),
    CONSTRAINT ck_ledger_entries_currency CHECK (currency ~ '^[A-Z]{3}$')
)
""",
)

_RIGHTS = tuple(
    statement
    for table in ("ledger_transactions", "ledger_entries")
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true)",
        f"CREATE POLICY platform ON {table} TO tollgate_platform USING (true)",
        f"""
CREATE POLICY own_tenant ON {table} TO tollgate_api, tollgate_worker
    USING (tenant_id = {_TENANT})
""",
        f"GRANT SELECT ON {table} TO tollgate_platform",
        f"GRANT SELECT, INSERT ON {table} TO tollgate_api, tollgate_worker",
        f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
""",
        # In a session that calls itself a replica too.
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only",
    )
)

# Once for each transaction and once for each entry, at commit: an entry that is added to an older
# transaction is looked at like those it came with. The whole is counted each time; there are few.
_BALANCE = (
    """
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    booked text := CASE TG_TABLE_NAME WHEN 'ledger_entries' THEN to_jsonb(NEW) ->> 'transaction_id'
        ELSE to_jsonb(NEW) ->> 'id' END;
    expected integer;
BEGIN
    SELECT entry_count INTO expected FROM ledger_transactions
        WHERE tenant_id = NEW.tenant_id AND id = booked;
    IF expected IS DISTINCT FROM (SELECT count(*) FROM ledger_entries
            WHERE tenant_id = NEW.tenant_id AND transaction_id = booked) THEN
        RAISE EXCEPTION '% has not its % entries', booked, expected
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM ledger_entries
            WHERE tenant_id = NEW.tenant_id AND transaction_id = booked
            GROUP BY currency HAVING sum(amount_cents) <> 0) THEN
        RAISE EXCEPTION '% does not balance', booked USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
""",
    *(
        statement
        for table in ("ledger_transactions", "ledger_entries")
        for statement in (
            f"""
CREATE CONSTRAINT TRIGGER {table}_balance AFTER INSERT ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced()
""",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_balance",
        )
    ),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_TABLES, *_RIGHTS, *_BALANCE):
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("ledger_entries")
    op.drop_table("ledger_transactions")
    op.execute("DROP FUNCTION refuse_unbalanced()")
