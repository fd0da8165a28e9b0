"""The wake-up: a job in Redis naming the row to look at. Losing one only lengthens the wait."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from arq.connections import ArqRedis
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from webhooks.throttled import ThrottledLog

QUEUE = "tollgate:jobs"
"""The sorted set that the worker polls."""

PROCESS_WEBHOOK_EVENT = "process_webhook_event"
SETTLE_OPERATION = "settle_operation"

SECONDS_MAX = 0.5
"""How long a caller may be held up by Redis."""

PAUSE_SECONDS = 5.0
"""How long Redis is left alone after it failed, so that an outage does not slow every request."""


def redis_client(redis_url: str) -> ArqRedis:
    """An arq client that connects on first use. Jobs are JSON: a reader runs no code from them."""
    pool = ConnectionPool.from_url(redis_url, socket_connect_timeout=SECONDS_MAX)
    return ArqRedis(
        pool, job_serializer=_to_json, job_deserializer=json.loads, default_queue_name=QUEUE
    )


class ArqWake:
    """Implements `domain.ports.Wake`. Never raises, and takes at most SECONDS_MAX."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_client(redis_url)
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._paused_until = float("-inf")

    async def operation(self, operation_id: str) -> None:
        """Asks the worker to settle the operation."""
        await self._enqueue(SETTLE_OPERATION, f"operation:{operation_id}", operation_id)

    async def webhook_event(self, webhook_event_id: str) -> None:
        """Asks the worker to process the event."""
        await self._enqueue(PROCESS_WEBHOOK_EVENT, f"event:{webhook_event_id}", webhook_event_id)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def _enqueue(self, function: str, name: str, row_id: str) -> None:
        if time.monotonic() < self._paused_until:
            return
        # a job id that was used before is refused without a word, hence the time in it
        job_id = f"{name}:{time.time_ns() // 1_000_000}"
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self._redis.enqueue_job(function, row_id, _job_id=job_id)
        except (RedisError, OSError, TimeoutError) as away:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._log.warning(f"no wake-up through Redis: {type(away).__name__}: {away}")


def _to_json(job: dict[str, object]) -> bytes:
    return json.dumps(job, separators=(",", ":")).encode()
