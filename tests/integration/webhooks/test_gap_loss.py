"""One event in ten is lost, and all of refunds: after a walk all is as if none had been."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from domain.event_types import USE_CASES
from domain.payment import Payment
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.served import PATH, served
from tests.integration.webhooks.shop import Shop
from tests.integration.webhooks.walking import walking

Ends = Sequence[tuple[object, ...]]


@asynccontextmanager
async def heard(shop: Shop) -> AsyncIterator[None]:
    """While it lasts, the sandbox delivers to the shop's own route, with a secret of its own."""
    form = {"enabled_events[]": "*", "url": "http://127.0.0.1:1/"}
    hook = await shop.call_stripe("webhook_endpoints", **form)
    async with served(shop, secrets=[str(hook["secret"])]) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}{PATH}"
        await shop.call_stripe(f"webhook_endpoints/{hook['id']}", url=url)
        yield
        await shop.call_stripe(f"webhook_endpoints/{hook['id']}", disabled="true")


async def life(shop: Shop) -> list[Payment]:
    """Payments of which only events tell how they ended."""
    paid = [await shop.lose_the_answer() for _ in range(3)]
    declined = await shop.lose_the_answer("pm_card_visa_chargeDeclined")
    finished = [await shop.charge("pm_card_threeDSecure2Required") for _ in range(3)]
    for payment, outcome in zip(finished, ("succeed", "succeed", "fail"), strict=True):
        await shop.control.authenticate(str(payment.gateway_payment_id), outcome)
    refunded = [await shop.charge() for _ in range(3)]
    for payment in refunded:
        form = {"payment_intent": str(payment.gateway_payment_id), "amount": "2500"}
        await shop.call_stripe("refunds", **form)
    return [*paid, declined, *finished, *refunded]


async def delivered(shop: Shop) -> None:
    """Waits until every event was sent, or lost."""

    async def under_way() -> int:
        waiting = [event for event in await shop.gateway_events() if event["pending_webhooks"]]
        tried = {(each["type"], each["event"]) for each in await shop.control.deliveries()}
        types = [name for name, _ in tried]
        # the fee of a charge is booked a moment after it
        return len(waiting) + types.count("charge.succeeded") - types.count("charge.updated")

    await eventually(under_way, lambda count: count == 0, seconds=20)


async def ends(shop: Shop, payments: Sequence[Payment]) -> Ends:
    """How the payments stand."""
    found = [await shop.now_of(payment) for payment in payments]
    return [
        (each.status, each.captured, each.refunded, each.gateway_fee, each.gateway_fee_is_final)
        for each in found
    ]


async def settled(shop: Shop) -> None:
    """Works off what waits: events, and what they set off."""
    await shop.work_off()
    await shop.settler.settle_due(50)
    await shop.work_off()


async def test_a_tenth_of_the_events_is_lost(shop: Shop) -> None:
    """The same life twice, with and without loss: the lost events are those that the walk brings,
    and payments, refunds and fees end alike."""
    async with walking(shop) as walks, heard(shop):
        without_loss = await life(shop)
        await delivered(shop)
        await settled(shop)
        for fault in (
            # other events of the same payment tell the same: of refunds nothing else does
            {"type": r"charge\.refunded|refund\..*", "times": None},
            {"probability": 0.1, "times": None},
        ):
            await shop.control.order_fault("webhook_lose", **fault)
        with_loss = await life(shop)
        await delivered(shop)
        await settled(shop)
        before = await ends(shop, with_loss)
        found = await walks.found()
        await settled(shop)
        inbox = await walks.inbox()
    lost = {
        each["event"]
        for each in await shop.control.deliveries()
        if each["status"] == "lost" and each["type"] in USE_CASES
    }

    assert found == len(lost) > 0
    assert {event for event, source in inbox.items() if source == "listed"} == lost
    assert await ends(shop, with_loss) == await ends(shop, without_loss) != before
