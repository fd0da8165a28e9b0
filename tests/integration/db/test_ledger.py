"""The store of the books, and what PostgreSQL itself refuses to have in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from asyncpg import CheckViolationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.ledger import LedgerAccount, Posting
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.ledger_builders import a_booking, a_full_booking
from tests.integration.db.rows import stored_capture

CLEARING, PAYABLE = LedgerAccount.GATEWAY_CLEARING, LedgerAccount.MERCHANT_PAYABLE
FX, REVENUE = LedgerAccount.FX_CLEARING, LedgerAccount.PLATFORM_FEE_REVENUE


async def test_what_is_booked_comes_back(database: SqlDatabase, merchant: Merchant) -> None:
    """Transactions of one payment, oldest first, whole; nothing of another payment."""
    payment = await stored_capture(database, merchant)
    other = await stored_capture(database, merchant)
    first = a_full_booking(payment)
    second = replace(
        a_booking(
            payment,
            f"{first.fact_key}:2",
            Posting(PAYABLE, -1, payment.currency),
            Posting(REVENUE, 1, payment.currency),
        ),
        corrects=first.fact_key,
        created_at=NOW + timedelta(days=1),
    )
    async with database.begin(merchant.id) as work:
        await work.ledger.add([first, second])
        await work.ledger.add([a_full_booking(other)])
        await work.ledger.add([])
        await work.commit()
    async with database.begin(merchant.id) as work:
        found = await work.ledger.of_payment(merchant.id, payment.id)

    assert found == [first, second]
    assert {each.fact for each in found} == {first.fact_key}


async def test_a_fact_is_booked_once(database: SqlDatabase, merchant: Merchant) -> None:
    """The same fact key again is refused, whatever its transaction says."""
    payment = await stored_capture(database, merchant)
    async with database.begin(merchant.id) as work:
        await work.ledger.add([a_full_booking(payment)])
        await work.commit()
    async with database.begin(merchant.id) as work:
        with pytest.raises(IntegrityError, match="uq_ledger_transactions_fact"):
            await work.ledger.add([a_full_booking(payment)])


def acting(
    database_url: str, role: DatabaseRole | None
) -> AbstractAsyncContextManager[AsyncEngine]:
    """The pool of this role, or of the owner of the tables."""
    return engine_of(database_url) if role is None else engine_as(database_url, role)


@asynccontextmanager
async def engine_of(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The owner's pool."""
    engine = make_engine(database_url, pool_size=2)
    try:
        yield engine
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    "postings",
    [
        (Posting(PAYABLE, 100, "USD"), Posting(REVENUE, -99, "USD")),
        (Posting(PAYABLE, 100, "USD"), Posting(REVENUE, -100, "EUR")),
        (Posting(FX, 100, "USD"), Posting(FX, -100, "USD"), Posting(FX, 1, "EUR")),
    ],
    ids=["in one currency", "in two currencies", "in the second currency"],
)
@pytest.mark.parametrize("role", [None, DatabaseRole.API, DatabaseRole.WORKER])
async def test_an_unbalanced_transaction_is_refused(
    database: SqlDatabase,
    database_url: str,
    cipher: AesGcmCipher,
    merchant: Merchant,
    role: DatabaseRole | None,
    postings: tuple[Posting, ...],
) -> None:
    """At commit, for the owner of the tables like for the service."""
    payment = await stored_capture(database, merchant)
    unbalanced = a_booking(payment, "capture:ch_1", *postings)
    async with (
        acting(database_url, role) as engine,
        SqlDatabase(engine, cipher).begin(merchant.id) as work,
    ):
        await work.ledger.add([unbalanced])
        with pytest.raises(CheckViolationError, match="does not balance"):
            await work.commit()
    async with database.begin(merchant.id) as work:
        assert await work.ledger.of_payment(merchant.id, payment.id) == []


_TRANSACTION = (
    "INSERT INTO ledger_transactions SELECT tenant_id, 'ltx_2', payment_id, {fact}, {corrects},"
    " reason, {count}, created_at FROM ledger_transactions"
)
_ENTRY = (
    "INSERT INTO ledger_entries SELECT tenant_id, id, {id}, {account}, {gateway}, {amount}, 'USD'"
    " FROM ledger_transactions"
)


def entry(
    account: str, amount: int, *, gateway: str = "NULL", entry_id: str = "'len_' || random()"
) -> str:
    """An INSERT of an entry into the one transaction there is."""
    return _ENTRY.format(id=entry_id, account=f"'{account}'", gateway=gateway, amount=amount)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (
            [entry("merchant_payable", 5), entry("platform_fee_revenue", -5)],
            "has not its 3 entries",
        ),
        ([entry("merchant_payable", 5)], "has not its 3 entries"),
        ([_TRANSACTION.format(fact="'x'", corrects="NULL", count=2)], "has not its 2 entries"),
        ([_TRANSACTION.format(fact="'x'", corrects="NULL", count=1)], "entry_count"),
        ([_TRANSACTION.format(fact="fact_key", corrects="NULL", count=2)], "uq_ledger_tr"),
        ([_TRANSACTION.format(fact="'x'", corrects="'x'", count=2)], "corrects"),
        ([entry("merchant_payable", 0)], "ck_ledger_entries_amount"),
        ([entry("petty_cash", 5)], "ck_ledger_entries_account"),
        ([entry("gateway_clearing", 5)], "ck_ledger_entries_gateway"),
        ([entry("merchant_payable", 5, gateway="'gw_1'")], "ck_ledger_entries_gateway"),
        (
            [entry("gateway_clearing", 5, gateway="'gw_1'")],
            "fk_ledger_entries_tenant_payment_gateways",
        ),
        (
            [entry("merchant_payable", 5).replace("'USD'", "'usd'")],
            "ck_ledger_entries_currency",
        ),
        (
            [entry("merchant_payable", 5).replace("tenant_id, id,", "'ten_2', id,")],
            "fk_ledger_entries_ledger_transactions",
        ),
    ],
)
async def test_what_is_wrong_is_refused(
    database: SqlDatabase,
    engine: AsyncEngine,
    merchant: Merchant,
    statements: list[str],
    message: str,
) -> None:
    """Whoever writes, and however: entries that come later, though they balance among themselves,
    one entry, none, no sum, an account that does not exist, a gateway where none belongs."""
    payment = await stored_capture(database, merchant)
    async with database.begin(merchant.id) as work:
        await work.ledger.add([a_full_booking(payment)])
        await work.commit()
    for replication_role in ("origin", "replica"):
        async with engine.connect() as connection:
            await connection.execute(text(f"SET session_replication_role = {replication_role}"))
            if "fk_" in message and replication_role == "replica":
                continue
            with pytest.raises(IntegrityError, match=message):
                await written(connection, statements)


async def written(connection: AsyncConnection, statements: list[str]) -> None:
    """All in one transaction, with the checks at its end."""
    for statement in statements:
        await connection.execute(text(statement))
    await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
