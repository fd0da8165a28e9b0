"""The jobs that Redis wakes, without any loop beside them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from redis.exceptions import RedisError

from domain.inbox import WebhookEventStatus
from domain.operation import OperationState
from domain.payment import PaymentStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import NO_REDIS, Shop, opened
from webhooks.jobs import JobRunner, Jobs
from webhooks.wake import SECONDS_MAX, ArqWake, redis_client

PROCESSED = WebhookEventStatus.PROCESSED


@asynccontextmanager
async def running(
    part: Callable[[asyncio.Event], Awaitable[None]],
) -> AsyncIterator[asyncio.Task[None]]:
    """A part of the worker at work, stopped as the worker stops it."""
    stop = asyncio.Event()

    async def run() -> None:
        await part(stop)

    task = asyncio.create_task(run())
    try:
        yield task
    finally:
        stop.set()
        with suppress(RedisError):
            await task


def jobs_of(shop: Shop) -> Jobs:
    """The jobs over the shop's use cases."""
    return Jobs(shop.events, shop.settler)


async def test_a_woken_event_is_processed(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """An event that is received while the jobs run is processed by them alone, at once."""
    async with (
        opened(database_url, redis_url, sandbox_url) as shop,
        running(JobRunner(redis_url, jobs_of(shop)).run),
    ):
        payment = await shop.lose_the_answer()
        (event,) = await shop.gateway_events("payment_intent.succeeded")
        stored = await shop.receive(event)
        await eventually(
            lambda: shop.event(stored.id), lambda found: found.status is PROCESSED, seconds=10
        )

        assert (await shop.now_of(payment)).status is PaymentStatus.PAID


async def test_a_woken_operation_is_settled(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """A decline heard by webhook wakes the operation that closes its intent."""
    async with (
        opened(database_url, redis_url, sandbox_url) as shop,
        running(JobRunner(redis_url, jobs_of(shop)).run),
    ):
        await shop.lose_the_answer("pm_card_visa_chargeDeclined")
        (event,) = await shop.gateway_events("payment_intent.payment_failed")
        await shop.receive(event)
        states = "select state from gateway_operations where kind = 'close_intent'"
        await eventually(
            lambda: shop.rows(states),
            lambda found: found == [(OperationState.SUCCEEDED.value,)],
            seconds=10,
        )
        (canceled,) = await shop.gateway_events("payment_intent.canceled")

        assert canceled["data"]["object"]["cancellation_reason"] == "abandoned"


async def test_a_job_under_way_ends_before_the_jobs_do(
    database_url: str, redis_url: str, sandbox_url: str
) -> None:
    """Told to stop, the jobs let the event that they hold end."""
    async with opened(database_url, redis_url, sandbox_url) as shop:
        await shop.lose_the_answer()
        (event,) = await shop.gateway_events("payment_intent.succeeded")
        await shop.control.order_fault(
            "latency", method="GET", path="/v1/payment_intents/pi_[^/]+", seconds=1
        )
        async with running(JobRunner(redis_url, jobs_of(shop)).run):
            stored = await shop.receive(event)
            await eventually(lambda: shop.event(stored.id), lambda found: found.attempts == 1)
        ended = await shop.event(stored.id)

    assert (ended.status, ended.attempts) == (PROCESSED, 1)


async def test_a_wake_up_without_redis_is_cheap(caplog: pytest.LogCaptureFixture) -> None:
    """With Redis away a wake-up neither raises nor waits, and says so once."""
    wake = ArqWake(NO_REDIS)
    started = time.monotonic()
    for _ in range(200):
        await wake.webhook_event("we_1", 0)
        await wake.operation("op_1")
    took = time.monotonic() - started
    await wake.close()

    assert took < 10 * SECONDS_MAX
    assert len([line for line in caplog.messages if "no wake-up" in line]) == 1


async def test_a_redis_that_hangs_is_not_waited_for() -> None:
    """A Redis that takes connections and answers nothing costs half a second, once."""
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    wake = ArqWake(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    started = time.monotonic()
    for _ in range(50):
        await wake.webhook_event("we_1", 0)
    took = time.monotonic() - started
    await wake.close()
    server.close()

    assert took < 10 * SECONDS_MAX


async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that hears and says nothing."""
    while await reader.read(65_536):
        pass
    writer.close()


async def test_a_wake_up_for_the_same_try_is_queued_once(redis_url: str) -> None:
    """The job's id carries the try: a second wake-up for it is none, and the next try's is one."""
    wake, redis = ArqWake(redis_url), redis_client(redis_url)
    await wake.webhook_events(["we_a", "we_b"])
    await wake.webhook_event("we_a", 0)
    await wake.webhook_event("we_a", 1)
    jobs = await redis.queued_jobs()
    await redis.aclose(close_connection_pool=True)
    await wake.close()

    assert sorted((job.job_id, job.function, *job.args) for job in jobs) == [
        ("event:we_a:0", "process_webhook_event", "we_a"),
        ("event:we_a:1", "process_webhook_event", "we_a"),
        ("event:we_b:0", "process_webhook_event", "we_b"),
    ]
