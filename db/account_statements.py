"""Statements read from the books, in the role of the platform's people: one snapshot of the
database for all of one statement, and a line at a time, however long it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import connected
from db.ledger_reads import FACT, account_sum
from db.tables import ledger_entries, ledger_transactions, orders, payments
from domain.account_statement import Standing, StatementLine
from domain.ledger import LedgerAccount as A

_BOOKED, _ENTRY, _PAYMENT = ledger_transactions.c, ledger_entries.c, payments.c
_ENTRIES = and_(_ENTRY.tenant_id == _BOOKED.tenant_id, _ENTRY.transaction_id == _BOOKED.id)
_KEPT = (A.MERCHANT_PAYABLE, A.PLATFORM_FEE_RECEIVABLE, A.GATEWAY_FEE_EXPENSE, A.DISPUTE_LOSS)
_AMOUNTS = {
    "gross": account_sum(A.GATEWAY_CLEARING, 1, "capture"),
    "refunded": account_sum(A.GATEWAY_CLEARING, 1, "refund"),
    "platform_fee": account_sum(A.PLATFORM_FEE_REVENUE, 1),
    "gateway_fee": account_sum(A.GATEWAY_FEE_EXPENSE, -1),
    "disputes": account_sum(A.DISPUTE_LOSS, -1),
    "due": account_sum(A.PLATFORM_FEE_RECEIVABLE, 1),
}


def _currencies(tenant_id: str, until: datetime) -> Select[Any]:
    return (
        select(_ENTRY.currency)
        .select_from(ledger_transactions.join(ledger_entries, _ENTRIES))
        .where(
            _BOOKED.tenant_id == tenant_id,
            _BOOKED.created_at < until,
            _ENTRY.account.in_([account.value for account in _KEPT]),
        )
        .distinct()
        .order_by(_ENTRY.currency)
    )


def _standing(tenant_id: str, currency: str, until: datetime) -> Select[int, int]:
    balance = sum((account_sum(account, -1) for account in _KEPT[1:]), account_sum(_KEPT[0], -1))
    return (
        select(balance.label("balance"), account_sum(A.PLATFORM_FEE_RECEIVABLE, 1).label("due"))
        .select_from(ledger_transactions.join(ledger_entries, _ENTRIES))
        .where(
            _BOOKED.tenant_id == tenant_id,
            _BOOKED.created_at < until,
            _ENTRY.currency == currency,
        )
    )


def _lines(tenant_id: str, currency: str, start: datetime, end: datetime) -> Select[Any]:
    of_payment = and_(_PAYMENT.tenant_id == _BOOKED.tenant_id, _PAYMENT.id == _BOOKED.payment_id)
    of_order = and_(orders.c.tenant_id == _PAYMENT.tenant_id, orders.c.id == _PAYMENT.order_id)
    return (
        select(
            _BOOKED.created_at,
            _BOOKED.id,
            _BOOKED.payment_id,
            orders.c.reference,
            func.split_part(FACT, ":", 1).label("fact"),
            _BOOKED.reason,
            *(amount.label(name) for name, amount in _AMOUNTS.items()),
        )
        .select_from(
            ledger_transactions.join(ledger_entries, _ENTRIES)
            .join(payments, of_payment)
            .join(orders, of_order)
        )
        .where(
            _BOOKED.tenant_id == tenant_id,
            _BOOKED.created_at >= start,
            _BOOKED.created_at < end,
            _ENTRY.currency == currency,
        )
        .group_by(_BOOKED.tenant_id, _BOOKED.id, orders.c.reference)
        .order_by(_BOOKED.created_at, _BOOKED.id)
    )


def _line_of(row: Row[Any]) -> StatementLine:
    return StatementLine(
        booked_at=row.created_at,
        transaction_id=row.id,
        payment_id=row.payment_id,
        reference=row.reference,
        fact=row.fact,
        reason=row.reason,
        **{name: int(getattr(row, name)) for name in _AMOUNTS},
    )


@dataclass(frozen=True, slots=True)
class StatementReads:
    """The books at one moment."""

    connection: AsyncConnection

    async def currencies(self, tenant_id: str, until: datetime) -> Sequence[str]:
        """The currencies in which the tenant had or owed anything before that time."""
        return list((await self.connection.execute(_currencies(tenant_id, until))).scalars())

    async def standing(self, tenant_id: str, currency: str, until: datetime) -> Standing:
        """What stood just before that time."""
        row = (await self.connection.execute(_standing(tenant_id, currency, until))).one()
        return Standing(int(row.balance), int(row.due))

    async def lines(
        self, tenant_id: str, currency: str, start: datetime, end: datetime
    ) -> AsyncIterator[StatementLine]:
        """What was booked from `start` up to `end`, oldest first. What moves money between the
        gateway's own accounts alone is no line."""
        async with self.connection.stream(_lines(tenant_id, currency, start, end)) as found:
            async for row in found:
                line = _line_of(row)
                if any(getattr(line, name) for name in _AMOUNTS):
                    yield line


@asynccontextmanager
async def statement_reads(engine: AsyncEngine) -> AsyncIterator[StatementReads]:
    """The books as they are now, for as long as it takes. `engine` has the platform's role."""
    repeatable = engine.execution_options(isolation_level="REPEATABLE READ")
    async with connected(repeatable) as connection:
        yield StatementReads(connection)
