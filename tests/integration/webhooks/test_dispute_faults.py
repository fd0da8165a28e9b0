"""Disputes that come early, twice, side by side, for somebody else, or with a lie."""

from __future__ import annotations

import asyncio

import pytest

from domain.dispute import DisputeStatus as D
from domain.events import EventService
from domain.inbox import TRIES_MAX, WebhookEventStatus
from domain.payment import DisputeState, Payment, PaymentStatus
from tests.integration.domain.auditing import untold
from tests.integration.webhooks.disputed import FEE, Disputed, a_fresh
from tests.integration.webhooks.shop import Shop, try_event

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED
RETRY, DEAD = WebhookEventStatus.RETRY, WebhookEventStatus.DEAD
CREATED = "charge.dispute.created"


async def test_two_reads_that_cross(shop: Shop) -> None:
    """The picture of an open dispute, read before and recorded after another worker process had
    recorded its loss: the payment's version tells that it is old, and the gateway is read again."""
    other = EventService(shop.worker_database, shop.gateway, shop.wake, shop.clock)
    disputed = await a_fresh(shop)
    gateway_id = await disputed.open()
    (created,) = await shop.gateway_events(CREATED)
    await shop.process(created)
    path = f"/v1/disputes/{gateway_id}"
    await shop.control.order_fault("latency", method="GET", path=path, seconds=0.6)
    old = await shop.receive(created, id="evt_old")
    waiting = asyncio.create_task(try_event(shop.events, old.id))
    await asyncio.sleep(0.2)
    await shop.control.decide(gateway_id, "lost")
    (closed,) = await shop.gateway_events("charge.dispute.closed")
    quick = await shop.receive(closed)
    await try_event(other, quick.id)
    recorded = await disputed.one()
    await waiting
    payment, dispute = await disputed.now(), await disputed.one()

    assert {(await shop.event(at.id)).status for at in (quick, old)} == {PROCESSED}
    assert recorded.status is D.LOST
    assert (dispute, payment.dispute_lost) == (recorded, 10_000)
    lines = await shop.timeline(payment)
    assert [line for line in lines if line.startswith("dispute.")] == [
        "dispute.opened",
        "dispute.lost",
    ]


async def test_a_read_that_began_before_the_payment_moved(shop: Shop) -> None:
    """Two events are claimed, one of them reads an open dispute, and another worker process records
    its loss before the second looks at the payment: it must not take over the read under way, whose
    picture is older than what it has just found."""
    other = EventService(shop.worker_database, shop.gateway, shop.wake, shop.clock)
    disputed = await a_fresh(shop)
    gateway_id = await disputed.open()
    (created,) = await shop.gateway_events(CREATED)
    await shop.process(created)
    path = f"/v1/disputes/{gateway_id}"
    await shop.control.order_fault("latency", method="GET", path=path, seconds=0.6)
    claimed = []
    for name in ("evt_reading", "evt_late"):
        tried = await shop.events.claim((await shop.receive(created, id=name)).id)
        assert tried is not None
        claimed.append(tried)
    reading = asyncio.create_task(shop.events.work_off(claimed[0]))
    await asyncio.sleep(0.2)
    await shop.control.decide(gateway_id, "lost")
    (closed,) = await shop.gateway_events("charge.dispute.closed")
    await try_event(other, (await shop.receive(closed)).id)
    await shop.events.work_off(claimed[1])
    await reading
    payment, dispute = await disputed.now(), await disputed.one()

    assert (dispute.status, payment.dispute_lost) == (D.LOST, 10_000)
    lines = await shop.timeline(payment)
    assert [line for line in lines if line.startswith("dispute.")] == [
        "dispute.opened",
        "dispute.lost",
    ]


async def test_all_events_of_a_dispute_at_once(shop: Shop) -> None:
    """Worked off side by side, and each twice: one dispute, one alert, one loss, all of it told."""
    disputed = await a_fresh(shop)
    gateway_id = await disputed.open()
    await shop.control.decide(gateway_id, "under_review")
    await shop.control.decide(gateway_id, "lost")
    events = await shop.gateway_events()
    copies = [(event, f"{event['id']}_{copy}") for event in events for copy in range(2)]
    stored = [await shop.receive(event, id=copy_id) for event, copy_id in copies]
    await asyncio.gather(*(try_event(shop.events, event.id) for event in stored))
    for _ in range(3):
        shop.clock.advance(5)
        await shop.work_off()
    payment, dispute = await disputed.now(), await disputed.one()

    assert {(await shop.event(event.id)).status for event in stored} == {PROCESSED}
    assert (payment.dispute_lost, payment.dispute_fee) == (10_000, FEE)
    assert await shop.alerts() == [("dispute.opened", "CRITICAL", dispute.id)]
    assert await untold(shop) == []


@pytest.mark.parametrize("status", ["lost", "prevented", "under_review"])
async def test_a_dispute_heard_of_late(shop: Shop, status: str) -> None:
    """The first sight may be its end: it is recorded as such, and alerts all the same."""
    disputed = await a_fresh(shop)
    await disputed.open(status=status)
    await disputed.hear(CREATED)
    payment, dispute = await disputed.now(), await disputed.one()

    lost = 10_000 if status == "lost" else 0
    assert dispute.status is {"lost": D.LOST, "prevented": D.CLOSED}.get(status, D.UNDER_REVIEW)
    assert (dispute.closed_at is None) is (status == "under_review")
    assert payment.dispute_lost == lost
    assert await shop.alerts() == [("dispute.opened", "CRITICAL", dispute.id)]


