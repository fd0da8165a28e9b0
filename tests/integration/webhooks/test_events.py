"""Events worked off against the real database and the sandbox: what they make of payments."""

from __future__ import annotations

import random
import secrets
from typing import Any

import pytest

from domain.commands import CancelPayment, CapturePayment, RefundPayment
from domain.inbox import WebhookEventStatus
from domain.order import OrderStatus
from domain.payment import Payment, PaymentStatus, RefundState
from domain.refund import RefundOrigin, RefundReason, RefundStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import USER, Shop

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED


async def refund(shop: Shop, payment: Payment, amount: int | None = None) -> None:
    """A refund asked for through Tollgate."""
    command = RefundPayment(
        payment_id=payment.id,
        idempotency_key=secrets.token_hex(8),
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        amount=amount,
    )
    await shop.payments.refund(USER, shop.tenant.id, command)


async def order_status(shop: Shop, payment: Payment) -> OrderStatus:
    """The status of the payment's order now."""
    async with shop.database.begin(shop.tenant.id) as work:
        order = await work.orders.find(shop.tenant.id, payment.order_id)
    assert order is not None
    return order.status


async def test_a_lost_answer_is_made_good(shop: Shop) -> None:
    """A payment whose answer was lost becomes PAID by its event, found through the metadata."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.process(event)

    paid = await shop.now_of(payment)
    assert (stored.status, stored.tenant_id, stored.payment_id) == (
        PROCESSED,
        shop.tenant.id,
        payment.id,
    )
    assert (payment.status, paid.status) == (PaymentStatus.PENDING, PaymentStatus.PAID)
    assert (paid.platform_fee, paid.gateway_fee, paid.net) == (300, 320, 9380)
    assert await order_status(shop, payment) is OrderStatus.PAID


async def test_events_after_the_answer_bring_the_fee_alone(shop: Shop) -> None:
    """When the answer was recorded first, all that its events add is the gateway's final fee."""
    payment = await shop.charge()
    await eventually(lambda: shop.gateway_events("charge.updated"), lambda found: len(found) == 1)
    settled = [await shop.process(event) for event in await shop.gateway_events()]
    after = await shop.now_of(payment)

    assert {event.status for event in settled} == {PROCESSED}
    assert (after.status, after.gateway_fee_is_final) == (PaymentStatus.PAID, True)
    assert after.version == payment.version + 1
    assert await shop.timeline(payment) == ["payment.created", "payment.paid", "payment.updated"]


async def test_a_lost_decline_closes_its_intent(shop: Shop) -> None:
    """A decline heard by webhook makes FAILED, closes the intent, and its cancel stays FAILED."""
    payment = await shop.lose_the_answer("pm_card_visa_chargeDeclined")
    (declined,) = await shop.gateway_events("payment_intent.payment_failed")
    await shop.process(declined)
    failed = await shop.now_of(payment)
    await shop.settler.settle_due(20)
    (canceled,) = await shop.gateway_events("payment_intent.canceled")
    stored = await shop.process(canceled)
    closed = await shop.now_of(payment)

    assert (failed.status, failed.is_live) == (PaymentStatus.FAILED, True)
    assert (stored.status, closed.status, closed.is_live) == (
        PROCESSED,
        PaymentStatus.FAILED,
        False,
    )
    assert closed.failure is not None
    assert closed.failure.decline_code == "generic_decline"


@pytest.mark.parametrize(
    ("outcome", "status"), [("succeed", PaymentStatus.PAID), ("fail", PaymentStatus.FAILED)]
)
async def test_three_d_secure_ends_by_webhook(
    shop: Shop, outcome: str, status: PaymentStatus
) -> None:
    """What the payer did at the issuer is known from the event alone."""
    payment = await shop.charge("pm_card_threeDSecure2Required")
    assert payment.gateway_payment_id is not None
    await shop.control.authenticate(payment.gateway_payment_id, outcome)
    for event in await shop.gateway_events():
        await shop.process(event)
    ended = await shop.now_of(payment)

    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert (ended.status, ended.next_action) == (status, None)


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_number_end_the_same(shop: Shop, seed: int) -> None:
    """Events of authorize, capture and refund, shuffled and doubled, end in one state."""
    chance = random.Random(seed)  # noqa: S311 - reproducible on purpose
    payment = await shop.authorize()
    command = CapturePayment(payment_id=payment.id, idempotency_key="capture", amount=8_000)
    await shop.payments.capture(USER, shop.tenant.id, command)
    await refund(shop, payment, 3_000)
    before = await shop.now_of(payment)
    events = await shop.gateway_events()
    deliveries = chance.sample(events * 2, 2 * len(events))
    for event in deliveries:
        await shop.receive(event)
    await shop.work_off()
    after = await shop.now_of(payment)

    assert {status for (status,) in await shop.rows("select status from webhook_events")} == {
        "PROCESSED"
    }
    assert await shop.rows("select count(*) from webhook_events") == [(len(events),)]
    assert (after.status, after.captured, after.refunded, after.net) == (
        PaymentStatus.PAID,
        8_000,
        3_000,
        before.net,
    )


