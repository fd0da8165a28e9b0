"""Connections that are kept between statements: who has them, and what becomes of broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio
from asyncpg import DivisionByZeroError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from db.engine import connected, make_engine
from db.kept import KeptConnections
from db.transactions import on_own_terms
from domain.ports import DatabaseUnavailable

OURS = (
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'kept'"
)


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of two connections, for which nobody waits long."""
    engine = make_engine(
        database_url, pool_size=2, application_name="kept", pool_timeout_seconds=0.05
    )
    yield engine
    await engine.dispose()


def lent_out(engine: AsyncEngine) -> int:
    """Connections of the pool that somebody has."""
    return cast("QueuePool", engine.pool).checkedout()


async def test_as_many_as_run_at_once_are_kept(engine: AsyncEngine) -> None:
    """One statement after the other takes one, two at once take two, and nobody else gets them."""
    kept = KeptConnections(on_own_terms(engine))
    told = [await kept.send("select $1::int", number) for number in range(3)]
    after_three = lent_out(engine)
    await asyncio.gather(*(kept.send("select pg_sleep(0.05)") for _ in range(2)))
    after_two = lent_out(engine)
    with pytest.raises(DatabaseUnavailable):
        async with connected(engine):
            pass
    await kept.give_back()

    assert told == ["SELECT 1"] * 3
    assert (after_three, after_two, lent_out(engine)) == (1, 2, 0)


async def test_one_that_failed_is_not_kept(engine: AsyncEngine) -> None:
    """Nor is one whose caller went away; the next statement finds another."""
    kept = KeptConnections(on_own_terms(engine))
    with pytest.raises(DivisionByZeroError):
        await kept.send("select 1 / $1::int", 0)
    after_failure = lent_out(engine)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await kept.send("select pg_sleep(30)")
    after_leaving = lent_out(engine)

    assert (after_failure, after_leaving) == (0, 0)
    assert await kept.send("select 1") == "SELECT 1"
    await kept.give_back()


async def test_one_that_the_server_closed_is_replaced(
    engine: AsyncEngine, database_url: str
) -> None:
    """Also when all of them are closed, as by a restart."""
    kept = KeptConnections(on_own_terms(engine))
    await asyncio.gather(*(kept.send("select pg_sleep(0.05)") for _ in range(2)))
    other = make_engine(database_url, pool_size=1)
    async with connected(other) as connection:
        ended = (await connection.execute(text(OURS))).all()
    await other.dispose()
    await asyncio.sleep(0.05)  # until the driver has heard

    assert len(ended) == 2
    assert await kept.send("select 1") == "SELECT 1"
    assert lent_out(engine) == 1
    await kept.give_back()
