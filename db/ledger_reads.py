"""The books as readers see them: a payment's entries, and what fees came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    distinct,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import connected
from db.ledger import read_transactions
from db.tables import ledger_entries, ledger_transactions, payments
from db.transactions import on_own_terms, reading
from domain.fee_report import ROWS_MAX, FeeAmounts, FeeReportRow, ReportRequest, TooManyRows
from domain.ledger import LedgerAccount, LedgerTransaction

_BOOKED, _ENTRY, _PAYMENT = ledger_transactions.c, ledger_entries.c, payments.c
FACT = func.coalesce(_BOOKED.corrects, _BOOKED.fact_key)
"""The key of the fact that a transaction books or corrects."""

_A = LedgerAccount


def account_sum(account: LedgerAccount, sign: int, fact: str | None = None) -> ColumnElement[int]:
    """What the account comes to, of facts of this kind or of all."""
    counted = _ENTRY.account == account.value
    if fact is not None:
        counted = and_(counted, FACT.startswith(f"{fact}:", autoescape=True))
    amount = case((counted, _ENTRY.amount_cents), else_=0)
    return func.coalesce(func.sum(amount) * sign, 0)


# Column of the report, account, sign, and the kind of fact.
_AMOUNTS = {
    "gross": account_sum(_A.GATEWAY_CLEARING, 1, "capture"),
    "refunded": account_sum(_A.GATEWAY_CLEARING, -1, "refund"),
    "platform_fee": account_sum(_A.PLATFORM_FEE_REVENUE, -1, "capture"),
    "platform_fee_refunded": account_sum(_A.PLATFORM_FEE_REVENUE, 1, "refund"),
    "gateway_fee": account_sum(_A.GATEWAY_FEE_EXPENSE, 1),
    "dispute_loss": account_sum(_A.DISPUTE_LOSS, 1),
}


def fee_rows(asked: ReportRequest, rows_max: int = ROWS_MAX) -> Select[Any]:
    """The rows of a report, and one more than it may have."""
    # As literals: PostgreSQL must see that what is selected is what is grouped by.
    unit: ColumnElement[str] = literal_column(f"'{asked.interval.lower()}'")
    start = func.date_trunc(unit, _BOOKED.created_at, literal_column("'UTC'"))
    tier = case((_PAYMENT.fee_override_id.is_(None), _PAYMENT.fee_tier_id))
    captured = case((FACT.startswith("capture:"), _BOOKED.payment_id))
    conditions = [
        _BOOKED.created_at >= asked.start,
        _BOOKED.created_at < asked.end,
        _ENTRY.currency == asked.currency,
    ]
    if asked.tenant_id is not None:
        conditions.append(_BOOKED.tenant_id == asked.tenant_id)
    return (
        select(
            start.label("start"),
            _BOOKED.tenant_id,
            tier.label("tier_id"),
            func.count(distinct(captured)).label("payments"),
            *(amount.label(name) for name, amount in _AMOUNTS.items()),
        )
        .join(
            ledger_entries,
            and_(_ENTRY.tenant_id == _BOOKED.tenant_id, _ENTRY.transaction_id == _BOOKED.id),
        )
        .join(
            payments,
            and_(_PAYMENT.tenant_id == _BOOKED.tenant_id, _PAYMENT.id == _BOOKED.payment_id),
        )
        .where(*conditions)
        .group_by(start, _BOOKED.tenant_id, tier)
        .order_by(start, _BOOKED.tenant_id, tier)
        .limit(literal(rows_max + 1))
    )


async def read_fee_rows(
    connection: AsyncConnection, asked: ReportRequest, rows_max: int = ROWS_MAX
) -> Sequence[FeeReportRow]:
    """The rows. Raises TooManyRows."""
    rows = (await connection.execute(fee_rows(asked, rows_max))).all()
    if len(rows) > rows_max:
        raise TooManyRows
    return [_row_of(row) for row in rows]


def _row_of(row: Row[Any]) -> FeeReportRow:
    amounts = FeeAmounts(**{name: int(getattr(row, name)) for name in _AMOUNTS})
    return FeeReportRow(row.start, row.tenant_id, row.tier_id, row.payments, amounts)


class SqlLedgerReads:
    """Implements `domain.ledger_ports.LedgerReads`. `engine` is the API's, `platform` has the role
    of the platform's people, who see every tenant."""

    def __init__(
        self, engine: AsyncEngine, platform: AsyncEngine, *, rows_max: int = ROWS_MAX
    ) -> None:
        self._rows_max = rows_max
        self._engine = on_own_terms(engine)
        self._platform = platform.execution_options(isolation_level="AUTOCOMMIT")

    async def of_payments(
        self, tenant_id: str, payment_ids: Sequence[str]
    ) -> Mapping[str, Sequence[LedgerTransaction]]:
        found: dict[str, list[LedgerTransaction]] = {}
        async with reading(self._engine, tenant_id) as connection:
            for booked in await read_transactions(connection, tenant_id, payment_ids):
                found.setdefault(booked.payment_id, []).append(booked)
        return found

    async def fee_rows(self, asked: ReportRequest) -> Sequence[FeeReportRow]:
        if asked.tenant_id is None:
            async with connected(self._platform) as connection:
                return await read_fee_rows(connection, asked, self._rows_max)
        async with reading(self._engine, asked.tenant_id) as connection:
            return await read_fee_rows(connection, asked, self._rows_max)
