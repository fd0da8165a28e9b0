"""The pool: its limits, and what is said when the database cannot be had."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.engine import connected, make_engine
from db.reports import SqlReads
from db.work import SqlDatabase
from domain.ports import DatabaseUnavailable
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_order

NOBODY_LISTENS = "postgresql://tollgate@127.0.0.1:1/tollgate"


@asynccontextmanager
async def pool(
    url: str,
    *,
    pool_size: int = 10,
    statement_timeout_seconds: float = 10,
    lock_timeout_seconds: float = 5,
    pool_timeout_seconds: float = 5,
) -> AsyncIterator[AsyncEngine]:
    """An engine with other limits, disposed at the end."""
    engine = make_engine(
        url,
        pool_size=pool_size,
        statement_timeout_seconds=statement_timeout_seconds,
        lock_timeout_seconds=lock_timeout_seconds,
        pool_timeout_seconds=pool_timeout_seconds,
    )
    try:
        yield engine
    finally:
        await engine.dispose()


async def setting(engine: AsyncEngine, name: str) -> str:
    """A setting of the session."""
    async with connected(engine) as connection:
        shown = await connection.execute(text(f"SHOW {name}"))
        return str(shown.scalar_one())


async def test_a_session_limits_itself(engine: AsyncEngine) -> None:
    """Every connection names itself, speaks UTC and has a limit for each way of taking too long."""
    names = (
        "application_name",
        "timezone",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
    )

    assert [await setting(engine, name) for name in names] == [
        "tollgate",
        "UTC",
        "10s",
        "3s",
        "15s",
    ]


async def test_an_absent_server_is_unavailable(cipher: AesGcmCipher) -> None:
    """Where nobody listens, transactions and reads say so in the domain's words."""
    async with pool(NOBODY_LISTENS) as engine:
        with pytest.raises(DatabaseUnavailable):
            async with SqlDatabase(engine, cipher).begin("ten_1"):
                pass
        with pytest.raises(DatabaseUnavailable):
            await SqlReads(engine, cipher).tenant("ten_1")


async def test_a_wrong_password_is_not_called_unavailable(
    database_url: str, cipher: AesGcmCipher
) -> None:
    """A fault of the settings stays what it is: repeating the call would not help."""
    nobody = f"postgresql://nobody_known:wrong@{database_url.split('@')[1]}"

    async with pool(nobody) as engine:
        with pytest.raises(Exception, match="nobody_known") as raised:
            await SqlReads(engine, cipher).tenant("ten_1")

    assert not isinstance(raised.value, DatabaseUnavailable)


async def test_a_lock_not_had_in_time_is_unavailable(
    database_url: str, cipher: AesGcmCipher, database: SqlDatabase, merchant: Merchant
) -> None:
    """A caller does not wait for ever behind another's transaction."""
    order = await stored_order(database, merchant)

    async with pool(database_url, lock_timeout_seconds=0.05) as engine:
        impatient = SqlDatabase(engine, cipher)
        async with database.begin(merchant.id) as first:
            await first.orders.lock(merchant.id, order.id)
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                async with impatient.begin(merchant.id) as second:
                    await second.orders.lock(merchant.id, order.id)


async def test_a_slow_statement_is_ended(database_url: str) -> None:
    """The server itself gives up on a statement that takes too long."""
    async with pool(database_url, statement_timeout_seconds=0.05) as engine:
        with pytest.raises(DatabaseUnavailable, match="statement timeout"):
            async with connected(engine) as connection:
                await connection.execute(text("SELECT pg_sleep(5)"))


async def test_a_server_that_falls_silent_is_unavailable(database_url: str) -> None:
    """A server that neither answers nor hangs up holds no caller for ever, nor the pool."""
    async with (
        silenceable(database_url) as (url, silence),
        pool(url, pool_size=1, statement_timeout_seconds=0.1) as engine,
    ):
        assert await setting(engine, "timezone") == "UTC"
        silence.set()
        async with asyncio.timeout(10):
            with pytest.raises(DatabaseUnavailable):
                await setting(engine, "timezone")

        silence.clear()
        assert await setting(engine, "timezone") == "UTC"


async def test_a_full_pool_is_unavailable(database_url: str) -> None:
    """Who gets no connection in time is told so, and the pool works on."""
    async with pool(database_url, pool_size=1, pool_timeout_seconds=0.05) as engine:
        async with connected(engine):
            with pytest.raises(DatabaseUnavailable):
                async with connected(engine):
                    pass

        assert await setting(engine, "timezone") == "UTC"


async def test_a_connection_that_the_server_left_is_replaced(
    database: SqlDatabase, engine: AsyncEngine, database_url: str, merchant: Merchant
) -> None:
    """After the server ended the idle connections of the pool, the next call just works."""
    order = await stored_order(database, merchant)
    async with pool(database_url) as other:
        await end_other_sessions(other)
    await asyncio.sleep(0.05)

    async with database.begin(merchant.id) as work:
        assert order == await work.orders.find(merchant.id, order.id)


async def test_a_connection_lost_midway_is_unavailable(
    database: SqlDatabase, database_url: str, merchant: Merchant
) -> None:
    """A session ended in the middle of a transaction keeps nothing, and the next one works."""
    order = await stored_order(database, merchant)

    async def lose_the_session() -> None:
        async with database.begin(merchant.id) as work:
            await work.orders.save(order)
            async with pool(database_url) as other:
                await end_other_sessions(other)
            await work.orders.save(order)

    with pytest.raises(DatabaseUnavailable):
        await lose_the_session()

    async with database.begin(merchant.id) as work:
        assert order == await work.orders.find(merchant.id, order.id)


async def test_a_canceled_caller_gives_its_connection_back(
    database_url: str, cipher: AesGcmCipher, database: SqlDatabase, merchant: Merchant
) -> None:
    """Canceled while it waits for a lock, it leaves neither a transaction nor a leaked slot."""
    order = await stored_order(database, merchant)

    async with pool(database_url, pool_size=1, pool_timeout_seconds=2) as engine:
        single = SqlDatabase(engine, cipher)

        async def lock() -> None:
            async with single.begin(merchant.id) as work:
                await work.orders.lock(merchant.id, order.id)

        async with database.begin(merchant.id) as holder:
            await holder.orders.lock(merchant.id, order.id)
            waiting = asyncio.create_task(lock())
            await asyncio.sleep(0.2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        await lock()


async def test_a_read_takes_no_transaction(engine: AsyncEngine, reads: SqlReads) -> None:
    """After a read the same connection serves a transaction again: the mode is the call's own."""
    await reads.tenant("ten_1")

    async with connected(engine) as connection:
        await connection.execute(text("CREATE TABLE undone (id int)"))
    async with connected(engine) as connection:
        found = await connection.execute(text("SELECT to_regclass('undone')"))

        assert found.scalar_one() is None


@asynccontextmanager
async def silenceable(url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a relay to the server, and what makes it swallow every byte, either way."""
    address, silence = urlsplit(url), asyncio.Event()
    relays: list[asyncio.Task[None]] = []

    async def relay(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if not silence.is_set():
                target.write(data)
        target.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(address.hostname, address.port)
        relays.append(asyncio.create_task(relay(reader, to_server)))
        relays.append(asyncio.create_task(relay(from_server, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{address.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    try:
        yield urlunsplit(address._replace(netloc=netloc)), silence
    finally:
        server.close()
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)


async def end_other_sessions(engine: AsyncEngine) -> None:
    """End every session on the database but this one."""
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
