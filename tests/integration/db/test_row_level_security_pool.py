"""A connection that was given back belongs to no tenant, whatever happened on it; and no tenant's
id is ever read as SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import make_engine
from db.roles import DatabaseRole
from db.statements import TENANT_SETTING
from db.transactions import RolledBack, begun, commit, on_own_terms, reading
from db.work import SqlDatabase
from domain.ports import DatabaseUnavailable
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_payment

SET = text(f"SELECT coalesce(current_setting('{TENANT_SETTING}', true), '')")
MINE = text("SELECT count(*) FROM payments")
WRONG = text("SELECT 1 / 0")


class Stopped(Exception):
    """What a test raises in the middle of a transaction."""


@pytest_asyncio.fixture
async def single(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool of one connection in the API's role: whoever comes next is given the same one."""
    engine = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    yield on_own_terms(engine)
    await engine.dispose()


async def seen(connection: AsyncConnection) -> tuple[str, int]:
    """The tenant that is set, and how many payments are seen."""
    setting = (await connection.execute(SET)).scalar_one()
    return str(setting), int((await connection.execute(MINE)).scalar_one())


async def committed(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction that ends well."""
    async with begun(engine, tenant_id) as connection:
        assert await seen(connection) == (tenant_id, 1)
        await commit(connection)
        assert await seen(connection) == ("", 0)


async def left(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction that nobody ends."""
    async with begun(engine, tenant_id) as connection:
        assert await seen(connection) == (tenant_id, 1)


async def stopped(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction in which our own code fails."""

    async def stop() -> None:
        async with begun(engine, tenant_id) as connection:
            assert await seen(connection) == (tenant_id, 1)
            raise Stopped

    with pytest.raises(Stopped):
        await stop()


async def failed(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction in which a statement fails, and which is committed nevertheless."""

    async def commit_anyway() -> None:
        async with begun(engine, tenant_id) as connection:
            with pytest.raises(DBAPIError):
                await connection.execute(WRONG)
            await commit(connection)

    with pytest.raises(RolledBack):
        await commit_anyway()


async def canceled(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction whose caller goes away in the middle of a statement."""
    waiting = asyncio.Event()

    async def wait() -> None:
        async with begun(engine, tenant_id) as connection:
            waiting.set()
            await connection.execute(text("SELECT pg_sleep(60)"))

    task = asyncio.create_task(wait())
    await waiting.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def cut(engine: AsyncEngine, tenant_id: str) -> None:
    """A transaction whose connection the server ends."""

    async def end() -> None:
        async with begun(engine, tenant_id) as connection:
            await connection.execute(text("SET LOCAL ROLE NONE"))  # no role may end a connection
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailable):
        await end()


async def read(engine: AsyncEngine, tenant_id: str) -> None:
    """Reads, each of which sets the tenant for itself."""
    async with reading(engine, tenant_id) as connection:
        for _ in range(8):  # more than it takes the server to settle for a generic plan
            assert (await connection.execute(MINE)).scalar_one() == 1


async def read_and_failed(engine: AsyncEngine, tenant_id: str) -> None:
    """A read that fails."""
    with pytest.raises(DBAPIError):
        async with reading(engine, tenant_id) as connection:
            await connection.execute(WRONG)


async def read_and_canceled(engine: AsyncEngine, tenant_id: str) -> None:
    """A read whose caller goes away."""

    async def wait() -> None:
        async with reading(engine, tenant_id) as connection:
            await connection.execute(text("SELECT pg_sleep(60)"))

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "use",
    [committed, left, stopped, failed, canceled, cut, read, read_and_failed, read_and_canceled],
)
async def test_the_next_one_is_nobody(
    single: AsyncEngine,
    database: SqlDatabase,
    merchant: Merchant,
    use: Callable[[AsyncEngine, str], Awaitable[None]],
) -> None:
    """The next transaction and the next plain statement on the pool see no payment."""
    await stored_payment(database, merchant)

    await use(single, merchant.id)

    async with begun(single, None) as connection:
        assert await seen(connection) == ("", 0)
    async with single.connect() as connection:
        assert await seen(connection) == ("", 0)


ODD = (
    "'",
    "''",
    "\\",
    "\\'",
    "ten_'; SET LOCAL ROLE tollgate_platform; --",
    "\\'; SELECT set_config('tollgate.tenant_id', 'THEIRS', true); --",
    "x' || 'y",
    "$$; COMMIT; $$",
    "ten\n_1",
    "/*",
    "--",
    "é🙂",
    "%s :tenant $1 {statement}",
    "DEFAULT",
    "a, b",
    " ",
    "x" * 10_000,
)
"""Texts that mean something to SQL, to a driver or to a template."""


@pytest.mark.parametrize("strings", ["on", "off"])
async def test_an_odd_tenant_is_a_text(
    single: AsyncEngine, database: SqlDatabase, merchant: Merchant, strings: str
) -> None:
    """Whatever a tenant is called, in a transaction and in a read it is that name and no command,
    also where the server reads a backslash in a plain string."""
    await stored_payment(database, merchant)
    async with single.connect() as connection:
        await connection.execute(text(f"SET standard_conforming_strings = {strings}"))
    for odd in (name.replace("THEIRS", merchant.id) for name in ODD):
        async with begun(single, odd) as connection:
            assert await seen(connection) == (odd, 0)
        async with reading(single, odd) as connection:
            assert (await connection.execute(SET)).scalar_one() == odd
            assert (await connection.execute(MINE)).scalar_one() == 0


async def test_a_tenant_with_a_nul_is_refused(single: AsyncEngine) -> None:
    """The protocol ends a text there: nothing is begun under half a name."""
    with pytest.raises((DBAPIError, DatabaseUnavailable, ValueError)):
        async with begun(single, "ten_a\0'"):
            raise Stopped
    with pytest.raises((DBAPIError, DatabaseUnavailable, ValueError)):
        async with reading(single, "ten_a\0'") as connection:
            await connection.execute(MINE)
    async with begun(single, None) as connection:
        assert await seen(connection) == ("", 0)
