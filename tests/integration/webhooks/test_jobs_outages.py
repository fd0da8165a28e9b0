"""The jobs with a real Valkey that is stopped, started, flushed or silent, without any loop beside
them: what they lose is the sweeper's, and they themselves go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.embedded.ports import free_port
from app.embedded.valkey import EmbeddedValkey
from app.loops import keep_running
from domain.inbox import WebhookEventStatus
from tests.e2e.sandbox.control import eventually
from tests.integration.webhooks.shop import Shop, opened
from tests.integration.webhooks.test_jobs import jobs_of, running, swallow
from webhooks.jobs import JOB_SECONDS_MAX, JobRunner
from webhooks.wake import ANSWER_SECONDS, ArqWake

PROCESSED = WebhookEventStatus.PROCESSED
SUCCEEDED = "payment_intent.succeeded"


async def woken(shop: Shop, redis_url: str) -> str:
    """The id of an event whose one wake-up lies in Redis."""
    await shop.lose_the_answer()
    stored = await shop.receive((await shop.gateway_events(SUCCEEDED))[-1])
    wake = ArqWake(redis_url)
    await wake.webhook_event(stored.id, 0)
    await wake.close()
    return stored.id


async def processed(shop: Shop, event_id: str) -> None:
    """Waits until the event is PROCESSED."""
    await eventually(lambda: shop.event(event_id), lambda seen: seen.status is PROCESSED, 20)


async def test_valkey_is_stopped_and_started(shop: Shop, data_folder: Path) -> None:
    """The supervisor starts the jobs anew, as often as it takes, until Valkey is back."""
    valkey = EmbeddedValkey(data_folder / "valkey", port=free_port(), durable=False)
    url = valkey.start()
    try:

        async def part(stop: asyncio.Event) -> None:
            await JobRunner(url, jobs_of(shop)).run(stop)

        async def jobs(stop: asyncio.Event) -> None:
            await keep_running("the jobs", part, stop)

        async with running(jobs) as task:
            await processed(shop, await woken(shop, url))
            valkey.stop()
            await asyncio.sleep(1)
            still_supervised = not task.done()
            assert valkey.start() == url
            await processed(shop, await woken(shop, url))
    finally:
        valkey.stop()

    assert still_supervised


async def test_redis_is_flushed_under_a_job(shop: Shop, redis_url: str) -> None:
    """The job under way ends, what was queued is forgotten, and the next wake-up is taken."""
    await shop.control.order_fault(
        "latency", method="GET", path="/v1/payment_intents/pi_[^/]+", seconds=1
    )
    async with (
        running(JobRunner(redis_url, jobs_of(shop)).run) as task,
        Redis.from_url(redis_url) as redis,
    ):
        event_id = await woken(shop, redis_url)
        await eventually(lambda: shop.event(event_id), lambda seen: seen.attempts == 1, 10)
        await redis.flushall()
        await processed(shop, event_id)
        await processed(shop, await woken(shop, redis_url))
        # a job takes its keys away once it has ended, a moment after the event has
        await eventually(lambda: redis.keys("arq:*"), lambda left: left == [], 10)

        assert not task.done()


async def test_a_killed_workers_job_is_not_taken_while_it_seems_to_run(
    shop: Shop, redis_url: str
) -> None:
    """A worker that was killed leaves a mark on its job for 30 s. Other jobs pass it by, and the
    event is nobody's in PostgreSQL's eyes all the while: the sweeper takes it."""
    event_id = await woken(shop, redis_url)
    mark = f"arq:in-progress:event:{event_id}:0"
    async with Redis.from_url(redis_url) as redis:
        await redis.psetex(mark, (JOB_SECONDS_MAX + 10) * 1_000, b"1")
        async with running(JobRunner(redis_url, jobs_of(shop)).run):
            await processed(shop, await woken(shop, redis_url))
            passed_by = await shop.event(event_id)
            await shop.work_off()
            taken = await shop.event(event_id)
            await redis.delete(mark)
            await eventually(lambda: redis.zcard("tollgate:jobs"), lambda left: left == 0, 10)

    assert (passed_by.status, passed_by.attempts) == (WebhookEventStatus.RECEIVED, 0)
    assert (taken.status, taken.attempts) == (PROCESSED, 1)
    assert await shop.event(event_id) == taken


async def test_a_redis_that_falls_silent_ends_the_jobs(database_url: str, sandbox_url: str) -> None:
    """A Redis that takes connections and answers nothing is given up, so that the supervisor may
    try another connection; without a limit the jobs would wait for ever."""
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with opened(database_url, url, sandbox_url) as shop:
        with pytest.raises(RedisError):
            async with asyncio.timeout(4 * ANSWER_SECONDS):
                await JobRunner(url, jobs_of(shop)).run(asyncio.Event())
    server.close()
