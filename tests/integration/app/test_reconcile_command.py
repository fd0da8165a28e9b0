"""`tollgate reconcile`, as an operator calls it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.app.in_process import Done, run
from tests.integration.reconciliation.test_left import given_up_wrongly
from tests.integration.reconciliation.test_repairs import BOOKED_SECONDS
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened
from tests.unit.app.test_settings import DEVELOPMENT

AGO = 3_600.0


async def reconciled(shop: Shop, database_url: str, *options: str) -> Done:
    """What the command came to, within this process."""
    environ = DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "REDIS_URL": NO_REDIS,
        "STRIPE_API_BASE": shop.control.url,
        "STRIPE_SECRET_KEY": shop.stripe_key,
    }
    return await asyncio.to_thread(run, "reconcile", *options, environ=environ)


async def an_hour_ago(shop: Shop) -> str:
    """A charge of an hour ago whose answer and events were lost; the payment's id."""
    await shop.control.advance(-AGO)
    payment = await shop.lose_the_answer()
    await asyncio.sleep(BOOKED_SECONDS)
    await shop.control.advance(AGO)
    ago = datetime.now(UTC) - timedelta(seconds=AGO)
    await shop.write(
        "update gateway_operations set created_at = :ago, first_sent_at = :ago,"
        " last_sent_at = :ago",
        ago=ago,
    )
    return payment.id


async def test_it_tells_and_repairs(database_url: str, sandbox_url: str) -> None:
    """Exit code 3 and a line for each difference, with nothing written; with --fix it is repaired,
    in the name of who asked, and the same again finds nothing."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment_id = await an_hour_ago(shop)
        account = await shop.endpoints.platform_gateway_id()
        told = await reconciled(shop, database_url)
        untouched = await shop.rows("select count(*) from reconciliations")
        fixed = await reconciled(shop, database_url, "--fix", "--by", "ada", "--since", "1d")
        again = await reconciled(shop, database_url, "--gateway", account)
        actors = await shop.rows("select actor_id from audit_log where action = 'payment.paid'")

    difference = f"{payment_id} missed_capture: PENDING here, PAID at the gateway"
    assert (told.code, fixed.code, again.code) == (3, 0, 0), (told.err, fixed.err)
    assert told.out.splitlines() == [
        difference,
        f"{account}: 1 payments, 0 repaired, 1 differ",
    ]
    assert untouched == [(0,)]
    assert fixed.out.splitlines() == [
        f"repaired: {difference}",
        f"{account}: 1 payments, 1 repaired, 0 differ",
    ]
    assert again.out.splitlines() == [f"{account}: 1 payments, 0 repaired, 0 differ"]
    assert "reconciling, in hours" in told.err
    assert actors == [("ada",)]


async def test_json_of_what_is_left(database_url: str, sandbox_url: str) -> None:
    """What cannot be repaired is in the document, and the exit code is 3 after a repair too; it is
    kept for the next round."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        await shop.control.advance(-AGO)
        payment = await given_up_wrongly(shop)
        await shop.control.advance(AGO)
        done = await reconciled(shop, database_url, "--fix", "--json")
        kept = await shop.rows("select label, subject_id from reconciliation_differences")

    assert done.code == 3, done
    (account,) = json.loads(done.out)["accounts"]
    assert account["error"] is None
    assert account["differences"] == [
        {
            "label": "late_money",
            "subject_id": payment.id,
            "tenant_id": shop.tenant.id,
            "ours": "FAILED",
            "theirs": "10000",
        }
    ]
    assert kept == [("late_money", payment.id)]


async def test_an_account_that_cannot_be_read(database_url: str, sandbox_url: str) -> None:
    """Exit code 1, with the reason, whether it repairs or only looks."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        await shop.control.order_fault(
            "unavailable", method="GET", path="/v1/balance_transactions", times=None
        )
        looked = await reconciled(shop, database_url)
        fixed = await reconciled(shop, database_url, "--fix")

    assert (looked.code, fixed.code) == (1, 1)
    for done in (looked, fixed):
        assert "0 differ; not read to its end: GatewayUnknown" in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "yesterday"), "ISO 8601"),
        (("--since", "5m"), "more than 15 minutes ago"),
        (("--gateway", "gw_none"), "no account has the id"),
    ],
    ids=["no time", "too young", "no account"],
)
async def test_what_it_refuses(
    database_url: str, sandbox_url: str, options: tuple[str, str], said: str
) -> None:
    """With exit code 2, before the gateway is asked."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        done = await reconciled(shop, database_url, *options)
    assert done.code == 2
    assert said in done.err
