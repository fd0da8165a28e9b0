"""What nobody could find out for a day is for people, and ends by their word alone."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import OutcomeUnknown
from domain.payment import PaymentStatus
from domain.refund import RefundStatus
from tests.integration.alerts.watch import Watch
from tests.integration.app.in_process import Done, run
from tests.integration.app.test_payment_commands import synced
from tests.integration.domain.calls import refund
from tests.integration.domain.test_settling import settle_after
from tests.integration.webhooks.shop import NO_REDIS, USER, Shop, opened
from tests.unit.app.test_settings import DEVELOPMENT

DAY = 86_400.0
ALERT = "operation.manual_review"


async def operations(shop: Shop, database_url: str, *arguments: str) -> Done:
    """`tollgate operations` over the shop's database and sandbox."""
    environ = DEVELOPMENT | {
        "DATABASE_URL": database_url,
        "REDIS_URL": NO_REDIS,
        "STRIPE_API_BASE": shop.control.url,
        "STRIPE_SECRET_KEY": shop.stripe_key,
    }
    return await asyncio.to_thread(run, "operations", *arguments, environ=environ)


async def states(shop: Shop) -> list[tuple[str, str, str]]:
    """Id, kind and state of each operation that is not a success."""
    found = await shop.rows(
        "select id, kind, state from gateway_operations where state <> 'SUCCEEDED' order by id"
    )
    return [(operation_id, kind, state) for operation_id, kind, state in found]


async def test_a_charge_that_is_read_in_the_end(database_url: str, sandbox_url: str) -> None:
    """The gateway is away for a day: nothing failed, somebody is called, the settler lets go; and
    a sync finds the money, which ends the alert."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        watch = Watch.of(shop, database_url)
        payment = await shop.lose_the_answer()
        await shop.control.order_fault(
            "unavailable", method="GET", path="/v1/payment_intents.*", times=99
        )
        await settle_after(shop, DAY - 60)
        ((operation_id, _, before),) = await states(shop)
        await settle_after(shop, 3_601)
        assert await states(shop) == [(operation_id, "charge", "MANUAL_REVIEW")]
        assert (await shop.now_of(payment)).status is PaymentStatus.PENDING
        assert (ALERT, operation_id) in await watch.look()

        await shop.control.clear_faults()
        await settle_after(shop, 3_601)
        listed = await operations(shop, database_url, "list")
        still = await states(shop)
        done = await synced(shop, database_url, payment.id, "--by", "ada")

        assert (before, done.code) == ("UNKNOWN", 0), done.err
        assert still == [(operation_id, "charge", "MANUAL_REVIEW")]
        assert listed.out.startswith(f"{operation_id} charge {payment.id} {shop.tenant.id} 100.00")
        assert (await shop.now_of(payment)).status is PaymentStatus.PAID
        assert ALERT not in await watch.rules()
        ((actor,),) = await shop.rows(
            "select actor_id from audit_log where action = 'payment.paid'"
        )
        assert actor == "ada"
        await watch.platform.dispose()


async def test_a_refund_that_was_never_made(database_url: str, sandbox_url: str) -> None:
    """A person says so: the reserve is free again, audited with who and why; once."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        payment = await shop.charge()
        await shop.control.order_fault("drop_before", method="POST", path="/v1/refunds", times=99)
        with pytest.raises(OutcomeUnknown):
            await shop.payments.refund(USER, shop.tenant.id, refund(payment, 4_000))
        await shop.control.order_fault("unavailable", method="GET", path="/v1/refunds.*", times=99)
        ((operation_id, _, _),) = await states(shop)
        given = ("give-up", operation_id, "--by", "ada", "--reason", "not in the dashboard")
        early = await operations(shop, database_url, *given)
        await settle_after(shop, DAY + 60)
        done = await operations(shop, database_url, *given)
        again = await operations(shop, database_url, *given)
        (returned,) = await shop.refunds_of(payment)
        now = await shop.now_of(payment)
        lines = await shop.rows(
            "select actor_id, after from audit_log where action = 'payment.operation_given_up'"
        )
        await shop.control.clear_faults()
        second = await shop.payments.refund(USER, shop.tenant.id, refund(payment))

    assert (early.code, done.code, again.code) == (1, 0, 1), done.err
    assert "it is UNKNOWN" in early.err
    assert "it is REJECTED" in again.err
    assert done.out == f"{operation_id} is REJECTED, {payment.id} is PAID\n"
    assert (returned.status, now.refundable) == (RefundStatus.FAILED, 10_000)
    ((actor, after),) = lines
    assert (actor, after["reason"]) == ("ada", "not in the dashboard")
    assert second.payment.refunded == 10_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("op_1", "--by", "ada", "--reason", "x"), "26 characters"),
        (("op_01m8dnng70nea8tx6h912rxaf0", "--by", "ada", "--reason", "x"), "no operation has"),
        (("op_01m8dnng70nea8tx6h912rxaf0", "--by", "ada", "--reason", " "), "must say something"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    database_url: str, sandbox_url: str, arguments: tuple[str, ...], said: str
) -> None:
    """Before anything is changed."""
    async with opened(database_url, NO_REDIS, sandbox_url) as shop:
        done = await operations(shop, database_url, "give-up", *arguments)
    assert done.code == 2
    assert said in done.err
