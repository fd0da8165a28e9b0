"""`tollgate statement` over payments of a shop: it adds up, from month to month, in both forms."""

from __future__ import annotations

import asyncio
import csv
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.statement_command import COLUMNS
from domain.account_statement import Month, NoMonth
from domain.commands import CreateOrder
from domain.ids import Prefix, new_id
from domain.payment import Payment
from tests.integration.app.in_process import Done, run
from tests.integration.domain.gateways import Desk, new_key, own
from tests.integration.webhooks.disputed import a_settled
from tests.integration.webhooks.shop import USER, Shop

NOW = datetime.now(UTC)
THIS = f"{NOW:%Y-%m}"
LAST = f"{NOW.replace(day=1) - timedelta(days=1):%Y-%m}"


async def told(database_url: str, *arguments: str) -> Done:
    """What the command came to; it is told the database alone."""
    environ = {"DATABASE_URL": database_url}
    return await asyncio.to_thread(run, "statement", *arguments, environ=environ)


async def rows(shop: Shop, database_url: str, month: str) -> list[dict[str, str]]:
    """The CSV of the shop's month."""
    done = await told(database_url, "--tenant", shop.tenant.slug, "--month", month, "--csv")
    assert done.code == 0, done.err
    found = list(csv.DictReader(done.out.splitlines()))
    assert done.out.splitlines()[0] == ",".join(COLUMNS)
    return found


def check_sums(found: list[dict[str, str]]) -> None:
    """Opening balance and lines come to the closing balance, and each line to its net."""
    balance = 0
    for row in found:
        cents = {name: round(float(row[name] or 0) * 100) for name in COLUMNS[7:]}
        if row["reason"] == "opening balance":
            balance = cents["balance"]
        elif row["reason"] == "closing balance":
            assert cents["balance"] == balance
        else:
            parts = ("gross", "refunded", "platform_fee", "gateway_fee", "disputes")
            assert cents["net"] == sum(cents[part] for part in parts)
            balance += cents["net"]
            assert cents["balance"] == balance


async def test_a_month_adds_up(shop: Shop, database_url: str) -> None:
    """A capture, its settlement, a refund, a dispute and its loss are lines; the closing balance is
    the payment's net, and the next month opens with it."""
    disputed = await a_settled(shop)
    await disputed.refund(2_500)
    gateway_id = await disputed.open(amount=4_000)
    await disputed.hear()
    payment = await disputed.go(gateway_id, "lost")
    await shop.authorize()
    found = await rows(shop, database_url, THIS)

    check_sums(found)
    assert [(row["fact"], row["net"]) for row in found] == [
        ("", ""),
        ("capture", "97.00"),
        ("settlement", "-3.20"),
        ("refund", "-24.25"),
        ("dispute", "-15.00"),
        ("dispute", "-40.00"),
        ("", ""),
    ]
    assert {row["payment"] for row in found} == {"", payment.id}
    assert found[-1]["balance"] == f"{payment.net / 100:.2f}"
    assert found[-1]["due_to_platform"] == "0.00"
    assert await rows(shop, database_url, LAST) == []

    # A month later everything is in the opening balance.
    await move_back(shop, days=NOW.day)
    later = await rows(shop, database_url, THIS)
    check_sums(later)
    assert [row["balance"] for row in later] == [found[-1]["balance"]] * 2
    earlier = await rows(shop, database_url, LAST)
    check_sums(earlier)
    assert [row["net"] for row in earlier] == [row["net"] for row in found]


async def move_back(shop: Shop, days: int) -> None:
    """Has everything been booked earlier, which nobody could do with the locks in place."""
    await shop.write("alter table ledger_transactions disable trigger all")
    await shop.write(
        "update ledger_transactions set created_at = created_at - make_interval(days => :days)",
        days=days,
    )


async def test_what_is_due_to_the_platform(shop: Shop, database_url: str) -> None:
    """Of money in the merchant's own account the fee is owed, and said apart."""
    await Desk.of(shop).configure(own(new_key()))
    await shop.charge()
    found = await rows(shop, database_url, THIS)
    done = await told(database_url, "--tenant", shop.tenant.id, "--month", THIS)

    assert (found[-1]["balance"], found[-1]["due_to_platform"]) == ("97.00", "3.00")
    assert "of which due to the platform: 3.00 USD" in done.out


async def charge(shop: Shop, total: int, currency: str, reference: str) -> Payment:
    """A charge in this currency, for an order of this reference."""
    order = CreateOrder(
        reference=reference,
        total=total,
        currency=currency,
        idempotency_key=secrets.token_hex(8),
        metadata={},
    )
    opened = (await shop.orders.create(USER, shop.tenant.id, order)).order
    command = replace(await shop.start_command(), order_id=opened.id)
    return (await shop.payments.charge(USER, shop.tenant.id, command)).payment


async def test_every_currency_has_its_part(shop: Shop, database_url: str) -> None:
    """Decimals are the currency's own, and a reference that a spreadsheet would run is text."""
    await charge(shop, 5_000, "JPY", "=HYPERLINK(1)")
    await charge(shop, 12_340, "KWD", "A-1")
    found = await rows(shop, database_url, THIS)
    captures = {row["currency"]: row for row in found if row["fact"] == "capture"}

    assert [row["currency"] for row in found] == ["JPY"] * 3 + ["KWD"] * 3
    assert (captures["JPY"]["gross"], captures["JPY"]["order"]) == ("5000", "'=HYPERLINK(1)")
    assert (captures["KWD"]["gross"], captures["KWD"]["platform_fee"]) == ("12.340", "-0.370")


async def test_a_table_for_people(shop: Shop, database_url: str) -> None:
    """Name and month, a line a booking, the balances; a month that goes on says so."""
    await shop.charge()
    done = await told(database_url, "--tenant", "acme", "--month", THIS)
    lines = done.out.splitlines()

    assert lines[0] == f"Acme (acme), {NOW:%B %Y}, not closed: it may still gain lines"
    assert lines[2] == "USD"
    assert "opening balance" in lines[4]
    assert lines[5].split()[2:9] == ["captured", "100.00", "0.00", "-3.00", "0.00", "0.00", "97.00"]
    assert lines[-1].split()[-1] == "97.00"


async def test_what_it_cannot_tell(shop: Shop, database_url: str) -> None:
    """No such tenant, a month that is none or has not begun: in words, exit code 2."""
    following = f"{NOW + timedelta(days=40):%Y-%m}"
    for tenant, month, word in (
        ("nobody", THIS, "no tenant"),
        (new_id(Prefix.TENANT), THIS, "no tenant"),
        ("acme", "2026-13", "YYYY-MM"),
        ("acme", "November", "YYYY-MM"),
        ("acme", following, "has not begun"),
        ("acme", "1999-12", "before the year 2000"),
    ):
        done = await told(database_url, "--tenant", tenant, "--month", month)
        assert (done.code, done.out) == (2, ""), month
        assert word in " ".join(done.err.replace("│", " ").split())


def test_when_a_month_is_closed() -> None:
    """A quarter of an hour after its end: what was begun in it is committed by then."""
    december = Month.read("2025-12", NOW)
    end = datetime(2026, 1, 1, tzinfo=UTC)

    assert december == Month(datetime(2025, 12, 1, tzinfo=UTC), end)
    assert not december.is_closed(end + timedelta(minutes=14))
    assert december.is_closed(end + timedelta(minutes=15))
    with pytest.raises(NoMonth):
        Month.read("2026-1", NOW)
