"""The servers that every test may ask for."""

import asyncpg
from redis.asyncio import Redis

from tests.conftest import execute


async def test_a_test_has_a_migrated_database(database_url: str) -> None:
    """A test's database has every migration applied and nothing of any other test."""
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select count(*) from alembic_version") == 1
    finally:
        await connection.close()
    await execute(database_url, "create table only_here ()")


async def test_a_second_test_has_a_database_of_its_own(database_url: str) -> None:
    """What the test above may have made is not there: this table can be made again."""
    await execute(database_url, "create table only_here ()")


async def test_a_test_has_an_empty_redis(redis_url: str) -> None:
    """A test's Redis holds no key."""
    async with Redis.from_url(redis_url) as redis:
        assert await redis.dbsize() == 0
        await redis.set("only_here", "1")


async def test_a_second_test_has_an_empty_redis(redis_url: str) -> None:
    """The key of the test above is gone."""
    async with Redis.from_url(redis_url) as redis:
        assert await redis.dbsize() == 0
        await redis.set("only_here", "1")
