"""Events that come early, twice, for nobody, or while something is broken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.deciding import Deciding
from domain.ids import Prefix, new_id
from domain.inbox import LEASE_SECONDS, TRIES_MAX, WebhookEventStatus
from domain.payment import CaptureMethod, Payment, PaymentStatus
from domain.starting import decide_start
from tests.integration.webhooks.shop import USER, Shop, try_event

PROCESSED, IGNORED = WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED
RETRY, DEAD = WebhookEventStatus.RETRY, WebhookEventStatus.DEAD
INTENT_PATH = "/v1/payment_intents/pi_[^/]+"


async def foreign_intent(shop: Shop, **metadata: str) -> dict[str, Any]:
    """The succeeded event of an intent that somebody made beside Tollgate."""
    form = {f"metadata[{name}]": value for name, value in metadata.items()}
    intent = await shop.call_stripe(
        "payment_intents",
        amount="10000",
        currency="usd",
        payment_method="pm_card_visa",
        confirm="true",
        **{"automatic_payment_methods[enabled]": "true"},
        **{"automatic_payment_methods[allow_redirects]": "never"},
        **form,
    )
    events = await shop.gateway_events("payment_intent.succeeded")
    return next(event for event in events if event["data"]["object"]["id"] == intent["id"])


async def test_an_event_before_our_own_commit(shop: Shop) -> None:
    """An event that beats the commit of its payment waits a second or so, and is then applied."""
    command = await shop.start_command()
    async with shop.database.begin(shop.tenant.id) as work:
        deciding = Deciding(
            work=work,
            gateway=shop.gateway,
            tenant_id=shop.tenant.id,
            actor=USER,
            now=shop.clock.now(),
            record_id="",
        )
        operation, account = await decide_start(deciding, command, CaptureMethod.AUTOMATIC)
        await shop.gateway.send_intent(
            account, operation.request, key=operation.gateway_key, timeout_seconds=5
        )
        (event,) = await shop.gateway_events("payment_intent.succeeded")
        early = await shop.process(event)
        await work.commit()
    shop.clock.advance(1)
    await shop.work_off()
    applied = await shop.event(early.id)

    assert (early.status, early.attempts) == (RETRY, 1)
    assert (applied.status, applied.attempts) == (PROCESSED, 2)
    assert (await shop.payment_of(command.order_id)).status is PaymentStatus.PAID
    assert await shop.alerts() == []


async def test_an_event_of_a_payment_that_never_comes(shop: Shop) -> None:
    """An event with our metadata and no payment of ours is retried, then DEAD with an alert."""
    event = await foreign_intent(shop, tollgate_payment_id=new_id(Prefix.PAYMENT))
    stored = await shop.process(event)
    for _ in range(TRIES_MAX - 1):
        shop.clock.advance(24 * 3600)
        await shop.work_off()
    dead = await shop.event(stored.id)
    shop.clock.advance(24 * 3600)
    await shop.work_off()

    assert (stored.status, dead.status, dead.attempts) == (RETRY, DEAD, TRIES_MAX)
    assert "not known here yet" in str(dead.error_message)
    assert await shop.alerts() == [
        ("webhook.unmatched", "MEDIUM", stored.id),
        ("webhook.dead", "HIGH", stored.id),
    ]
    assert await shop.event(stored.id) == dead


async def test_workers_at_once_handle_it_once(shop: Shop) -> None:
    """Twenty workers on one event: one holds it, and the payment moves once."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.receive(event)
    await asyncio.gather(*(try_event(shop.events, stored.id) for _ in range(20)))
    handled = await shop.event(stored.id)

    assert (handled.status, handled.attempts) == (PROCESSED, 1)
    assert await shop.timeline(payment) == ["payment.created", "payment.paid"]


