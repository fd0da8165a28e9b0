"""Parts of the worker that never end by themselves: kept running, stopped when told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from redis.exceptions import RedisError

from domain.events import EventService
from domain.ports import DatabaseUnavailable
from domain.settling import Settler
from webhooks.trying import work_off

Part = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set. It may fail; `keep_running` starts it anew."""

IDLE_SECONDS = 1.0
"""How long a loop that found nothing to do waits: with Redis away, how late work starts."""

EVENTS_MAX = 12
"""Events that the sweeper processes at once."""

GRACE = timedelta(seconds=2)
"""How long an event that just came is left to the jobs, which are woken for it at once."""

OPERATIONS_MAX = 20
"""Operations that the settler looks at at once."""

_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_SECONDS = 60.0
_OUTAGES = (DatabaseUnavailable, RedisError, OSError, TimeoutError)

_log = logging.getLogger(__name__)


async def keep_running(name: str, part: Part, stop: asyncio.Event) -> None:
    """Runs `part` until `stop`. When it fails or ends, it is started anew: soon after the first
    failure, then more slowly, and soon again once it has run for a minute."""
    failures = 0
    while not stop.is_set():
        started, error = time.monotonic(), None
        try:
            await part(stop)
        except Exception as raised:  # noqa: BLE001 - the job runner: a part's fault stops no other
            error = raised
        if stop.is_set():
            break
        if time.monotonic() - started > _STEADY_SECONDS:
            failures = 0
        delay = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
        failures += 1
        trace = None if isinstance(error, _OUTAGES) else error
        _log.warning("%s ended (%r), next start in %g s", name, error, delay, exc_info=trace)
        await pause(stop, delay)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Waits, and no longer than until `stop`."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


class Sweeper:
    """Processes events that wait in the inbox, by PostgreSQL alone.

    It claims as many as it has places for, in one statement that passes over what others hold: so
    several workers share a backlog without a word between them. A slow event holds up one place,
    not its neighbours: places are filled as they fall free. They go round among the gateway rows,
    so that a flood through one of them leaves the others theirs.
    """

    def __init__(self, events: EventService) -> None:
        self._events = events
        self._under_way: dict[asyncio.Task[None], str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Sweeps until `stop`, then lets the events under way end. Raises DatabaseUnavailable."""
        try:
            while not stop.is_set():
                room = EVENTS_MAX - len(self._under_way)
                if await self._fill(room) < room:
                    await pause(stop, IDLE_SECONDS)
                else:
                    await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._cut_off()
            raise
        finally:
            if stop.is_set():
                await self._drain()

    async def _fill(self, room: int) -> int:
        """Starts what waits, as far as there is room; how many."""
        if not room:
            return 0
        held = list(self._under_way.values())
        claimed = await self._events.claim_due(room, received_for=GRACE, held=held)
        for tried in claimed:
            task = asyncio.create_task(work_off(self._events, tried), name=tried.event.id)
            self._under_way[task] = tried.event.gateway_id
            task.add_done_callback(self._ended)
        return len(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            trace = None if isinstance(error, _OUTAGES) else error
            _log.error("event %s has no outcome: %r", task.get_name(), error, exc_info=trace)

    async def _drain(self) -> None:
        try:
            if self._under_way:
                await asyncio.wait(self._under_way)
        except asyncio.CancelledError:
            await self._cut_off()
            raise

    async def _cut_off(self) -> None:
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settle(settler: Settler, stop: asyncio.Event) -> None:
    """Settles operations as they fall due, until `stop`. Raises DatabaseUnavailable."""
    while not stop.is_set():
        if await settler.settle_due(OPERATIONS_MAX) < OPERATIONS_MAX:
            await pause(stop, IDLE_SECONDS)
