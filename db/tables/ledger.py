"""The books: transactions that balance, and their entries. Nothing in them is changed or deleted.

The migration adds what a table definition cannot say: the triggers that refuse UPDATE, DELETE and
TRUNCATE, and the deferred ones that hold each transaction to its balance and its number of entries.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from db.tables.base import check, currency, metadata, moment, one_of, text_id
from db.tables.base import text as words
from domain.ledger import LedgerAccount

ledger_transactions = Table(
    "ledger_transactions",
    metadata,
    text_id("tenant_id", primary_key=True),
    text_id("id", primary_key=True),
    text_id("payment_id"),
    text_id("fact_key"),
    text_id("corrects", nullable=True),
    words("reason"),
    Column("entry_count", Integer, nullable=False),
    moment("created_at"),
    ForeignKeyConstraint(["tenant_id", "payment_id"], ["payments.tenant_id", "payments.id"]),
    UniqueConstraint("tenant_id", "fact_key", name="fact"),
    check("corrects", "corrects <> fact_key"),
    check("entry_count", "entry_count >= 2"),
    Index("ix_ledger_transactions_payment", "tenant_id", "payment_id", "id"),
    Index("ix_ledger_transactions_booked", "tenant_id", "created_at", "id"),
    # For reports over every tenant: rows lie in the order of time, and stay there.
    Index("ix_ledger_transactions_created_at", "created_at", postgresql_using="brin"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    text_id("tenant_id", primary_key=True),
    # Before the id, so that a transaction's entries stand together.
    text_id("transaction_id", primary_key=True),
    text_id("id", primary_key=True),
    words("account"),
    text_id("gateway_id", nullable=True),
    Column("amount_cents", BigInteger, nullable=False),
    words("currency"),
    ForeignKeyConstraint(
        ["tenant_id", "transaction_id"],
        ["ledger_transactions.tenant_id", "ledger_transactions.id"],
    ),
    ForeignKeyConstraint(["gateway_id"], ["tenant_payment_gateways.id"]),
    one_of("account", LedgerAccount),
    check("gateway", "(account = 'gateway_clearing') = (gateway_id IS NOT NULL)"),
    check("amount", "amount_cents <> 0"),
    currency("currency"),
)
