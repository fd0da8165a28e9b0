"""The arq jobs: an id in, a use case called. PostgreSQL holds leases, tries and outcomes."""

from __future__ import annotations

import asyncio
from typing import Any

from arq.worker import Worker, func

from domain.events import EventService
from domain.settling import Settler
from webhooks.trying import work_off
from webhooks.wake import PROCESS_WEBHOOK_EVENT, QUEUE, SETTLE_OPERATION, redis_client

JOB_SECONDS_MAX = 20
"""A job beyond this is cancelled; the row's lease runs out and the loops take it up."""

JOBS_MAX = 16
"""Jobs at once in one process."""

_POLL_SECONDS = 0.1
_CANCEL_SECONDS = 0.5


class Jobs:
    """What the worker can be woken for."""

    def __init__(self, events: EventService, settler: Settler) -> None:
        self._events = events
        self._settler = settler

    async def process_webhook_event(self, ctx: object, webhook_event_id: str) -> None:
        """Processes one event of the inbox."""
        tried = await self._events.claim(webhook_event_id)
        if tried is not None:
            await work_off(self._events, tried)

    async def settle_operation(self, ctx: object, operation_id: str) -> None:
        """Settles one operation."""
        await self._settler.settle(operation_id)


class JobRunner:
    """An arq worker over `jobs`: it keeps no results, retries nothing and handles no signals."""

    def __init__(self, redis_url: str, jobs: Jobs) -> None:
        self._redis = redis_client(redis_url)
        self._worker = Worker(
            [
                func(jobs.process_webhook_event, name=PROCESS_WEBHOOK_EVENT),
                func(jobs.settle_operation, name=SETTLE_OPERATION),
            ],
            redis_pool=self._redis,
            queue_name=QUEUE,
            job_serializer=self._redis.job_serializer,
            job_deserializer=self._redis.job_deserializer,
            keep_result=0,
            job_timeout=JOB_SECONDS_MAX,
            max_tries=1,
            max_jobs=JOBS_MAX,
            poll_delay=_POLL_SECONDS,
            handle_signals=False,
            log_results=False,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Runs jobs until `stop`, then lets those under way end.

        Raises when Redis goes away; a runner serves once, make a new one to go on.
        """
        polling = asyncio.create_task(self._worker.async_run())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({polling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            failed = polling.done()
            # Before the jobs are waited for: a poll under way goes on to start what it has read.
            await _cancelled(polling)
            await asyncio.gather(*self._worker.tasks.values(), return_exceptions=True)
            if failed:
                polling.result()
        finally:
            await _cancelled(polling, stopping, *self._worker.tasks.values())
            await self._redis.aclose(close_connection_pool=True)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Ends the tasks. They are told until they have ended: `asyncio.wait_for` of Python 3.11, by
    which the library sends to Redis, loses a cancellation that comes as its call returns."""
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_CANCEL_SECONDS)
