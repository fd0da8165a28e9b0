"""An operation that our own code cannot stand holds up no other."""

from __future__ import annotations

import logging

import pytest

from domain.payment import PaymentStatus
from tests.integration.webhooks.shop import Shop


async def test_a_poisoned_operation_holds_up_no_other(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Its fault is logged; the operation beside it is settled in the same round, and so is what
    comes after."""
    poisoned, sound = await shop.lose_the_answer(), await shop.lose_the_answer()
    await shop.write("alter table payments drop constraint ck_payments_gateway_response")
    await shop.write("update payments set gateway_response = '[]' where id = :id", id=poisoned.id)
    shop.clock.advance(60)
    caplog.set_level(logging.ERROR, "domain.settling")

    assert await shop.settler.settle_due() == 2

    assert await shop.rows("select payment_status from payments where id = :id", id=sound.id) == [
        (PaymentStatus.PAID.value,)
    ]
    assert len([line for line in caplog.messages if "was not looked at" in line]) == 1
