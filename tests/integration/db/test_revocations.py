"""Revoked tokens in the database: what is remembered, for how long, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from asyncpg import InsufficientPrivilegeError
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.revocations import SqlRevocations
from db.roles import DatabaseRole

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest_asyncio.fixture
async def platform(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of the role that revokes."""
    engine = make_engine(database_url, pool_size=2, role=DatabaseRole.PLATFORM)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of the role that asks."""
    engine = make_engine(database_url, pool_size=2, role=DatabaseRole.API)
    yield engine
    await engine.dispose()


async def ends(engine: AsyncEngine) -> dict[str, datetime]:
    """What is in the table."""
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT jti, expires_at FROM revoked_tokens"))
        return {row.jti: row.expires_at for row in rows}


async def test_a_revoked_token_is_known(platform: AsyncEngine, api: AsyncEngine) -> None:
    """To the API, by exactly its id."""
    await SqlRevocations(platform).revoke("t-1", TOMORROW)
    asked = SqlRevocations(api)

    assert await asked.is_revoked("t-1")
    for other in ("T-1", "t-1 ", "t-", "%", "t-10"):
        assert not await asked.is_revoked(other)


async def test_the_later_end_counts(platform: AsyncEngine) -> None:
    """Revoked again for a shorter time, it stays revoked for the longer one."""
    later = TOMORROW + timedelta(hours=1)
    for end in (TOMORROW, later, TOMORROW):
        await SqlRevocations(platform).revoke("t-1", end)

    assert await ends(platform) == {"t-1": later}


async def test_what_has_ended_is_forgotten(platform: AsyncEngine, engine: AsyncEngine) -> None:
    """A day after the token ended by itself, with the next revocation, and not sooner."""
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO revoked_tokens VALUES ('old', :old), ('ended', :ended)"),
            {"old": NOW - timedelta(days=1, minutes=1), "ended": NOW - timedelta(hours=23)},
        )
    await SqlRevocations(platform).revoke("new", TOMORROW)

    assert set(await ends(platform)) == {"ended", "new"}


async def test_a_revocation_cannot_be_undone(platform: AsyncEngine) -> None:
    """Not even by the role that revokes: the row of a token that still lives stays."""
    await SqlRevocations(platform).revoke("t-1", TOMORROW)
    async with platform.begin() as connection:
        deleted = await connection.execute(text("DELETE FROM revoked_tokens"))

    assert deleted.rowcount == 0
    assert set(await ends(platform)) == {"t-1"}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO revoked_tokens VALUES ('t-2', now())",
        "UPDATE revoked_tokens SET expires_at = now()",
        "DELETE FROM revoked_tokens",
        "TRUNCATE revoked_tokens",
    ],
)
async def test_the_api_only_asks(api: AsyncEngine, statement: str) -> None:
    """It can neither revoke a token nor let one in again."""
    async with api.begin() as connection:
        with pytest.raises(ProgrammingError) as caught:
            await connection.execute(text(statement))

    assert caught.value.orig is not None
    assert isinstance(caught.value.orig.__cause__, InsufficientPrivilegeError)