async def test_a_refund_of_the_dashboard_is_recorded(shop: Shop) -> None:
    """Refunds made beside Tollgate get rows of their own and count once, whatever event brings
    them; the cumulative amount on the charge is not used."""
    payment = await shop.charge()
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id), amount="1000")
    await shop.call_stripe(
        "refunds", payment_intent=str(payment.gateway_payment_id), amount="2500", reason="duplicate"
    )
    for event in reversed(await shop.gateway_events()):
        await shop.process(event)
    after, refunds = await shop.now_of(payment), await shop.refunds_of(payment)

    assert (after.refunded, after.refund_status) == (3_500, RefundState.PARTIAL)
    assert sorted((one.amount, one.status, one.origin, one.reason) for one in refunds) == [
        (1_000, RefundStatus.SUCCEEDED, RefundOrigin.GATEWAY, RefundReason.OTHER),
        (2_500, RefundStatus.SUCCEEDED, RefundOrigin.GATEWAY, RefundReason.DUPLICATE),
    ]


async def test_a_refund_heard_of_before_its_payment(shop: Shop) -> None:
    """A refund's event that comes before anything else makes the payment PAID and refunded."""
    payment = await shop.lose_the_answer()
    (succeeded,) = await shop.gateway_events("payment_intent.succeeded")
    intent_id = succeeded["data"]["object"]["id"]
    await shop.call_stripe("refunds", payment_intent=intent_id, amount="4000")
    (refunded,) = await shop.gateway_events("charge.refunded")
    stored = await shop.process(refunded)
    after = await shop.now_of(payment)

    assert stored.status is PROCESSED
    assert (after.status, after.captured, after.refunded) == (PaymentStatus.PAID, 10_000, 4_000)


async def test_a_refund_that_fails_late_is_reversed(shop: Shop) -> None:
    """A refund that succeeded and failed weeks later gives its amount and its fee part back."""
    payment = await shop.charge()
    await refund(shop, payment)
    (made,) = await shop.refunds_of(payment)
    refunded = await shop.now_of(payment)
    await shop.control.settle_refund(
        str(made.gateway_refund_id), "failed", failure_reason="expired_or_canceled_card"
    )
    for event in await shop.gateway_events():
        await shop.process(event)
    after, (failed,) = await shop.now_of(payment), await shop.refunds_of(payment)

    assert (refunded.refunded, refunded.platform_fee_refunded) == (10_000, 300)
    assert (failed.status, failed.failure_reason) == (
        RefundStatus.FAILED,
        "expired_or_canceled_card",
    )
    assert (after.refunded, after.platform_fee_refunded, after.refundable) == (0, 0, 10_000)
    assert await order_status(shop, payment) is OrderStatus.PAID


async def test_a_released_authorization_is_no_refund(shop: Shop) -> None:
    """The events of a canceled authorization, charge.refunded among them, leave no refund."""
    payment = await shop.authorize()
    command = CancelPayment(payment_id=payment.id, idempotency_key="cancel")
    await shop.payments.cancel(USER, shop.tenant.id, command)
    settled = [await shop.process(event) for event in await shop.gateway_events()]
    after = await shop.now_of(payment)

    assert {event.status for event in settled} == {PROCESSED}
    assert (after.status, after.refunded) == (PaymentStatus.CANCELED, 0)
    assert await shop.refunds_of(payment) == []


async def test_an_authorization_expires_by_webhook(shop: Shop) -> None:
    """An authorization that the gateway let expire becomes EXPIRED and gives the order back."""
    payment = await shop.authorize()
    await shop.control.expire(str(payment.gateway_payment_id))
    for event in await shop.gateway_events():
        await shop.process(event)

    assert (await shop.now_of(payment)).status is PaymentStatus.EXPIRED
    assert await order_status(shop, payment) is OrderStatus.OPEN


async def test_the_fee_is_final_once_it_is_known(shop: Shop) -> None:
    """The gateway's fee, an estimate at first, becomes final by the events that follow."""
    payment = await shop.lose_the_answer()
    (updated,) = await eventually(
        lambda: shop.gateway_events("charge.updated"), lambda found: len(found) == 1
    )
    await shop.process(updated)
    after = await shop.now_of(payment)

    assert (after.gateway_fee, after.gateway_fee_is_final) == (320, True)
    assert after.settlement is not None
    assert after.settlement.fee == 320


@pytest.mark.parametrize("type_", ["payment_intent.payment_failed", "payment_intent.canceled"])
async def test_a_lying_type_is_not_believed(shop: Shop, type_: str) -> None:
    """An event whose type says failed while the gateway says succeeded leaves the payment PAID."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.process(event, type=type_)

    assert stored.status is PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_a_lying_object_is_not_believed(shop: Shop) -> None:
    """An event whose object says canceled with nothing received is only a reason to read."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    lie: dict[str, Any] = {**event["data"]["object"], "status": "canceled", "amount_received": 0}
    await shop.process(event, data={"object": lie})

    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_the_event_stands_in_the_audit(shop: Shop) -> None:
    """A change that a webhook made names the gateway and the event as its actor."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    await shop.process(event)
    actors = await shop.rows(
        "select actor_type, actor_id from audit_log where action = 'payment.paid'"
        " and subject_id = :subject",
        subject=payment.id,
    )

    assert actors == [("GATEWAY", event["id"])]


async def test_created_changes_nothing(shop: Shop) -> None:
    """payment_intent.created is PROCESSED and moves no payment, not even one that waits."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.created")
    stored = await shop.process(event)

    assert (stored.status, stored.payment_id) == (PROCESSED, payment.id)
    assert await shop.now_of(payment) == payment
