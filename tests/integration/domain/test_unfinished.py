"""A payer who never comes back from 3-D Secure does not hold an order for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.unfinished import SqlUnfinishedReads
from domain.commands import StartPayment
from domain.errors import InvalidState
from domain.payment import Payment, PaymentStatus
from domain.unfinished import UnfinishedPayments
from tests.e2e.sandbox.control import Control
from tests.integration.domain.auditing import untold
from tests.integration.domain.test_settling import settle_after
from tests.integration.webhooks.shop import USER, Shop

CARD = "pm_card_threeDSecureRequired"


def unfinished(shop: Shop) -> UnfinishedPayments:
    """As the worker has it."""
    reads = SqlUnfinishedReads(shop.worker)
    return UnfinishedPayments(shop.worker_database, reads, shop.wake, shop.clock)


async def begun(shop: Shop) -> Payment:
    """A charge that waits for its payer."""
    command = await shop.start_command(CARD)
    done = await shop.payments.charge(USER, shop.tenant.id, _with_return(command))
    assert done.payment.status is PaymentStatus.REQUIRES_ACTION
    return done.payment


async def test_an_unfinished_payment_is_canceled(shop: Shop) -> None:
    """After an hour, at the gateway, audited; and the order can be paid again."""
    payment = await begun(shop)
    shop.clock.advance(3_500)
    assert await unfinished(shop).cancel_old() == 0
    shop.clock.advance(200)

    assert await unfinished(shop).cancel_old() == 1
    assert await unfinished(shop).cancel_old() == 0  # it is asked for, and under way
    await settle_after(shop, 1)

    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED
    assert "payment.cancel_requested" in await shop.timeline(payment)
    assert await untold(shop) == []
    (event,) = await shop.gateway_events("payment_intent.canceled")
    assert event["data"]["object"]["cancellation_reason"] == "requested_by_customer"


async def test_a_payer_who_finishes_keeps_the_payment(shop: Shop, control: Control) -> None:
    """Also where Tollgate hears of it only when it comes to cancel."""
    payment = await begun(shop)
    shop.clock.advance(3_700)
    await control.authenticate(str(payment.gateway_payment_id))

    assert await unfinished(shop).cancel_old() == 1
    await settle_after(shop, 1)

    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    with pytest.raises(InvalidState):
        await begun_again(shop, payment)


async def begun_again(shop: Shop, payment: Payment) -> None:
    """The same order once more."""
    command = await shop.start_command(CARD)
    again = _with_return(command, payment.order_id)
    await shop.payments.charge(USER, shop.tenant.id, again)


def _with_return(command: StartPayment, order_id: str | None = None) -> StartPayment:
    """With where the payer comes back to."""
    url = "https://shop.example/back"
    return replace(command, return_url=url, order_id=order_id or command.order_id)
