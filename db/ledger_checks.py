"""Payments beside what their entries in the books come to, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Row, Text, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.tables import payments, tenants
from db.transactions import begun, on_own_terms
from domain.ledger_checks import Booked, Cached, PaymentBooks
from domain.payment import PaymentStatus

_TENANTS = select(tenants.c.id).order_by(tenants.c.id)
_COUNT = select(func.count()).where(payments.c.tenant_id == bindparam("of_tenant_id"))

# One look into the index of a payment's transactions for each payment of the page, and one for each
# transaction's entries: a page costs the same however long the books are.
_PAGE = text(r"""
SELECT payment.*, booked.* FROM (
    SELECT id, payment_status, currency, captured_amount_cents, refunded_amount_cents,
        platform_fee_cents, platform_fee_refunded_cents, gateway_fee_cents, gateway_fee_is_final,
        dispute_lost_cents, dispute_fee_cents, net_amount_cents, application_fee_refunded_cents,
        coalesce(application_fee_cents, 0) AS application_fee_cents
    FROM payments WHERE tenant_id = :of_tenant_id AND id > :after ORDER BY id LIMIT :at_most
) AS payment CROSS JOIN LATERAL (
    SELECT coalesce(sum(captured), 0)::bigint AS captured,
        coalesce(sum(refunded), 0)::bigint AS refunded,
        coalesce(sum(revenue), 0)::bigint AS revenue,
        coalesce(sum(receivable), 0)::bigint AS receivable,
        coalesce(sum(payable), 0)::bigint AS payable,
        coalesce(sum(expense), 0)::bigint AS expense,
        coalesce(sum(loss), 0)::bigint AS loss,
        coalesce(sum(taken), 0)::bigint AS taken,
        coalesce(sum(returned), 0)::bigint AS returned,
        count(*) FILTER (WHERE NOT is_whole) AS unbalanced
    FROM ledger_transactions AS transaction CROSS JOIN LATERAL (
        SELECT
            sum(of_currency.amount) FILTER (
                WHERE account = 'gateway_clearing'
                    AND coalesce(corrects, fact_key) LIKE 'capture:%') AS captured,
            -sum(of_currency.amount) FILTER (
                WHERE account = 'gateway_clearing'
                    AND coalesce(corrects, fact_key) LIKE 'refund:%') AS refunded,
            -sum(of_currency.amount) FILTER (WHERE account = 'platform_fee_revenue') AS revenue,
            sum(of_currency.amount) FILTER (WHERE account = 'platform_fee_receivable')
                AS receivable,
            sum(of_currency.amount) FILTER (WHERE account = 'merchant_payable') AS payable,
            sum(of_currency.amount) FILTER (WHERE account = 'gateway_fee_expense') AS expense,
            sum(of_currency.amount) FILTER (WHERE account = 'dispute_loss') AS loss,
            -sum(of_currency.amount) FILTER (
                WHERE account = 'platform_fee_receivable'
                    AND coalesce(corrects, fact_key) LIKE 'application\_fee:%') AS taken,
            sum(of_currency.amount) FILTER (
                WHERE account = 'platform_fee_receivable'
                    AND coalesce(corrects, fact_key) LIKE 'fee\_refund:%') AS returned,
            count(*) = transaction.entry_count AND NOT EXISTS (
                SELECT FROM ledger_entries AS entry
                WHERE entry.tenant_id = :of_tenant_id AND entry.transaction_id = transaction.id
                GROUP BY entry.currency HAVING sum(entry.amount_cents) <> 0
            ) AS is_whole
        FROM (
            SELECT account,
                CASE currency WHEN payment.currency THEN amount_cents ELSE 0 END AS amount
            FROM ledger_entries
            WHERE tenant_id = :of_tenant_id AND transaction_id = transaction.id
        ) AS of_currency
    ) AS entries
    WHERE transaction.tenant_id = :of_tenant_id AND transaction.payment_id = payment.id
) AS booked
ORDER BY payment.id
""").bindparams(
    bindparam("of_tenant_id", type_=Text),
    bindparam("after", type_=Text),
    bindparam("at_most", type_=BigInteger),
)


def _books_of(row: Row[Any]) -> PaymentBooks:
    cached = Cached(
        status=PaymentStatus(row.payment_status),
        captured=row.captured_amount_cents,
        refunded=row.refunded_amount_cents,
        platform_fee=row.platform_fee_cents,
        platform_fee_refunded=row.platform_fee_refunded_cents,
        gateway_fee=row.gateway_fee_cents,
        gateway_fee_is_final=row.gateway_fee_is_final,
        dispute_lost=row.dispute_lost_cents,
        dispute_fee=row.dispute_fee_cents,
        application_fee=row.application_fee_cents,
        application_fee_refunded=row.application_fee_refunded_cents,
        net=row.net_amount_cents,
    )
    booked = Booked(
        captured=row.captured,
        refunded=row.refunded,
        revenue=row.revenue,
        receivable=row.receivable,
        payable=row.payable,
        gateway_fee=row.expense,
        dispute_loss=row.loss,
        application_fee=row.taken,
        application_fee_refunded=row.returned,
        unbalanced=row.unbalanced,
    )
    return PaymentBooks(row.id, cached, booked)


@dataclass(frozen=True, slots=True)
class SqlLedgerCheckStore:
    """Implements `domain.ledger_checks.LedgerCheckStore`."""

    connection: AsyncConnection

    async def tenant_ids(self) -> Sequence[str]:
        return list((await self.connection.execute(_TENANTS)).scalars())

    async def count(self, tenant_id: str) -> int:
        return int(await self.connection.scalar(_COUNT, {"of_tenant_id": tenant_id}) or 0)

    async def page(self, tenant_id: str, *, after: str, limit: int) -> Sequence[PaymentBooks]:
        found = await self.connection.execute(
            _PAGE, {"of_tenant_id": tenant_id, "after": after, "at_most": limit}
        )
        return [_books_of(row) for row in found]


@dataclass(frozen=True, slots=True)
class SqlLedgerCheckWork:
    """Implements `domain.ledger_checks.LedgerCheckWork`."""

    ledger_checks: SqlLedgerCheckStore


class SqlLedgerCheckDatabase:
    """Implements `domain.ledger_checks.LedgerCheckDatabase`: no key is needed to read the books."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = on_own_terms(engine)

    def begin(self, tenant_id: str) -> AbstractAsyncContextManager[SqlLedgerCheckWork]:
        """A transaction for one tenant."""
        return self._transaction(tenant_id)

    def begin_across_tenants(self) -> AbstractAsyncContextManager[SqlLedgerCheckWork]:
        """A transaction of no tenant."""
        return self._transaction(None)

    @asynccontextmanager
    async def _transaction(self, tenant_id: str | None) -> AsyncIterator[SqlLedgerCheckWork]:
        async with begun(self._engine, tenant_id) as connection:
            yield SqlLedgerCheckWork(SqlLedgerCheckStore(connection))
