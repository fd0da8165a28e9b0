"""The connection pool, its limits, and what is said when the database cannot be had.

SQLAlchemy Core over asyncpg. Every connection speaks UTC and gives up by itself: on a statement,
on a lock, and on a transaction that its owner forgot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from asyncpg import PostgresError
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from db.roles import DatabaseRole
from domain.ports import DatabaseContended, DatabaseUnavailable

CONNECT_TIMEOUT_SECONDS = 5
POOL_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_SECONDS = 10
LOCK_TIMEOUT_SECONDS = 5
SILENCE_SECONDS = 2
"""How long after the server should have given up the driver does: that server is not there."""
IDLE_IN_TRANSACTION_SECONDS = 15

_AWAY = ("08", "53", "57", "25P03", "25006", "40001", "40P01", "55P03")
"""SQLSTATE classes and codes (PostgreSQL, appendix A): no connection, no resources, an operator or
a time limit intervened, a standby answered, a serialization failure, a deadlock, a lock not had."""

_CONTENDED = ("40001", "40P01")
"""Serialization failures and deadlocks: the transaction is rolled back already."""


def make_engine(
    database_url: str,
    *,
    pool_size: int = 10,
    application_name: str = "tollgate",
    role: DatabaseRole | None = None,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    pool_timeout_seconds: float = POOL_TIMEOUT_SECONDS,
) -> AsyncEngine:
    """A pool of at most `pool_size` connections to a `postgresql://` URL. 0 seconds is no limit.

    Each connection takes `role` as it opens and is nobody else until it closes; without one it is
    the URL's own user, as for migrations and seeding.
    """
    engine = create_async_engine(
        _driver_url(database_url),
        hide_parameters=True,  # an error's text is logged, and parameters hold e-mail and metadata
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_seconds,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": statement_timeout_seconds + SILENCE_SECONDS
            if statement_timeout_seconds
            else None,
            "server_settings": {
                "application_name": application_name,
                "timezone": "UTC",
                "jit": "off",  # the statements are short: compiling one costs more than running it
                "statement_timeout": _milliseconds(statement_timeout_seconds),
                "lock_timeout": _milliseconds(lock_timeout_seconds),
                "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
                **({} if role is None else {"role": role.value}),
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def connected(engine: AsyncEngine) -> AbstractAsyncContextManager[AsyncConnection]:
    """A connection of the pool; what was not committed is rolled back at the end.

    Raises DatabaseUnavailable, at the opening or from any statement inside.
    """
    return lent(engine, AsyncConnection.close)


@asynccontextmanager
async def lent(
    engine: AsyncEngine, give_back: Callable[[AsyncConnection], Awaitable[None]]
) -> AsyncIterator[AsyncConnection]:
    """A connection of the pool, which `give_back` ends what was begun on and closes.

    Raises DatabaseUnavailable as `connected` does.
    """

    async def ended() -> None:
        await give_back(connection)

    connection = engine.connect()
    try:
        await connection.start()
    except (OSError, PoolTimeout) as error:
        raise DatabaseUnavailable("no connection to the database") from error
    except (DBAPIError, PostgresError) as error:
        if is_away(error):
            raise unavailable(error) from error
        raise
    try:
        yield connection
    except DBAPIError as error:
        if is_away(error):
            raise unavailable(error) from error
        raise
    except TimeoutError as error:
        # The driver waits for the server to confirm the end of a statement before it sends another:
        # without this even the roll-back would wait, for ever.
        await connection.invalidate()
        raise DatabaseUnavailable("the database does not answer") from error
    finally:
        # Shielded: a caller that is canceled meanwhile must not keep the connection from the pool.
        await asyncio.shield(asyncio.create_task(ended()))


def is_away(error: DBAPIError | PostgresError) -> bool:
    """Whether the error says that the database cannot do it now."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _state(error.orig).startswith(_AWAY)
    return _state(error).startswith(_AWAY)


def unavailable(error: DBAPIError | PostgresError) -> DatabaseUnavailable:
    """What callers are told of an error that `is_away`."""
    told = error.orig if isinstance(error, DBAPIError) else error
    kind = DatabaseContended if _state(told) in _CONTENDED else DatabaseUnavailable
    return kind(str(told))


def _state(error: BaseException | None) -> str:
    return str(getattr(error, "sqlstate", ""))


def _refuse_closed(
    connection: DBAPIConnection, _entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    # The driver notices a closed socket by itself, so this costs no round trip: the pool opens
    # a new connection instead of handing out one that the server has left.
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _driver_url(database_url: str) -> URL:
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    mode = url.query.get("sslmode")
    # libpq's parameter, by the name under which the driver takes it.
    return (
        url
        if mode is None
        else url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    )


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
