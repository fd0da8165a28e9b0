"""Events that need no read: with the gateway out of reach they are applied, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from domain.commands import CapturePayment
from domain.inbox import WebhookEventStatus
from domain.payment import Payment, PaymentStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import USER, Shop

PROCESSED, RETRY = WebhookEventStatus.PROCESSED, WebhookEventStatus.RETRY
SUCCEEDED = "payment_intent.succeeded"


async def cut_off(shop: Shop) -> None:
    """From here on the gateway answers no read."""
    await shop.control.order_fault("unavailable", method="GET", path="/v1/(?!events).*", times=None)


async def authenticated(shop: Shop) -> tuple[Payment, dict[str, Any]]:
    """A payment that the payer has just confirmed at the issuer, and the event that says so."""
    payment = await shop.charge("pm_card_threeDSecure2Required")
    await shop.control.authenticate(str(payment.gateway_payment_id))
    (event,) = await shop.gateway_events(SUCCEEDED)
    return payment, event


async def test_a_success_needs_no_read(shop: Shop) -> None:
    """The payment is PAID with the gateway out of reach; the event is the actor."""
    payment, event = await authenticated(shop)
    await cut_off(shop)
    stored = await shop.process(event)
    paid = await shop.now_of(payment)

    assert (stored.status, paid.status) == (PROCESSED, PaymentStatus.PAID)
    assert (paid.captured, paid.platform_fee, paid.gateway_fee) == (10_000, 300, 320)
    assert paid.gateway_charge_id == event["data"]["object"]["latest_charge"]


@pytest.mark.parametrize("told_first", [True, False])
async def test_what_it_leaves_out_comes_with_the_charge(shop: Shop, told_first: bool) -> None:  # noqa: FBT001
    """Card and settlement come with charge.succeeded and charge.updated, before or after it; in
    the end the payment is the same as one whose events were all read."""
    payment, event = await authenticated(shop)
    charged = await eventually(
        lambda: shop.gateway_events("charge.succeeded", "charge.updated"),
        lambda found: len(found) == 2,
    )
    order = [event, *charged] if told_first else [*charged, event]
    for each in order:
        await shop.process(each)
    paid = await shop.now_of(payment)

    assert (paid.method.brand, paid.method.last4) == ("visa", "3220")
    assert paid.gateway_fee_is_final
    assert paid.settlement is not None
    assert (await shop.timeline(payment)).count("payment.paid") == 1


async def test_a_capture_made_elsewhere_needs_no_read(shop: Shop) -> None:
    """A part captured in the dashboard is what the event says was received."""
    payment = await shop.authorize()
    await shop.call_stripe(
        f"payment_intents/{payment.gateway_payment_id}/capture", amount_to_capture="4000"
    )
    (event,) = await shop.gateway_events(SUCCEEDED)
    await cut_off(shop)
    await shop.process(event)
    paid = await shop.now_of(payment)

    assert (paid.status, paid.captured, paid.platform_fee) == (PaymentStatus.PAID, 4_000, 120)


async def test_a_cancel_needs_no_read(shop: Shop) -> None:
    """An authorization released in the dashboard."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    (event,) = await shop.gateway_events("payment_intent.canceled")
    await cut_off(shop)
    stored = await shop.process(event)

    assert stored.status is PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED


async def test_a_late_success_is_superseded_as_if_read(shop: Shop) -> None:
    """Told twice, under another id too, it has one effect and takes no read."""
    payment, event = await authenticated(shop)
    await cut_off(shop)
    for number in range(3):
        await shop.process(event, id=f"evt_{number}")

    assert (await shop.now_of(payment)).version == payment.version + 1
    assert await shop.alerts() == []


@dataclass(frozen=True, slots=True)
class Lie:
    """What is changed in an event, and in its object."""

    event: dict[str, Any]
    intent: dict[str, Any]


@pytest.mark.parametrize(
    "lie",
    [
        Lie({"api_version": "2024-04-10"}, {}),
        Lie({"type": "payment_intent.canceled"}, {}),
        Lie({"type": "payment_intent.processing"}, {}),
        Lie({}, {"amount": 20_000, "amount_received": 20_000}),
        Lie({}, {"amount_received": 20_000}),
        Lie({}, {"currency": "eur"}),
        Lie({}, {"status": "canceled", "amount_received": 0}),
        Lie({}, {"metadata": {}}),
    ],
    ids=str,
)
async def test_a_doubt_makes_us_read(shop: Shop, lie: Lie) -> None:
    """Foreign shapes and lies wait for the gateway, and then its word counts."""
    payment, event = await authenticated(shop)
    await cut_off(shop)
    told = {**event["data"]["object"], **lie.intent}
    waiting = await shop.process(event, **lie.event, data={"object": told})
    untouched = await shop.now_of(payment)
    await shop.control.clear_faults()
    shop.clock.advance(1)
    await shop.work_off()
    paid = await shop.now_of(payment)

    assert (waiting.status, untouched) == (RETRY, payment)
    assert (await shop.event(waiting.id)).status is PROCESSED
    assert (paid.status, paid.captured, paid.currency) == (PaymentStatus.PAID, 10_000, "USD")


async def test_told_of_what_we_did_ourselves(shop: Shop) -> None:
    """The event of our own capture changes nothing that the answer brought, the card included."""
    payment = await shop.authorize()
    command = CapturePayment(payment_id=payment.id, idempotency_key="capture", amount=8_000)
    await shop.payments.capture(USER, shop.tenant.id, command)
    captured = await shop.now_of(payment)
    (event,) = await shop.gateway_events(SUCCEEDED)
    await cut_off(shop)
    stored = await shop.process(event)

    assert stored.status is PROCESSED
    assert await shop.now_of(payment) == captured
