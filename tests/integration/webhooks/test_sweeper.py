"""The sweeper: the inbox worked off by PostgreSQL alone, by one worker or by several."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from app.loops import GRACE, Sweeper
from domain.event_ends import ALERTS_MAX
from domain.inbox import TRIES_MAX, WebhookEvent, WebhookEventStatus
from domain.payment import Payment, PaymentStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened
from webhooks.trying import work_off

PROCESSED, DEAD = WebhookEventStatus.PROCESSED, WebhookEventStatus.DEAD
SUCCEEDED = "payment_intent.succeeded"


@asynccontextmanager
async def sweeping(*shops: Shop) -> AsyncIterator[None]:
    """Each shop's worker sweeps until the end of the block."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(Sweeper(shop.events).run(stop)) for shop in shops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)


async def lost(shop: Shop, count: int) -> list[tuple[Payment, dict[str, Any]]]:
    """Payments whose answers were lost, each with the event that tells of its success."""
    payments = [await shop.lose_the_answer() for _ in range(count)]
    events = {
        event["data"]["object"]["metadata"]["tollgate_payment_id"]: event
        for event in await shop.gateway_events(SUCCEEDED)
    }
    return [(payment, events[payment.id]) for payment in payments]


async def received(shop: Shop, told: Sequence[tuple[Payment, dict[str, Any]]]) -> list[str]:
    """The inbox's ids of the events, old enough for the sweeper."""
    stored = [await shop.receive(event) for _, event in told]
    shop.clock.advance(GRACE.total_seconds())
    return [event.id for event in stored]


async def settled(shop: Shop, ids: Sequence[str], seconds: float = 20) -> list[WebhookEvent]:
    """The events once each is PROCESSED."""

    async def look() -> list[WebhookEvent]:
        return [await shop.event(event_id) for event_id in ids]

    return await eventually(
        look, lambda seen: all(event.status is PROCESSED for event in seen), seconds
    )


async def test_workers_share_a_backlog(database_url: str, sandbox_url: str) -> None:
    """Three workers on one backlog: each event is tried once, each effect is there once."""
    async with AsyncExitStack() as stack:
        shops = [
            await stack.enter_async_context(opened(database_url, NO_REDIS, sandbox_url))
            for _ in range(3)
        ]
        first = shops[0]
        for shop in shops[1:]:
            shop.events = shop.events.__class__(
                shop.worker_database, first.gateway, shop.wake, first.clock
            )
        told = await lost(first, 16)
        ids = await received(first, told)
        async with sweeping(*shops):
            handled = await settled(first, ids)
        paid = [await first.now_of(payment) for payment, _ in told]
        lines = [await first.timeline(payment) for payment, _ in told]

    assert {event.attempts for event in handled} == {1}
    assert {payment.status for payment in paid} == {PaymentStatus.PAID}
    assert lines == [["payment.created", "payment.paid"]] * len(told)


async def test_what_just_came_is_left_to_the_jobs(shop: Shop) -> None:
    """An event is not the sweeper's until it has had its time with the jobs."""
    ((_, event),) = await lost(shop, 1)
    stored = await shop.receive(event)
    async with sweeping(shop):
        await asyncio.sleep(0.5)
        early = await shop.event(stored.id)
        shop.clock.advance(GRACE.total_seconds())
        (handled,) = await settled(shop, [stored.id])

    assert early.status is WebhookEventStatus.RECEIVED
    assert handled.attempts == 1


async def test_a_slow_event_holds_up_no_other(shop: Shop) -> None:
    """One read takes seconds; all events behind it are handled meanwhile."""
    (slowly, slow), *others = await lost(shop, 14)
    intent = slow["data"]["object"]["id"]
    await shop.control.order_fault(
        "latency", method="GET", path=f"/v1/payment_intents/{intent}", seconds=5
    )
    slow_id, *ids = await received(shop, [(slowly, slow), *others])
    async with sweeping(shop):
        await settled(shop, ids)
        meanwhile = await shop.event(slow_id)
        await settled(shop, [slow_id])

    assert meanwhile.status is WebhookEventStatus.PROCESSING