async def test_a_dispute_before_its_capture(shop: Shop) -> None:
    """Captured and disputed at the gateway while Tollgate knows an authorization: the intent is
    recorded first, in the same commit."""
    payment = await shop.authorize()
    intent_id = str(payment.gateway_payment_id)
    await shop.call_stripe(f"payment_intents/{intent_id}/capture")
    disputed = Disputed(shop, payment)
    await disputed.open()
    await disputed.hear(CREATED)
    after = await disputed.now()

    assert (payment.status, after.status) == (PaymentStatus.AUTHORIZED, PaymentStatus.PAID)
    assert (after.dispute_status, after.dispute_fee) == (DisputeState.OPEN, FEE)
    assert (await shop.timeline(payment))[-2:] == ["payment.paid", "dispute.opened"]


async def charge_of(shop: Shop) -> str:
    """The id of the account's only charge at the gateway."""
    (charge,) = (await shop.control.ledger())["charges"]
    return str(charge["id"])


async def test_a_dispute_of_a_payment_whose_answer_was_lost(shop: Shop) -> None:
    """Neither the gateway's id nor our metadata lead to the payment; the intent does."""
    payment = await shop.lose_the_answer()
    await shop.control.dispute(await charge_of(shop))
    (created,) = await shop.gateway_events(CREATED)
    stored = await shop.process(created)
    after = await shop.now_of(payment)

    assert (stored.status, stored.payment_id) == (PROCESSED, payment.id)
    assert payment.gateway_payment_id is None
    assert (after.status, after.dispute_status) == (PaymentStatus.PAID, DisputeState.OPEN)


async def test_such_an_intent_that_cannot_be_read_is_asked_for_again(shop: Shop) -> None:
    """A gateway that is away puts the event off; it loses nothing."""
    payment = await shop.lose_the_answer()
    await shop.control.dispute(await charge_of(shop))
    (created,) = await shop.gateway_events(CREATED)
    await shop.control.order_fault("error_before", method="GET", path="/v1/payment_intents/.+")
    early = await shop.process(created)
    shop.clock.advance(5)
    await shop.work_off()

    assert (early.status, (await shop.event(early.id)).status) == (RETRY, PROCESSED)
    assert (await shop.now_of(payment)).dispute_status is DisputeState.OPEN


async def test_a_dispute_of_somebody_elses_payment(shop: Shop) -> None:
    """A charge made beside Tollgate on the same account is none of our business."""
    await shop.call_stripe(
        "payment_intents",
        amount="10000",
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        **{"automatic_payment_methods[enabled]": "true"},
        **{"automatic_payment_methods[allow_redirects]": "never"},
    )
    await shop.control.dispute(await charge_of(shop))
    (created,) = await shop.gateway_events(CREATED)
    stored = await shop.process(created)

    assert (stored.status, stored.tenant_id) == (IGNORED, None)
    assert stored.error_message == "The event is not about a payment of ours."
    assert await shop.alerts() == []


async def two_payments(shop: Shop) -> tuple[Disputed, Payment]:
    """A payment in dispute, and another one."""
    return await a_fresh(shop), await shop.charge()


async def test_a_dispute_under_a_foreign_intent(shop: Shop) -> None:
    """A dispute of one payment, announced as another's, changes neither."""
    disputed, other = await two_payments(shop)
    await disputed.open()
    (event,) = await shop.gateway_events(CREATED)
    lie = {**event["data"]["object"], "payment_intent": other.gateway_payment_id}
    stored = await shop.process(event, data={"object": lie})

    assert stored.status is DEAD
    assert await shop.alerts() == [("webhook.mismatch", "CRITICAL", stored.id)]
    assert (await shop.now_of(other)).dispute_status is DisputeState.NONE
    assert list(await disputed.disputes()) == []


async def test_an_event_that_lies_about_its_dispute(shop: Shop) -> None:
    """Type and object say that it was won; the gateway says that it waits for evidence."""
    disputed = await a_fresh(shop)
    await disputed.open()
    (event,) = await shop.gateway_events(CREATED)
    lie = {**event["data"]["object"], "status": "won", "balance_transactions": []}
    stored = await shop.process(event, type="charge.dispute.closed", data={"object": lie})

    assert stored.status is PROCESSED
    assert (await disputed.one()).status is D.NEEDS_RESPONSE
    assert (await disputed.now()).dispute_fee == FEE


async def test_an_event_whose_dispute_has_no_readable_id(shop: Shop) -> None:
    """All disputes of the intent are read instead, from the account's own list."""
    disputed = await a_fresh(shop)
    for amount in (1_000, 2_000):
        await disputed.open(amount=amount)
    event = (await shop.gateway_events(CREATED))[0]
    lie = {**event["data"]["object"], "id": "du_1/../../refunds"}
    stored = await shop.process(event, data={"object": lie})

    assert stored.status is PROCESSED
    assert [one.amount for one in await disputed.disputes()] == [1_000, 2_000]


async def test_a_dispute_that_the_gateway_does_not_know(shop: Shop) -> None:
    """It is tried again, and ends DEAD with an alert; the payment stays as it is."""
    disputed = await a_fresh(shop)
    await disputed.open()
    (event,) = await shop.gateway_events(CREATED)
    lie = {**event["data"]["object"], "id": "du_unknown"}
    stored = await shop.process(event, data={"object": lie})
    for _ in range(TRIES_MAX):
        shop.clock.advance(24 * 3600)
        await shop.work_off()

    assert (stored.status, (await shop.event(stored.id)).status) == (RETRY, DEAD)
    assert (await disputed.now()).dispute_status is DisputeState.NONE
