"""How often the gateway is read for what its events tell."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.inbox import WebhookEventStatus
from domain.payment import PaymentStatus, RefundState
from tests.integration.webhooks.shop import Shop, try_event
from tests.integration.webhooks.test_event_faults import INTENT_PATH

MANY = 1000


async def watch(shop: Shop, path: str = INTENT_PATH) -> str:
    """Slows these reads down a little, and counts them."""
    return await shop.control.order_fault(
        "latency", method="GET", path=path, seconds=0.3, times=MANY
    )


async def reads(shop: Shop, fault: str) -> int:
    """How many there were."""
    return next(MANY - int(at["times"]) for at in await shop.control.faults() if at["id"] == fault)


async def test_twenty_events_at_once_share_their_reads(shop: Shop) -> None:
    """One before the payment moved, one after, and few for those that are claimed while another
    reads: how many depends on the machine, and each for itself it would be forty."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("charge.succeeded")
    fault = await watch(shop)
    stored = [await shop.receive(event, id=f"evt_{number}") for number in range(20)]
    await asyncio.gather(*(try_event(shop.events, each.id) for each in stored))
    ended = {(await shop.event(each.id)).status for each in stored}

    assert ended == {WebhookEventStatus.PROCESSED}
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID
    assert await reads(shop, fault) < 10


async def test_a_created_event_takes_none(shop: Shop) -> None:
    """Nor does a type that means nothing."""
    await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.created")
    fault = await watch(shop, "/v1/(?!events).*")
    await shop.process(event)
    await shop.process(event, id="evt_other", type="customer.created")

    assert await reads(shop, fault) == 0


def embedded(charge: dict[str, Any], *refunds: dict[str, Any]) -> dict[str, Any]:
    """The charge as it was told before 2022-11-15: with its refunds inside."""
    inside = {
        "object": "list",
        "data": [dict(refund) for refund in refunds],
        "has_more": False,
        "total_count": len(refunds),
        "url": f"/v1/charges/{charge['id']}/refunds",
    }
    return {**charge, "refunds": inside}


@pytest.mark.parametrize("version", ["2020-08-27", "2022-11-15", "2026-10-28.endive"])
async def test_embedded_refunds_are_not_booked(shop: Shop, version: str) -> None:
    """charge.refunded in an older shape, with a refund inside that the gateway does not have, and a
    cumulative amount that is too much: each refund is booked as the gateway itself lists it."""
    payment = await shop.charge()
    intent_id = str(payment.gateway_payment_id)
    for amount in ("1000", "2500"):
        await shop.call_stripe("refunds", payment_intent=intent_id, amount=amount)
    *_, event = await shop.gateway_events("charge.refunded")
    told = event["data"]["object"]
    lie = {
        "id": "re_nobody",
        "object": "refund",
        "amount": 9_000,
        "currency": "usd",
        "charge": told["id"],
        "payment_intent": intent_id,
        "status": "succeeded",
    }
    older = embedded({**told, "amount_refunded": 10_000, "refunded": True}, lie)
    for number in range(2):
        await shop.process(event, id=f"evt_{number}", api_version=version, data={"object": older})
    after = await shop.now_of(payment)

    assert (after.refunded, after.refund_status) == (3_500, RefundState.PARTIAL)
    assert sorted(one.amount for one in await shop.refunds_of(payment)) == [1_000, 2_500]


async def test_a_void_in_an_older_shape_is_no_refund(shop: Shop) -> None:
    """A canceled authorization looks refunded on its charge, with the release inside as a refund
    without a balance transaction."""
    payment = await shop.authorize()
    await shop.call_stripe(f"payment_intents/{payment.gateway_payment_id}/cancel")
    events = await shop.gateway_events()
    (released,) = [event for event in events if event["type"] == "charge.refunded"]
    told = released["data"]["object"]
    inside = {
        "id": "re_release",
        "object": "refund",
        "amount": told["amount"],
        "currency": "usd",
        "balance_transaction": None,
        "charge": told["id"],
        "payment_intent": payment.gateway_payment_id,
        "status": "succeeded",
    }
    older = embedded({**told, "amount_refunded": told["amount"], "refunded": True}, inside)
    stored = await shop.process(released, api_version="2020-08-27", data={"object": older})

    assert stored.status is WebhookEventStatus.PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.CANCELED
    assert await shop.refunds_of(payment) == []
