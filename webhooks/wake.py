"""The wake-up: a job in Redis naming the row to look at. Losing one only lengthens the wait."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping, Sequence

import orjson
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio.connection import ConnectionPool
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from webhooks.throttled import ThrottledLog

QUEUE = "tollgate:jobs"
"""The sorted set that the worker polls."""

PROCESS_WEBHOOK_EVENT = "process_webhook_event"
SETTLE_OPERATION = "settle_operation"

SECONDS_MAX = 0.5
"""How long a caller may be held up by Redis."""

ANSWER_SECONDS = 2.0
"""How long the jobs wait for an answer: without a limit they would poll a dead connection for ever.
"""

PAUSE_SECONDS = 5.0
"""How long Redis is left alone after it failed, so that an outage does not slow every request."""

JOB_MILLISECONDS = 24 * 60 * 60 * 1000
"""How long a job waits in Redis for a worker; the loops have long done it by then."""

_ENQUEUE = """
for at = 3, #ARGV, 2 do
    redis.call('SET', KEYS[2] .. ARGV[at], ARGV[at + 1], 'PX', ARGV[2], 'NX')
    redis.call('ZADD', KEYS[1], 'NX', ARGV[1], ARGV[at])
end
"""
"""Job ids and jobs, in turns, after the time and the jobs' life. A command for each would cost us
several times as much; and no worker looks at the queue in between."""


def redis_client(redis_url: str) -> ArqRedis:
    """An arq client that connects on first use. Jobs are JSON: a reader runs no code from them."""
    pool = ConnectionPool.from_url(
        redis_url, socket_connect_timeout=SECONDS_MAX, socket_timeout=ANSWER_SECONDS
    )
    return ArqRedis(
        pool, job_serializer=_to_json, job_deserializer=json.loads, default_queue_name=QUEUE
    )


class ArqWake:
    """Implements `domain.ports.Wake`. Never raises, and takes at most SECONDS_MAX."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_client(redis_url)
        self._script = AsyncScript(self._redis, _ENQUEUE)
        self._log = ThrottledLog(logging.getLogger(__name__))
        self._paused_until = float("-inf")

    async def operation(self, operation_id: str) -> None:
        """Asks the worker to settle the operation."""
        # It may be woken for again, and a job id that is queued is refused without a word: hence
        # the time.
        moment = time.time_ns() // 1_000_000
        await self._enqueue(
            {f"operation:{operation_id}:{moment}": (SETTLE_OPERATION, operation_id)}
        )

    async def webhook_event(self, webhook_event_id: str, attempts: int) -> None:
        """Asks the worker to process the event, which was tried so often before: a second wake-up
        for the same try is none."""
        job_id = f"event:{webhook_event_id}:{attempts}"
        await self._enqueue({job_id: (PROCESS_WEBHOOK_EVENT, webhook_event_id)})

    async def webhook_events(self, webhook_event_ids: Sequence[str]) -> None:
        """The same for events that just came in, all in one round trip."""
        await self._enqueue(
            {f"event:{id_}:0": (PROCESS_WEBHOOK_EVENT, id_) for id_ in webhook_event_ids}
        )

    async def answers(self) -> bool:
        """Whether Redis answers now."""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def _enqueue(self, jobs: Mapping[str, tuple[str, str]]) -> None:
        """Queues function and row id by job id."""
        if not jobs or time.monotonic() < self._paused_until:
            return
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await self._send(jobs)
        except (RedisError, OSError, TimeoutError) as away:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._log.warning(f"no wake-up through Redis: {type(away).__name__}: {away}")

    async def _send(self, jobs: Mapping[str, tuple[str, str]]) -> None:
        # What `ArqRedis.enqueue_job` does, one round trip for all instead of three for each.
        now = time.time_ns() // 1_000_000
        named: list[str | bytes] = []
        for job_id, (function, row_id) in jobs.items():
            job = serialize_job(
                function, (row_id,), {}, None, now, serializer=self._redis.job_serializer
            )
            named += job_id, job
        await self._script([QUEUE, job_key_prefix], [now, JOB_MILLISECONDS, *named])


def _to_json(job: dict[str, object]) -> bytes:
    # arq writes down how a job failed, an exception too, before it throws away what nobody keeps.
    return orjson.dumps(job, default=repr)
