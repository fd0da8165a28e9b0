"""The worker's loop of the daily jobs."""

from __future__ import annotations

import asyncio
import logging

from app.loops import pause
from domain.retention import JOBS, Retention

LOOK_SECONDS = 300.0
"""How often a worker looks whether a job is due: so much later than a day may it run."""

_log = logging.getLogger(__name__)


async def keep_daily(
    retention: Retention, stop: asyncio.Event, *, every_seconds: float = LOOK_SECONDS
) -> None:
    """Runs each daily job when it is due, until `stop`. Raises DatabaseUnavailable."""
    while not stop.is_set():
        for job in JOBS:
            await run_job(retention, job, stop)
        await pause(stop, every_seconds)


async def run_job(retention: Retention, job: str, stop: asyncio.Event) -> None:
    """Does one job's batches until nothing is left; it breaks off between two of them at `stop`."""
    total = 0
    while not stop.is_set():
        count = await retention.run_batch(job)
        if not count:
            break
        total += count
    if total:
        _log.info("daily job %s: %d rows", job, total)
