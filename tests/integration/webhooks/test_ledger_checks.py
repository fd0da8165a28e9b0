"""The books held against the payments: what is whole is whole, and every kind of fault is found."""

from __future__ import annotations

import asyncio

import pytest

from app.books import check_books
from app.ledger_commands import DIFFERENT
from db.ledger_checks import SqlLedgerCheckDatabase
from domain.ids import Prefix, new_id
from domain.ledger_checks import LedgerChecks, Verdict
from tests.integration.app.in_process import Done, run
from tests.integration.webhooks.disputed import a_settled
from tests.integration.webhooks.shop import Shop

OF_CAPTURE = (
    "account = 'merchant_payable' and transaction_id in (select id from ledger_transactions"
    " where payment_id = :id and fact_key like 'capture:%')"
)
FORGED = {
    "update payments set net_amount_cents = net_amount_cents + 1 where id = :id": {"net"},
    "update payments set refunded_amount_cents = 1 where id = :id": {"refunded"},
    "update payments set captured_amount_cents = 9999 where id = :id": {"captured"},
    "update payments set platform_fee_cents = 299 where id = :id": {
        "the platform's fee, less what was returned"
    },
    "update payments set gateway_fee_cents = 321, gateway_fee_is_final = true where id = :id": {
        "the gateway's fee",
        "net",
    },
    "update payments set dispute_fee_cents = 1 where id = :id": {"lost to disputes"},
    "update payments set application_fee_cents = 1 where id = :id": {"taken for the platform"},
    "update payments set application_fee_refunded_cents = 1 where id = :id": {
        "returned of what was taken"
    },
    f"update ledger_entries set amount_cents = 1 where {OF_CAPTURE}": {  # noqa: S608
        "net",
        "the number of unbalanced transactions",
    },
    "update ledger_transactions set entry_count = 9 where payment_id = :id"
    " and fact_key like 'capture:%'": {"the number of unbalanced transactions"},
    f"delete from ledger_entries where {OF_CAPTURE}": {  # noqa: S608
        "net",
        "the number of unbalanced transactions",
    },
    "update payments set payment_status = 'CANCELED' where id = :id": {
        "the platform's fee, less what was returned",
        "net",
    },
}
"""What the owner of the database can do with its locks broken, and what is noticed of it."""


async def checked(shop: Shop, *, batch: int = 3) -> Verdict:
    """What is found of the shop's tenant, as its worker sees it."""
    checks = LedgerChecks(SqlLedgerCheckDatabase(shop.worker), batch=batch)
    return await checks.check(shop.tenant.id, checked=bool)


def verify(database_url: str, *arguments: str) -> Done:
    """The command, told the database alone."""
    return run("ledger", "verify", *arguments, environ={"DATABASE_URL": database_url})


async def break_locks(shop: Shop) -> None:
    """Makes the tables take anything; the shop's own last check is not asked for any more."""
    shop.books_are_whole = False
    for table in ("ledger_entries", "ledger_transactions"):
        await shop.write(f"alter table {table} disable trigger all")
    rules = await shop.rows(
        "select conname from pg_constraint where contype = 'c' and conrelid = 'payments'::regclass"
    )
    for (rule,) in rules:
        await shop.write(f"alter table payments drop constraint {rule}")


async def test_whole_books(shop: Shop, database_url: str) -> None:
    """Payments of every kind, over several pages, agree with their books; so says the command."""
    disputed = await a_settled(shop)
    await disputed.refund(2_500)
    await disputed.open(amount=4_000)
    await disputed.hear()
    for _ in range(3):
        await shop.charge()
    await shop.authorize()

    assert await checked(shop) == Verdict(shop.tenant.id, 5, ())
    for arguments in ([], ["--tenant", shop.tenant.id]):
        done = await asyncio.to_thread(verify, database_url, *arguments)
        assert done.code == 0
        assert done.out == f"{shop.tenant.id}: 5 payments agree with their books\n"
    unknown = await asyncio.to_thread(verify, database_url, "--tenant", new_id(Prefix.TENANT))
    assert unknown.code == 2
    assert "no tenant has the id" in unknown.err


async def test_faults_are_found(
    shop: Shop, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An amount changed on either side, an entry changed or gone: each is named with its payment,
    by the command and by the worker's daily round, which opens one alert, however often it runs."""
    payments = [await shop.charge() for _ in FORGED]
    sound = await shop.charge()
    await break_locks(shop)
    for payment, statement in zip(payments, FORGED, strict=True):
        await shop.write(statement, id=payment.id)
    found = (await checked(shop)).differences
    for payment, names in zip(payments, FORGED.values(), strict=True):
        assert {each.name for each in found if each.payment_id == payment.id} == names
    assert sound.id not in {each.payment_id for each in found}

    done = await asyncio.to_thread(verify, database_url)
    assert (done.code, done.out) == (DIFFERENT, "")
    assert [line for line in done.err.splitlines() if line.startswith("pay_")] == [
        str(each) for each in found
    ]

    checks = LedgerChecks(SqlLedgerCheckDatabase(shop.worker))
    for _ in range(2):
        await check_books(checks, shop.worker_database, shop.clock, asyncio.Event())
    assert await shop.alerts() == [("ledger.difference", "CRITICAL", shop.tenant.id)]
    assert f"books of {shop.tenant.id}: {len(found)} amounts differ" in caplog.text


async def test_a_round_stops_when_told(shop: Shop) -> None:
    """Between two tenants."""
    payment = await shop.charge()
    await break_locks(shop)
    await shop.write("update payments set net_amount_cents = 1 where id = :id", id=payment.id)
    stop = asyncio.Event()
    stop.set()
    checks = LedgerChecks(SqlLedgerCheckDatabase(shop.worker))
    await check_books(checks, shop.worker_database, shop.clock, stop)

    assert await shop.alerts() == []