async def test_all_events_of_a_payment_at_once(shop: Shop) -> None:
    """Every event of one payment worked off side by side: one effect, none of them lost."""
    payment = await shop.lose_the_answer()
    stored = [await shop.receive(event) for event in await shop.gateway_events()]
    await asyncio.gather(*(try_event(shop.events, event.id) for event in stored))
    shop.clock.advance(5)
    await shop.work_off()
    ended = {(await shop.event(event.id)).status for event in stored}

    assert ended == {PROCESSED}
    assert (await shop.timeline(payment)).count("payment.paid") == 1


async def test_a_payment_that_moved_is_read_again(shop: Shop) -> None:
    """A payment that another worker moves during the read is read again before it is recorded."""
    payment = await shop.lose_the_answer()
    (slow,) = await shop.gateway_events("payment_intent.succeeded")
    (quick,) = await shop.gateway_events("charge.succeeded")
    await shop.control.order_fault("latency", method="GET", path=INTENT_PATH, seconds=0.5)
    stored = await shop.receive(slow)
    waiting = asyncio.create_task(try_event(shop.events, stored.id))
    await asyncio.sleep(0.2)
    await shop.process(quick)
    await waiting
    handled = await shop.event(stored.id)

    assert (handled.status, handled.attempts) == (PROCESSED, 1)
    assert (await shop.timeline(payment)).count("payment.paid") == 1


async def test_an_intent_of_somebody_else(shop: Shop) -> None:
    """An intent made beside Tollgate on the same account is none of our business."""
    stored = await shop.process(await foreign_intent(shop))

    assert (stored.status, stored.tenant_id) == (IGNORED, None)
    assert stored.error_message == "The event is not about a payment of ours."


@pytest.mark.parametrize("type_", ["customer.created", "payment_intent.partially_funded", "x"])
async def test_a_type_that_means_nothing(shop: Shop, type_: str) -> None:
    """An event of a type outside the table is stored and IGNORED, with the reason."""
    await shop.charge()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.process(event, type=type_)

    assert stored.status is IGNORED
    assert type_ in str(stored.error_message)


async def test_an_event_of_the_other_mode(shop: Shop) -> None:
    """A live event at a test account is IGNORED before anything is looked up."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.process(event, livemode=True)

    assert (stored.status, stored.payment_id) == (IGNORED, None)
    assert await shop.now_of(payment) == payment


async def contradiction(shop: Shop, payment: Payment) -> dict[str, Any]:
    """The event of another intent that claims, by its metadata, to be our payment's."""
    return await foreign_intent(shop, tollgate_payment_id=payment.id)


async def test_a_contradiction_is_buried_at_once(shop: Shop) -> None:
    """Another intent under our payment's name changes nothing: DEAD, with a CRITICAL alert."""
    payment = await shop.charge()
    stored = await shop.process(await contradiction(shop, payment))

    assert (stored.status, stored.attempts, stored.payment_id) == (DEAD, 1, payment.id)
    assert await shop.alerts() == [("webhook.mismatch", "CRITICAL", stored.id)]
    assert await shop.now_of(payment) == payment


async def test_a_refund_under_a_foreign_intent(shop: Shop) -> None:
    """A refund of one payment, announced as another's, is not booked on the other."""
    payment, other = await shop.charge(), await shop.charge()
    await shop.call_stripe("refunds", payment_intent=str(payment.gateway_payment_id), amount="500")
    (event,) = await shop.gateway_events("refund.created")
    lie = {**event["data"]["object"], "payment_intent": other.gateway_payment_id}
    stored = await shop.process(event, data={"object": lie})

    assert stored.status is DEAD
    assert (await shop.now_of(other)).refunded == 0


