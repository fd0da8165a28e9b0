"""A periodic loop runs in one worker at a time, and no worker can stop it for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.loops import keep_running
from app.turns import LeaseLost, Turns, worker_name
from db.loop_leases import LoopLeases
from db.roles import DatabaseRole
from tests.e2e.sandbox.control import eventually
from tests.integration.db.as_role import engine_as


@pytest_asyncio.fixture
async def worker(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The worker's connections."""
    async with engine_as(database_url, DatabaseRole.WORKER) as engine:
        yield engine


@dataclass
class Log:
    """Which rounds began and ended, and how many went on at once at most."""

    began: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    at_once: int = 0

    def round_of(
        self, name: str, seconds: float = 0.0
    ) -> Callable[[asyncio.Event], Awaitable[None]]:
        """A round that takes so long."""

        async def run(_: asyncio.Event) -> None:
            self.began.append(name)
            self.at_once = max(self.at_once, len(self.began) - len(self.ended))
            await asyncio.sleep(seconds)
            self.ended.append(name)

        return run


@asynccontextmanager
async def running(*all_turns: Turns) -> AsyncIterator[None]:
    """Workers, each with its turns, stopped as a worker stops them."""
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(keep_running(f"loop {number}", turns.run, stop))
        for number, turns in enumerate(all_turns)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 10)


async def until(holds: Callable[[], bool]) -> None:
    """Waits until it holds."""

    async def look() -> bool:
        return holds()

    await eventually(look, bool, seconds=10)


async def test_workers_take_turns(worker: AsyncEngine) -> None:
    """Four workers do one round a period between them, never two at once."""
    log = Log()
    every = 0.2
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with running(
        *(
            Turns(LoopLeases(worker, worker_name()), "loop", log.round_of(str(number), 0.05), every)
            for number in range(4)
        )
    ):
        await until(lambda: len(log.ended) >= 5)
    took = loop.time() - began

    assert log.at_once == 1
    assert len(log.began) <= took / every + 1


async def test_loops_do_not_wait_for_each_other(worker: AsyncEngine) -> None:
    """The lease of one loop says nothing about another."""
    leases = LoopLeases(worker, worker_name())

    assert await leases.take("one", 30)
    assert await leases.take("other", 30)
    assert not await leases.take("one", 30)


async def test_a_dead_worker_frees_its_loop(worker: AsyncEngine) -> None:
    """Its lease runs out and another worker goes on; before that nobody does."""
    log = Log()
    dead = LoopLeases(worker, worker_name())
    assert await dead.take("loop", 0.5)
    async with running(Turns(LoopLeases(worker, worker_name()), "loop", log.round_of("b"), 0.1)):
        await asyncio.sleep(0.2)
        early = list(log.began)
        await until(lambda: bool(log.ended))

    assert early == []
    assert not await dead.keep("loop", 30)


async def test_a_long_round_keeps_its_lease(worker: AsyncEngine) -> None:
    """A round longer than the lease renews it, so that nobody else begins one."""
    log = Log()
    times = {"every_seconds": 0.1, "lease_seconds": 0.4, "renew_seconds": 0.1}
    async with running(
        Turns(LoopLeases(worker, worker_name()), "loop", log.round_of("a", 1.0), **times),
        Turns(LoopLeases(worker, worker_name()), "loop", log.round_of("b", 1.0), **times),
    ):
        await until(lambda: len(log.ended) >= 1)

    assert log.at_once == 1


async def test_a_round_that_hangs_is_cut_off(
    worker: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    """It renews its lease all the while; after the longest a round may last the loop goes on."""
    log = Log()
    async with running(
        Turns(
            LoopLeases(worker, worker_name()),
            "loop",
            log.round_of("hangs", 3_600),
            every_seconds=0.1,
            round_seconds_max=0.3,
        ),
        Turns(LoopLeases(worker, worker_name()), "loop", log.round_of("works"), 0.1),
    ):
        await until(lambda: "hangs" in log.began and "TimeoutError" in caplog.text)
        ended = len(log.ended)
        await until(lambda: len(log.ended) > ended)

    assert "hangs" not in log.ended


async def test_a_worker_that_stood_still_gives_way(worker: AsyncEngine) -> None:
    """A worker that was stopped for longer than its lease finds that the loop is another's, and
    ends its round."""
    log = Log()
    slow = Turns(
        LoopLeases(worker, worker_name()),
        "loop",
        log.round_of("slow", 3_600),
        every_seconds=0.1,
        renew_seconds=0.5,
    )
    task = asyncio.ensure_future(slow.run(asyncio.Event()))
    await until(lambda: bool(log.began))
    async with worker.begin() as connection:
        await connection.execute(text("UPDATE loop_leases SET free_at = clock_timestamp()"))
    assert await LoopLeases(worker, worker_name()).take("loop", 30)

    with pytest.raises(LeaseLost):
        await asyncio.wait_for(task, 10)
    assert log.ended == []


async def test_a_round_that_fails_frees_the_loop(worker: AsyncEngine) -> None:
    """Its fault is the supervisor's to tell; the next round may be any worker's at once."""

    async def fail(_: asyncio.Event) -> None:
        raise KeyError("a bug")

    turns = Turns(LoopLeases(worker, worker_name()), "loop", fail, every_seconds=60)
    with suppress(KeyError):
        await turns.run(asyncio.Event())

    assert await LoopLeases(worker, worker_name()).take("loop", 30)


async def test_a_worker_told_to_stop_leaves_the_loop_free(worker: AsyncEngine) -> None:
    """The round that it broke off goes on in another worker."""
    log, stop = Log(), asyncio.Event()

    async def broken_off(stop: asyncio.Event) -> None:
        await stop.wait()
        log.ended.append("broken off")

    turns = Turns(LoopLeases(worker, worker_name()), "loop", broken_off, every_seconds=60)
    task = asyncio.ensure_future(turns.run(stop))
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.wait_for(task, 10)

    assert log.ended == ["broken off"]
    assert await LoopLeases(worker, worker_name()).take("loop", 30)
