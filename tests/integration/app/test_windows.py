"""Windows of a minute, in Redis and in one process: both count alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.windows import Charge, LocalWindows, RedisWindows, Standing, Windows

START = 1_800_000_000.0
"""The start of a window."""


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of both kinds of windows."""
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    return clock


@pytest_asyncio.fixture(params=["redis", "local"])
async def counted(
    request: pytest.FixtureRequest, clock: Clock, redis_url: str
) -> AsyncIterator[Windows]:
    """Windows of one kind."""
    kinds: dict[str, Callable[[], Windows]] = {
        "redis": lambda: RedisWindows(Redis.from_url(redis_url), clock),
        "local": LocalWindows,
    }
    made = kinds[request.param]()
    yield made
    await made.close()


def charge(amount: int, *, name: str = "a", limit: int = 100, kind: str = "tenant") -> Charge:
    """A charge to one of two budgets."""
    return Charge(kind, name, limit, amount)


async def test_a_budget_is_spent_to_its_last_point(counted: Windows) -> None:
    """What fits is taken, what does not is not, and a smaller charge still fits."""
    first = await counted.take([charge(60)])
    second = await counted.take([charge(41)])
    third = await counted.take([charge(40)])
    fourth = await counted.take([charge(1)])

    assert [at.fits for at in (first, second, third, fourth)] == [True, False, True, False]
    assert [at.standings[0].remaining for at in (first, second, third, fourth)] == [40, 40, 0, 0]


async def test_all_charges_are_taken_or_none(counted: Windows) -> None:
    """A client that spent its own budget takes nothing from its tenant's."""
    client = charge(10, kind="client", limit=10)
    assert (await counted.take([charge(10), client])).fits
    for _ in range(20):
        assert not (await counted.take([charge(10), client])).fits

    (tenant,) = (await counted.take([charge(0)])).standings
    assert tenant.remaining == 90


async def test_names_and_kinds_have_budgets_of_their_own(counted: Windows) -> None:
    """Neither another name nor another kind of budget is touched."""
    assert (await counted.take([charge(100)])).fits
    assert not (await counted.take([charge(1)])).fits
    assert (await counted.take([charge(100, name="b")])).fits
    assert (await counted.take([charge(100, kind="address")])).fits


async def test_points_come_back_over_the_next_minute(counted: Windows, clock: Clock) -> None:
    """The last minute counts by how much of it is still within sixty seconds."""
    assert (await counted.take([charge(100)])).fits
    clock.now = START + 59
    assert not (await counted.take([charge(1)])).fits
    clock.now = START + 60 + 15
    (quarter,) = (await counted.take([charge(0)])).standings
    clock.now = START + 60 + 30
    assert not (await counted.take([charge(51)])).fits
    assert (await counted.take([charge(50)])).fits
    clock.now = START + 180
    (whole,) = (await counted.take([charge(0)])).standings

    assert quarter.remaining == 25
    assert whole.remaining == 100


async def test_a_crowd_takes_no_more_than_there_is(counted: Windows) -> None:
    """A hundred at once spend exactly the budget."""
    taken = await asyncio.gather(*(counted.take([charge(3)]) for _ in range(100)))

    assert sum(at.fits for at in taken) == 33


async def test_old_windows_are_forgotten(redis_url: str, clock: Clock) -> None:
    """Every key in Redis ends by itself, and names nobody in clear."""
    async with Redis.from_url(redis_url) as redis:
        await RedisWindows(redis, clock).take([charge(1), charge(1, kind="client")])
        keys = await redis.keys("*")

        assert len(keys) == 2
        for key in keys:
            assert 60 < await redis.ttl(key) <= 120


async def test_a_process_forgets_before_it_is_full() -> None:
    """Windows of ever new addresses do not fill the memory of a process."""
    local = LocalWindows(keys_max=50)
    for at in range(200):
        await local.take([charge(1, name=str(at))])

    assert len(local._storage.expirations) <= 52


@given(
    limit=st.integers(1, 1000),
    amount=st.integers(1, 1000),
    before=st.integers(0, 1000),
    now=st.integers(0, 1000),
    elapsed=st.floats(0, 1, exclude_max=True),
)
def test_a_charge_fits_when_it_was_told(
    limit: int, amount: int, before: int, now: int, elapsed: float
) -> None:
    """At the time that is told the charge fits, and just before it does not."""
    standing = Standing(Charge("x", "y", limit, min(amount, limit)), before, now, elapsed)
    wait = standing.seconds_until_fits

    assert 0 <= wait <= 120
    assert _later(standing, wait + 0.001).seconds_until_fits == 0
    if wait > 0.01:
        assert _later(standing, wait - 0.01).seconds_until_fits > 0


def _later(standing: Standing, seconds: float) -> Standing:
    """The same budget so many seconds later, if nothing was taken."""
    passed, elapsed = divmod(standing.elapsed + seconds / 60, 1)
    before, now = standing.before, standing.now
    for _ in range(int(passed)):
        before, now = now, 0
    return Standing(standing.charge, before, now, elapsed)
