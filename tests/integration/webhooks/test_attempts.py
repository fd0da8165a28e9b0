"""What every try of an event leaves behind, and who may say how it ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.inbox import LEASE_SECONDS, LOST, TRIES_MAX, WebhookEvent
from domain.payment import Payment, PaymentStatus
from domain.receiving import Delivery
from tests.integration.webhooks.shop import Shop, try_event
from tests.integration.webhooks.test_event_faults import INTENT_PATH, foreign_intent

EVENT_TYPE = "charge.succeeded"
"""One whose payment is always read from the gateway."""


async def attempts(shop: Shop, event: WebhookEvent | Delivery) -> list[tuple[Any, ...]]:
    """Number, outcome, error and whether by hand, of every try."""
    return await shop.rows(
        "select number, outcome, error_message, is_manual from webhook_attempts"
        " where webhook_event_id = :id order by number",
        id=event.id,
    )


async def claim(shop: Shop, webhook_event_id: str) -> None:
    """What a worker does before it dies."""
    now = shop.clock.now()
    async with shop.worker_database.begin_across_tenants() as work:
        lease_until = now + timedelta(seconds=LEASE_SECONDS)
        assert await work.inbox.claim(webhook_event_id, now, lease_until) is not None
        await work.commit()


async def a_lost_payment(shop: Shop) -> tuple[Payment, dict[str, Any]]:
    """A payment whose answer was lost, and an event that tells of it."""
    payment = await shop.lose_the_answer()
    (event,) = await shop.gateway_events(EVENT_TYPE)
    return payment, event


async def test_each_end_leaves_its_attempt(shop: Shop) -> None:
    """Put off with the reason, then processed; ignored with the reason; buried with it."""
    payment, event = await a_lost_payment(shop)
    await shop.control.order_fault("unavailable", method="GET", path=INTENT_PATH)
    waiting = await shop.process(event)
    shop.clock.advance(1)
    await shop.work_off()
    ignored = await shop.process(event, id="evt_ignored", type="customer.created")
    lie = await foreign_intent(shop, tollgate_payment_id=payment.id)
    buried = await shop.process(lie)

    first, second = await attempts(shop, waiting)
    assert (first[:2], second) == ((1, "RETRY"), (2, "PROCESSED", None, False))
    assert first[2] == waiting.error_message
    assert await attempts(shop, ignored) == [(1, "IGNORED", ignored.error_message, False)]
    assert await attempts(shop, buried) == [(1, "DEAD", buried.error_message, False)]


async def test_an_attempt_says_how_long_it_took(shop: Shop) -> None:
    """In milliseconds, from the claim to the end."""
    _, event = await a_lost_payment(shop)
    await shop.control.order_fault("latency", method="GET", path=INTENT_PATH, seconds=0.3)
    before = shop.clock.now()
    stored = await shop.process(event)

    ((started_at, duration_ms),) = await shop.rows(
        "select started_at, duration_ms from webhook_attempts where webhook_event_id = :id",
        id=stored.id,
    )
    assert before <= started_at <= shop.clock.now() - timedelta(milliseconds=duration_ms)
    assert 300 <= duration_ms < 30_000


async def test_a_killed_worker_leaves_an_attempt(shop: Shop) -> None:
    """Its try stands in the list as one that was lost, once the lease has run out."""
    _, event = await a_lost_payment(shop)
    stored = await shop.receive(event)
    await claim(shop, stored.id)
    assert await attempts(shop, stored) == []
    shop.clock.advance(LEASE_SECONDS)
    await shop.work_off()

    assert await attempts(shop, stored) == [
        (1, "RETRY", LOST, False),
        (2, "PROCESSED", None, False),
    ]


async def test_every_try_of_an_event_that_kills_its_workers(shop: Shop) -> None:
    """Eight tries were lost, and the ninth buried it."""
    _, event = await a_lost_payment(shop)
    stored = await shop.receive(event)
    for _ in range(TRIES_MAX):
        await claim(shop, stored.id)
        shop.clock.advance(LEASE_SECONDS)
    await shop.work_off()
    tries = await attempts(shop, stored)

    assert tries[:-1] == [(number, "RETRY", LOST, False) for number in range(1, TRIES_MAX + 1)]
    assert tries[-1] == (TRIES_MAX + 1, "DEAD", f"No outcome in {TRIES_MAX} tries.", False)


async def test_an_event_without_its_payload(shop: Shop) -> None:
    """One that was emptied is buried, with an attempt."""
    _, event = await a_lost_payment(shop)
    stored = await shop.receive(event)
    await shop.write("update webhook_events set payload = '{}' where id = :id", id=stored.id)
    await try_event(shop.events, stored.id)

    ((number, outcome, error, _),) = await attempts(shop, stored)
    assert (number, outcome) == (1, "DEAD")
    assert "no payload" in error


@pytest.mark.parametrize(
    "change",
    [{}, {"type": "customer.created"}, {"api_version": "2026-10-28.endive"}],
    ids=["read", "ignored", "unread"],
)
async def test_a_late_worker_changes_nothing(shop: Shop, change: dict[str, Any]) -> None:
    """A worker that comes back after its lease ran out, and after another took the event, writes
    neither an end nor an attempt nor an effect."""
    payment, event = await a_lost_payment(shop)
    if "api_version" in change:
        (event,) = await shop.gateway_events("payment_intent.succeeded")
    stored = await shop.receive(event, **change)
    async with shop.engine.begin() as blocker:
        # Holds the worker up between its claim and its end.
        await blocker.execute(
            text("lock table payments, webhook_attempts in access exclusive mode")
        )
        late = asyncio.create_task(try_event(shop.events, stored.id))
        async with asyncio.timeout(10):
            while (await shop.event(stored.id)).attempts == 0:  # noqa: ASYNC110 - of another process, as it were
                await asyncio.sleep(0.01)
        await blocker.execute(
            text("update webhook_events set attempts = 2, status = 'DEAD', lease_until = null")
        )
    await late
    after = await shop.event(stored.id)

    assert (after.status, after.attempts, after.processed_at) == ("DEAD", 2, None)
    assert await attempts(shop, stored) == []
    assert (await shop.now_of(payment)).status is PaymentStatus.PENDING


@pytest.mark.parametrize("tries", [1, TRIES_MAX])
async def test_a_replay_counts_its_tries_anew(shop: Shop, tries: int) -> None:
    """`attempts` goes on, the first try after a replay is by hand, and it has all its tries."""
    _, event = await a_lost_payment(shop)
    stored = await shop.receive(event)
    await shop.write(
        "update webhook_events set attempts = 8, attempts_before_replay = 8,"
        " replayed_at = now(), replayed_by = 'user_1' where id = :id",
        id=stored.id,
    )
    await shop.control.order_fault("unavailable", method="GET", path=INTENT_PATH, times=tries)
    for _ in range(tries):
        await shop.work_off()
        shop.clock.advance(24 * 3600)
    await shop.work_off()
    after = await shop.event(stored.id)

    ended = "PROCESSED" if tries < TRIES_MAX else "DEAD"
    found = [(number, by_hand) for number, _, _, by_hand in await attempts(shop, stored)]
    assert (after.status, after.attempts) == (ended, min(8 + TRIES_MAX, 9 + tries))
    assert found == [(number, number == 9) for number in range(9, after.attempts + 1)]
    assert (after.attempts_before_replay, after.replayed_by) == (8, "user_1")