async def a_day_later(shop: Shop, event_id: str) -> WebhookEvent:
    """The event as it stands, with a day gone by when it waits for its next try."""
    event = await shop.event(event_id)
    if event.status is WebhookEventStatus.RETRY:
        shop.clock.advance(24 * 3600)
    return event


async def test_a_poisoned_event_among_a_thousand_is_buried_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """An event that our own code cannot stand is tried further and further apart, tells its kind of
    fault, is DEAD with an alert in the end, and its neighbours are handled in their first try,
    though it is the oldest of them."""
    (payment, poison), *others = await lost(shop, 11)
    await shop.write("alter table payments drop constraint ck_payments_gateway_response")
    await shop.write("update payments set gateway_response = '[]' where id = :id", id=payment.id)
    poison_id = (await shop.receive(poison)).id
    told = [{**event, "id": f"{event['id']}_{n}"} for n in range(100) for _, event in others]
    neighbours = [await shop.delivery(event) for event in told[:999]]
    assert set(await shop.receiving.receive(neighbours)) == {None}
    shop.clock.advance(GRACE.total_seconds())
    caplog.set_level(logging.CRITICAL)

    async def seen() -> list[tuple[object, ...]]:
        return await shop.rows(
            "select status, attempts, count(*) from webhook_events where id <> :id group by 1, 2",
            id=poison_id,
        )

    async with sweeping(shop):
        handled = await eventually(
            seen, lambda rows: {row[0] for row in rows} == {"PROCESSED"}, seconds=60
        )
        dead = await eventually(
            lambda: a_day_later(shop, poison_id), lambda event: event.status is DEAD, seconds=30
        )

    assert handled == [("PROCESSED", 1, 999)]
    assert dead.attempts == TRIES_MAX
    assert dead.error_message == "AttributeError in Tollgate: see the worker's log."
    assert await shop.alerts() == [("webhook.dead", "HIGH", poison_id)]


async def test_a_flood_of_dead_events_opens_few_alerts(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may sign events may make as many fail as it likes: beyond ALERTS_MAX of them one
    alert about the gateway row stands for the rest, each of which is DEAD and can be replayed."""
    (payment, poison), *_ = await lost(shop, 1)
    await shop.write("alter table payments drop constraint ck_payments_gateway_response")
    await shop.write("update payments set gateway_response = '[]' where id = :id", id=payment.id)
    told = [{**poison, "id": f"{poison['id']}_{n}"} for n in range(ALERTS_MAX + 10)]
    stored = [await shop.delivery(event) for event in told]
    await shop.receiving.receive(stored)
    await shop.write("update webhook_events set attempts = :tries", tries=TRIES_MAX - 1)
    caplog.set_level(logging.CRITICAL)
    for tried in await shop.events.claim_due(100):
        await work_off(shop.events, tried)

    alerts = await shop.alerts()
    assert await shop.rows("select status, count(*) from webhook_events group by 1") == [
        ("DEAD", ALERTS_MAX + 10)
    ]
    assert {alert[:2] for alert in alerts} == {("webhook.dead", "HIGH")}
    assert len(alerts) == ALERTS_MAX + 1
    assert alerts[-1][2] == stored[0].gateway_id
    assert {subject for *_, subject in alerts[:-1]} <= {each.id for each in stored}


async def test_the_events_under_way_end_first(shop: Shop) -> None:
    """Told to stop, the sweeper lets what it holds end, and takes nothing more."""
    told = await lost(shop, 3)
    await shop.control.order_fault(
        "latency", method="GET", path="/v1/payment_intents/pi_[^/]+", seconds=1, times=None
    )
    (first_id,) = await received(shop, told[:1])
    async with sweeping(shop):
        await eventually(lambda: shop.event(first_id), lambda event: event.attempts == 1)
        await shop.control.clear_faults()
    late_ids = await received(shop, told[1:])
    (first,) = await settled(shop, [first_id], seconds=1)

    assert first.attempts == 1
    assert {(await shop.event(late_id)).attempts for late_id in late_ids} == {0}