async def test_a_dead_workers_event_is_taken_over(shop: Shop) -> None:
    """An event whose worker died is free again when its lease runs out, and not before."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.receive(event)
    await claim(shop, stored.id)
    await try_event(shop.events, stored.id)
    held, due = await shop.event(stored.id), await shop.events.claim_due(10)
    shop.clock.advance(LEASE_SECONDS)
    await shop.work_off()
    taken_over = await shop.event(stored.id)

    assert (held.status, list(due)) == (WebhookEventStatus.PROCESSING, [])
    assert (taken_over.status, taken_over.attempts) == (PROCESSED, 2)
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def claim(shop: Shop, webhook_event_id: str) -> None:
    """What a worker does before it dies."""
    now = shop.clock.now()
    lease_until = now.fromtimestamp(now.timestamp() + LEASE_SECONDS, now.tzinfo)
    async with shop.worker_database.begin_across_tenants() as work:
        assert await work.inbox.claim(webhook_event_id, now, lease_until) is not None
        await work.commit()


async def test_an_event_that_kills_its_workers(shop: Shop) -> None:
    """An event that no worker survives is DEAD with an alert after its tries, without another."""
    await shop.charge()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.receive(event)
    for _ in range(TRIES_MAX):
        await claim(shop, stored.id)
        shop.clock.advance(LEASE_SECONDS)
    await shop.work_off()

    assert (await shop.event(stored.id)).status is DEAD
    assert await shop.alerts() == [("webhook.dead", "HIGH", stored.id)]


@pytest.mark.parametrize("kind", ["unavailable", "rate_limit", "error_before", "garbled", "html"])
async def test_a_gateway_that_is_away(shop: Shop, kind: str) -> None:
    """While the gateway cannot be read the event waits with its reason; then it is applied."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    await shop.control.order_fault(kind, method="GET", path=INTENT_PATH)
    waiting = await shop.process(event)
    shop.clock.advance(1)
    await shop.work_off()

    assert (waiting.status, waiting.payment_id) == (RETRY, payment.id)
    assert waiting.error_message
    assert (await shop.event(waiting.id)).status is PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_a_gateway_that_stays_away(shop: Shop) -> None:
    """After its last try an event that the gateway never answered is DEAD, with one alert."""
    await shop.lose_the_answer()
    (event,) = await shop.gateway_events("payment_intent.succeeded")
    await shop.control.order_fault("unavailable", method="GET", path=INTENT_PATH, times=None)
    stored = await shop.process(event)
    for _ in range(TRIES_MAX):
        shop.clock.advance(24 * 3600)
        await shop.work_off()
    dead = await shop.event(stored.id)

    assert (dead.status, dead.attempts) == (DEAD, TRIES_MAX)
    assert await shop.alerts() == [("webhook.dead", "HIGH", stored.id)]


async def test_a_poisoned_event_delays_no_neighbour(shop: Shop) -> None:
    """An event that is put off again and again leaves the events beside it alone."""
    poisoned = await shop.receive(
        await foreign_intent(shop, tollgate_payment_id=new_id(Prefix.PAYMENT))
    )
    payment = await shop.lose_the_answer()
    events = await shop.gateway_events("payment_intent.succeeded")
    neighbour = await shop.receive(events[-1])
    await shop.work_off()

    assert (await shop.event(poisoned.id)).status is RETRY
    assert (await shop.event(neighbour.id)).status is PROCESSED
    assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_what_jsonb_cannot_hold(shop: Shop) -> None:
    """An event with a NUL, half a surrogate pair or an infinity is kept without its payload, DEAD,
    with an alert, and once."""
    event = await foreign_intent(shop)
    unreadable: list[object] = ["\0", "\ud800", {"\udfff": 1}, float("inf")]
    stored = [
        await shop.receive(event, id=f"evt_{number}", data={"object": {"note": note}})
        for number, note in enumerate(unreadable)
    ]
    await shop.receive(event, id="evt_0", data={"object": {"note": "\0"}})
    kept = [await shop.event(event.id) for event in stored]

    assert {(event.status, str(event.payload)) for event in kept} == {(DEAD, "{}")}
    assert await shop.alerts() == [("webhook.unreadable", "HIGH", event.id) for event in stored]
    assert await shop.events.claim_due(10) == []
