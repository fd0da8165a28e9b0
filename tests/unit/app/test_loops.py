"""Parts of the worker are kept running."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from app.loops import keep_running, pause
from domain.ports import DatabaseUnavailable


async def test_a_part_that_fails_is_started_anew(caplog: pytest.LogCaptureFixture) -> None:
    """A part that raises runs again a moment later, and the log has its traceback."""
    starts, stop = 0, asyncio.Event()

    async def part(stop: asyncio.Event) -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise KeyError("a bug")
        stop.set()

    await asyncio.wait_for(keep_running("the part", part, stop), 5)

    assert starts == 2
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_an_outage_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """A database that is away is said in a line, without a traceback."""
    stop = asyncio.Event()

    async def part(_: asyncio.Event) -> None:
        raise DatabaseUnavailable("no connection")

    running = asyncio.create_task(keep_running("the part", part, stop))
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.wait_for(running, 1)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.records[0].exc_info is None


async def test_failures_in_a_row_are_spaced_out() -> None:
    """The pauses between starts grow, so that a part that cannot run costs little."""
    starts: list[float] = []
    stop = asyncio.Event()

    async def part(stop: asyncio.Event) -> None:
        starts.append(time.monotonic())
        if len(starts) == 3:
            stop.set()
        raise OSError("away")

    await asyncio.wait_for(keep_running("the part", part, stop), 10)

    assert 0.4 < starts[1] - starts[0] < starts[2] - starts[1]


async def test_a_cancelled_part_is_not_started_anew() -> None:
    """Cancelling is how the worker cuts off what does not end in time."""
    stop = asyncio.Event()
    running = asyncio.create_task(keep_running("the part", pause_long, stop))
    await asyncio.sleep(0.05)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def pause_long(_: asyncio.Event) -> None:
    """A part that hears nothing."""
    await asyncio.sleep(60)


async def test_a_pause_ends_with_the_work() -> None:
    """A pause lasts its seconds, or until the worker is told to stop."""
    stop = asyncio.Event()
    started = time.monotonic()
    await pause(stop, 0.1)
    paused = time.monotonic() - started
    stop.set()
    await pause(stop, 60)

    assert paused >= 0.1
    assert time.monotonic() - started < 10
