"""Whoever reads a payment of which something is not known has it looked at."""

from __future__ import annotations

from datetime import timedelta

from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import Control
from tests.integration.domain.test_settling import open_operations
from tests.integration.webhooks.shop import Shop


async def test_a_read_has_an_old_unknown_looked_at(shop: Shop, control: Control) -> None:
    """After an outage of twenty minutes its next look is minutes away; a read brings it forward."""
    payment = await shop.lose_the_answer()
    await control.order_fault("unavailable", method="GET", path="/v1/payment_intents.*")
    shop.clock.advance(1_200)
    await shop.settler.settle_due()
    shop.clock.advance(10)
    await shop.settler.settle_due()
    assert await open_operations(shop) == 1  # it answers again, and nobody looks

    await shop.payments.look_soon(await shop.now_of(payment))
    await shop.settler.settle_due()

    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert await open_operations(shop) == 0


async def test_a_read_leaves_what_a_worker_holds(shop: Shop) -> None:
    """A lease is not taken from the worker who has it: two of them might send."""
    payment = await shop.lose_the_answer()
    shop.clock.advance(6)
    leased = "update gateway_operations set due_at = :until where state = 'UNKNOWN'"
    await shop.write(leased, until=shop.clock.now() + timedelta(seconds=29))
    await shop.payments.look_soon(await shop.now_of(payment))
    await shop.settler.settle_due()
    assert await open_operations(shop) == 1
