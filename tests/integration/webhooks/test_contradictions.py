"""What the gateway says that cannot be of the recorded payment: nothing moves, somebody is told."""

from __future__ import annotations

import asyncio

import pytest

from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus
from tests.integration.webhooks.shop import Shop


@pytest.mark.parametrize(
    "otherwise",
    [
        "update payments set total_amount_cents = total_amount_cents - 1,"
        " net_amount_cents = net_amount_cents - 1",
        "update payments set currency = 'EUR'",
    ],
    ids=["amount", "currency"],
)
@pytest.mark.parametrize(
    ("card", "kind"),
    [
        ("pm_card_visa", "payment_intent.succeeded"),
        ("pm_card_visa", "charge.updated"),
        ("pm_card_visa_chargeDeclined", "payment_intent.payment_failed"),
    ],
)
async def test_another_amount_or_currency_is_never_accepted(
    shop: Shop, otherwise: str, card: str, kind: str
) -> None:
    """The intent is ours by its metadata, and not what was agreed: DEAD at once, CRITICAL."""
    payment = await shop.lose_the_answer(card)
    await shop.write(otherwise)
    before = await shop.now_of(payment)
    events = await shop.gateway_events("payment_intent.succeeded", "payment_intent.payment_failed")
    stored = await shop.process(events[-1], type=kind)

    assert (stored.status, stored.attempts) == (WebhookEventStatus.DEAD, 1)
    assert await shop.alerts() == [("webhook.mismatch", "CRITICAL", stored.id)]
    assert await shop.now_of(payment) == before
    assert before.status is PaymentStatus.PENDING


async def test_two_hundred_copies_have_one_effect(shop: Shop) -> None:
    """Delivered and worked off side by side, two hundred times over: one row, one try, one
    effect."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")

    async def delivered_and_worked_off() -> None:
        for _ in range(25):
            await shop.receive(event)
            for tried in await shop.events.claim_due(10):
                await shop.events.work_off(tried)

    await asyncio.gather(*(delivered_and_worked_off() for _ in range(8)))

    assert await shop.rows("select status, attempts from webhook_events") == [("PROCESSED", 1)]
    assert await shop.rows("select count(*) from webhook_attempts") == [(1,)]
    assert await shop.timeline(payment) == ["payment.created", "payment.paid"]


async def test_one_fact_under_two_ids_is_one_effect(shop: Shop) -> None:
    """The gateway may tell one fact in two events."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    first, second = [await shop.process(event, id=f"evt_{number}") for number in range(2)]

    assert {first.status, second.status} == {WebhookEventStatus.PROCESSED}
    assert await shop.timeline(payment) == ["payment.created", "payment.paid"]
