"""The books: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, and_, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.filters import among
from db.tables import ledger_entries, ledger_transactions
from domain.ledger import LedgerAccount, LedgerEntry, LedgerTransaction, Posting

_BOOKED, _ENTRY = ledger_transactions.c, ledger_entries.c
_ADD = insert(ledger_transactions)
_ADD_ENTRIES = insert(ledger_entries)
_WHOLE = (
    select(
        ledger_transactions,
        _ENTRY.id.label("entry_id"),
        _ENTRY.account,
        _ENTRY.gateway_id,
        _ENTRY.amount_cents,
        _ENTRY.currency,
    )
    .join(
        ledger_entries,
        and_(_ENTRY.tenant_id == _BOOKED.tenant_id, _ENTRY.transaction_id == _BOOKED.id),
    )
    .where(_BOOKED.tenant_id == bindparam("of_tenant_id"))
    # Debits first, as books are read.
    .order_by(_BOOKED.created_at, _BOOKED.id, _ENTRY.amount_cents.desc(), _ENTRY.account, _ENTRY.id)
)
_OF_PAYMENT = _WHOLE.where(_BOOKED.payment_id == bindparam("of_payment_id"))


def _transaction_of(rows: Sequence[Row[Any]]) -> LedgerTransaction:
    first = rows[0]
    return LedgerTransaction(
        id=first.id,
        tenant_id=first.tenant_id,
        payment_id=first.payment_id,
        fact_key=first.fact_key,
        corrects=first.corrects,
        reason=first.reason,
        created_at=first.created_at,
        entries=tuple(_entry_of(row) for row in rows),
    )


def _entry_of(row: Row[Any]) -> LedgerEntry:
    account = LedgerAccount(row.account)
    return LedgerEntry(
        row.entry_id, Posting(account, row.amount_cents, row.currency, row.gateway_id)
    )


async def read_transactions(
    connection: AsyncConnection, tenant_id: str, payment_ids: Sequence[str]
) -> Sequence[LedgerTransaction]:
    """All transactions of these payments, oldest first."""
    wanted = _WHOLE.where(among(_BOOKED.payment_id, payment_ids))
    found = await connection.execute(wanted, {"of_tenant_id": tenant_id})
    return _transactions_of(found.all())


def _transactions_of(rows: Sequence[Row[Any]]) -> list[LedgerTransaction]:
    return [_transaction_of(list(of_one)) for _, of_one in groupby(rows, key=lambda row: row.id)]


def _columns(transaction: LedgerTransaction) -> Mapping[str, object]:
    return {
        "tenant_id": transaction.tenant_id,
        "id": transaction.id,
        "payment_id": transaction.payment_id,
        "fact_key": transaction.fact_key,
        "corrects": transaction.corrects,
        "reason": transaction.reason,
        "entry_count": len(transaction.entries),
        "created_at": transaction.created_at,
    }


def _entries(transaction: LedgerTransaction) -> Iterator[Mapping[str, object]]:
    for entry in transaction.entries:
        posting = entry.posting
        yield {
            "tenant_id": transaction.tenant_id,
            "transaction_id": transaction.id,
            "id": entry.id,
            "account": posting.account.value,
            "gateway_id": posting.gateway_id,
            "amount_cents": posting.amount,
            "currency": posting.currency,
        }


@dataclass(frozen=True, slots=True)
class SqlLedgerStore:
    """Implements `domain.ledger_ports.LedgerStore`."""

    connection: AsyncConnection

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[LedgerTransaction]:
        found = await self.connection.execute(
            _OF_PAYMENT, {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        )
        return _transactions_of(found.all())

    async def add(self, transactions: Sequence[LedgerTransaction]) -> None:
        if not transactions:
            return
        await self.connection.execute(_ADD, [_columns(each) for each in transactions])
        entries = [entry for each in transactions for entry in _entries(each)]
        await self.connection.execute(_ADD_ENTRIES, entries)
