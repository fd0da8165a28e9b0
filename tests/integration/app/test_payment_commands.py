"""`tollgate payments sync`, as an operator calls it."""

from __future__ import annotations

import asyncio
import logging

import pytest
from typer.testing import CliRunner

from app.payment_commands import payment_commands
from domain.ids import Prefix, new_id
from domain.payment import PaymentStatus
from sandbox.settings import SandboxSettings
from tests.integration.app.in_process import Done
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened
from tests.unit.app.test_settings import DEVELOPMENT

BALANCE_SECONDS = SandboxSettings().balance_delay_seconds
"""How long after a charge the sandbox has its balance transaction; before, a sync records less."""


async def synced(
    shop: Shop, database_url: str, payment_id: str, *options: str, key: str | None = None
) -> Done:
    """What the command came to, within this process."""
    environ = DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "REDIS_URL": NO_REDIS,
        "STRIPE_API_BASE": shop.control.url,
        "STRIPE_SECRET_KEY": key or shop.stripe_key,
    }
    root = logging.getLogger()
    level = root.level

    def run() -> Done:
        arguments = ["sync", payment_id, *options]
        result = CliRunner().invoke(
            payment_commands, arguments, env=environ, catch_exceptions=False
        )
        return Done(result.exit_code, result.stdout, result.stderr)

    try:
        return await asyncio.to_thread(run)
    finally:
        root.setLevel(level)


async def test_a_lost_answer_is_found(database_url: str, sandbox_url: str) -> None:
    """A charge of unknown outcome is settled, audited by who asked; again, nothing changes."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment = await shop.lose_the_answer()
        await asyncio.sleep(2 * BALANCE_SECONDS)
        done = await synced(shop, database_url, payment.id, "--by", "ada")
        after = await shop.now_of(payment)
        again = await synced(shop, database_url, payment.id)
        same = await shop.now_of(payment)

    assert (done.code, again.code) == (0, 0), done.err
    assert after.status is PaymentStatus.PAID
    assert done.out.splitlines() == [
        f"{payment.id} is in step: PAID, captured 100.00 USD",
        "it was: PENDING",
    ]
    assert again.out.splitlines() == [f"{payment.id} is in step: PAID, captured 100.00 USD"]
    assert same == after


async def test_a_refund_from_the_dashboard_is_recorded(database_url: str, sandbox_url: str) -> None:
    """With who asked in the audit; the books follow, as every test of a shop checks."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment = await shop.charge()
        await shop.call_stripe(
            "refunds", payment_intent=str(payment.gateway_payment_id), amount="2500"
        )
        done = await synced(shop, database_url, payment.id, "--by", "ada")
        actors = await shop.rows(
            "select distinct actor_type, actor_id from audit_log where action like 'refund.%'"
        )
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].endswith("PAID, captured 100.00 USD, refunded 25.00 USD")
    assert done.out.splitlines()[1] == "it was: PAID, captured 100.00 USD"
    assert actors == [("SYSTEM", "ada")]


async def test_an_unreadable_gateway_changes_nothing(database_url: str, sandbox_url: str) -> None:
    """Exit code 1, with the reason; the payment is what it was, and its open operation too."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment = await shop.charge()
        await shop.control.order_fault("unavailable", method="GET", path="/v1/payment_intents/.*")
        done = await synced(shop, database_url, payment.id)
        assert await shop.now_of(payment) == payment
    assert done.code == 1
    assert f"{payment.id} is not in step: GatewayUnknown" in done.err


@pytest.mark.parametrize("payment_id", ["pay_1", "ord_01m8dnng70nea8tx6h912rxaf0", "%"])
async def test_what_is_no_payments_id_is_refused(
    database_url: str, sandbox_url: str, payment_id: str
) -> None:
    """Before anything is asked."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        done = await synced(shop, database_url, payment_id)
        unknown = await synced(shop, database_url, new_id(Prefix.PAYMENT))
    assert (done.code, unknown.code) == (2, 2)
    assert "26 characters" in done.err
    assert "no payment has this id" in unknown.err
