"""`tollgate tenants`, from the command line."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.seeding import add_tenant
from db.work import SqlDatabase
from domain.order import Order
from tests.integration.app.in_process import Done, run
from tests.integration.db.builders import a_payment as a_live_payment
from tests.integration.db.builders import an_order
from tests.integration.db.conftest import Merchant
from tests.unit.app.test_settings import DEVELOPMENT

EMAIL = "payer@example.com"
KEY = bytes(range(32))


class Platform:
    """Two tenants, and the command line."""

    def __init__(self, url: str, acme: Merchant, globex: Merchant) -> None:
        self.acme, self.globex = acme, globex
        self._environ = DEVELOPMENT | {
            "DATABASE_URL": url,
            "TOLLGATE_CREDENTIAL_KEYS": "k1:" + base64.b64encode(KEY).decode(),
        }
        self._url = url

    def tenants(self, *arguments: str, typed: str | None = None) -> Done:
        """`tollgate tenants`."""
        return run("tenants", *arguments, environ=self._environ, typed=typed)

    def order(self, merchant: Merchant, email: str | None = EMAIL, *, live: bool = False) -> Order:
        """An order of the tenant's, committed; with a live payment when asked for."""
        order = replace(an_order(merchant), customer_email=email, metadata={"name": "Ann"})
        asyncio.run(self._add(order, merchant, live=live))
        return order

    def emails(self) -> list[str | None]:
        """The e-mail addresses of all orders, oldest first."""
        return asyncio.run(self._emails())

    async def _add(self, order: Order, merchant: Merchant, *, live: bool) -> None:
        engine = make_engine(self._url, pool_size=1)
        database = SqlDatabase(engine, AesGcmCipher({"k1": KEY}, "k1"))
        async with database.begin(merchant.id) as work:
            await work.orders.add(order)
            if live:
                await work.payments.add(a_live_payment(merchant, order))
            await work.commit()
        await engine.dispose()

    async def _emails(self) -> list[str | None]:
        engine = make_engine(self._url, pool_size=1)
        async with engine.connect() as connection:
            found = await connection.exec_driver_sql(
                "SELECT customer_email FROM orders ORDER BY id"
            )
            emails = list(found.scalars())
        await engine.dispose()
        return emails


@pytest.fixture
def platform(database_url: str) -> Platform:
    """A platform without any order."""
    return asyncio.run(_platform(database_url))


async def _platform(database_url: str) -> Platform:
    engine = make_engine(database_url, pool_size=1)
    merchants = [
        Merchant(
            *await add_tenant(
                engine, name=slug.title(), slug=slug, tier_level=1, default_currency="USD"
            )
        )
        for slug in ("acme", "globex")
    ]
    await engine.dispose()
    return Platform(database_url, *merchants)


def test_tenants_are_listed(platform: Platform) -> None:
    """One line for each: id, slug, currency, state, name."""
    done = platform.tenants("list")

    assert done.out.splitlines() == [
        f"{platform.acme.id} acme USD active Acme",
        f"{platform.globex.id} globex USD active Globex",
    ]


def test_a_dry_run_counts_and_changes_nothing(platform: Platform) -> None:
    """How many orders of which tenant; tenants without any are not named."""
    platform.order(platform.acme)
    platform.order(platform.acme, EMAIL.upper())
    platform.order(platform.globex, "other@example.com")
    done = platform.tenants("erase-payer", EMAIL, "--dry-run")

    assert (done.code, done.out.splitlines()) == (
        0,
        [f"{platform.acme.id} 2 orders", "2 orders would be erased; nothing was changed"],
    )
    assert platform.emails() == [EMAIL, EMAIL.upper(), "other@example.com"]


def test_a_payer_is_erased_at_every_tenant(platform: Platform) -> None:
    """How many were erased, and what is kept, on standard output; the progress on standard error;
    the address nowhere. It may come by standard input, past the shell's history."""
    platform.order(platform.acme)
    platform.order(platform.globex, EMAIL.title())
    platform.order(platform.globex, "other@example.com")
    done = platform.tenants("erase-payer", "-", typed=f"{EMAIL}\n")

    assert done.code == 0
    assert done.out.startswith("erased 2 orders with 0 payments")
    assert "Kept for the books" in done.out
    assert "2/2" in done.err
    assert EMAIL not in (done.out + done.err).lower()
    assert platform.emails() == [None, None, "other@example.com"]


def test_a_payer_is_erased_at_one_tenant(platform: Platform) -> None:
    """The others keep what they have."""
    platform.order(platform.acme)
    platform.order(platform.globex)
    done = platform.tenants("erase-payer", EMAIL, "--tenant", platform.acme.id)

    assert done.code == 0
    assert platform.emails() == [None, EMAIL]


def test_an_order_that_is_being_paid_is_told(platform: Platform) -> None:
    """It is left, named, and the exit code asks for another run."""
    held = platform.order(platform.acme, live=True)
    platform.order(platform.acme)
    done = platform.tenants("erase-payer", EMAIL)

    assert done.code == 3
    assert done.out.startswith("erased 1 orders")
    assert f"left as it is, being paid or refunded now: {held.id}" in done.err
    assert sorted(platform.emails(), key=str) == [None, EMAIL]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((EMAIL, "--tenant", "ten_nobody"), "no tenant has the id ten_nobody"),
        (("nobody",), "e-mail"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    platform: Platform, arguments: tuple[str, ...], complaint: str
) -> None:
    """Exit code 2, and nothing is changed."""
    platform.order(platform.acme)
    done = platform.tenants("erase-payer", *arguments)

    assert (done.code, done.out) == (2, "")
    assert complaint in done.err
    assert platform.emails() == [EMAIL]
