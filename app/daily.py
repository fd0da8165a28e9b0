"""A round of the daily jobs."""

from __future__ import annotations

import asyncio
import logging

from domain.retention import JOBS, Retention

LOOK_SECONDS = 300.0
"""How far apart two rounds are: so much later than a day may a job run."""

_log = logging.getLogger(__name__)


async def run_jobs(retention: Retention, stop: asyncio.Event) -> None:
    """Runs each daily job that is due. Raises DatabaseUnavailable."""
    for job in JOBS:
        await run_job(retention, job, stop)


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
