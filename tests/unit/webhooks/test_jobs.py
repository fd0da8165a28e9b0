"""How the jobs end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from webhooks.jobs import _cancelled


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    """As one does that sends to Redis by `asyncio.wait_for` of Python 3.11."""

    async def losing() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(losing())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await _cancelled(task)

    assert task.cancelled()
