"""Watching one transaction wait for another."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def started_waiting(engine: AsyncEngine, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """The call as a task, once PostgreSQL reports that it waits for a lock."""
    task = asyncio.create_task(call)
    for _ in range(500):
        async with engine.connect() as connection:
            if (await connection.execute(_WAITING)).scalar_one():
                return task
        assert not task.done(), "the call did not wait"
        await asyncio.sleep(0.01)
    task.cancel()
    raise AssertionError("the call neither waited nor ended")
