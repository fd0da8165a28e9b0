"""What a worker process leaves behind when it is killed, or told twice to stop."""

from __future__ import annotations

import asyncio
import signal

from domain.inbox import LOST, WebhookEventStatus
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import eventually
from tests.e2e.test_webhooks_worker import worker
from tests.integration.webhooks.shop import Shop, opened

SUCCEEDED = "payment_intent.succeeded"
INTENT = "/v1/payment_intents/pi_[^/]+"


async def held(shop: Shop, seconds: float) -> str:
    """The id of an event that the worker has claimed and reads about for so long."""
    (event,) = await shop.gateway_events(SUCCEEDED)
    await shop.control.order_fault("latency", method="GET", path=INTENT, seconds=seconds)
    stored = await shop.receive(event)
    await eventually(lambda: shop.event(stored.id), lambda found: found.attempts == 1, seconds=15)
    return stored.id


async def test_a_killed_workers_event_is_handled_by_the_next(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """SIGKILL in the middle of an event: the next worker handles it once the lease has run out,
    with one effect, and the lost try is told."""
    async with opened(database_url, redis_url, sandbox_url) as shop:
        payment = await shop.lose_the_answer()
        async with worker(shop, database_url, redis_url) as process:
            event_id = await held(shop, 5)
            process.kill()
            await process.wait()
        # as if 25 s had gone by
        await shop.write(
            "update webhook_events set lease_until = now() where id = :id", id=event_id
        )
        async with worker(shop, database_url, redis_url):
            handled = await eventually(
                lambda: shop.event(event_id),
                lambda found: found.status is WebhookEventStatus.PROCESSED,
                seconds=15,
            )
        tries = await shop.rows("select number, error_message from webhook_attempts order by 1")
        lines = await shop.timeline(payment)

    assert tries[0] == (1, LOST)
    assert tries[-1] == (handled.attempts, None)
    assert lines == ["payment.created", "payment.paid"]


async def test_a_second_signal_cuts_off_what_is_under_way(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """The first lets the event end, the second does not: the worker ends with 0 before the event
    has, which is free when its lease has run out."""
    async with opened(database_url, redis_url, sandbox_url) as shop:
        payment = await shop.lose_the_answer()
        async with worker(shop, database_url, redis_url) as process:
            event_id = await held(shop, 5.5)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(30):
                code = await process.wait()
        left = await shop.event(event_id)
        unpaid = await shop.now_of(payment)

    assert code == 0
    assert (left.status, left.attempts) == (WebhookEventStatus.PROCESSING, 1)
    assert unpaid.status is PaymentStatus.PENDING
