"""One tenant's view of the database, for a transaction or for a single statement.

Row-level security shows a role the rows of the tenant named by the setting `tollgate.tenant_id`.
Nobody sets it for longer than a transaction: a connection that was given back belongs to nobody,
also when a pooler such as PgBouncer hands it on after each transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import is_away, lent, unavailable
from db.statements import TENANT_SETTING
from domain.ports import DatabaseUnavailable

_TENANT = "tollgate_tenant"
_IS_BEGUN = "tollgate_is_begun"

_AS_TENANT = """
SELECT seen.* FROM (SELECT set_config('{setting}', ${number}, true) AS id OFFSET 0) AS tenant,
LATERAL (SELECT * FROM ({statement}) AS statement WHERE tenant.id IS NOT NULL OFFSET 0) AS seen
"""
"""A statement that sets the tenant for itself and then runs. The inner one depends on a value of
the outer, so it cannot start before the tenant is set; were it to, it would find nothing."""


class RolledBack(Exception):
    """COMMIT found a transaction that a failed statement had ended already: nothing was kept."""


def on_own_terms(engine: AsyncEngine) -> AsyncEngine:
    """The same pool, on which only `begun` and `reading` say where a transaction starts."""
    engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(engine.sync_engine, "before_cursor_execute", _set_tenant, retval=True)
    return engine


@asynccontextmanager
async def begun(engine: AsyncEngine, tenant_id: str | None) -> AsyncIterator[AsyncConnection]:
    """A transaction as this tenant, or as none; rolled back unless `commit` ends it.

    The tenant travels with BEGIN, in the same round trip. `engine` comes from `on_own_terms`.
    """
    async with lent(engine, _roll_back) as connection:
        _info(connection)[_IS_BEGUN] = True
        await send(connection, _begin(tenant_id))
        yield connection


async def commit(connection: AsyncConnection) -> None:
    """Ends the transaction that `begun` began. Raises RolledBack, or DatabaseUnavailable, after
    which it is not known whether it was kept."""
    if await send(connection, "COMMIT") != "COMMIT":
        raise RolledBack
    _info(connection)[_IS_BEGUN] = False


@asynccontextmanager
async def reading(engine: AsyncEngine, tenant_id: str) -> AsyncIterator[AsyncConnection]:
    """A connection whose SELECTs each see this tenant's rows, each in a transaction of its own and
    in one round trip. `engine` comes from `on_own_terms`."""
    async with lent(engine, AsyncConnection.close) as connection:
        yield await connection.execution_options(**{_TENANT: tenant_id})


def _begin(tenant_id: str | None) -> str:
    if tenant_id is None:
        return "BEGIN"
    # An E string reads alike whatever standard_conforming_strings is set to (PostgreSQL, 4.1.2.2).
    quoted = tenant_id.replace("\\", "\\\\").replace("'", "''")
    return f"BEGIN; SET LOCAL {TENANT_SETTING} = E'{quoted}'"


def _set_tenant(
    connection: Connection,
    _cursor: Any,
    statement: str,
    parameters: tuple[Any, ...],
    _context: Any,
    _is_many: bool,  # noqa: FBT001 - the signature is SQLAlchemy's
) -> tuple[str, tuple[Any, ...]]:
    tenant_id = connection.get_execution_options().get(_TENANT)
    if tenant_id is None:
        return statement, parameters
    wrapped = _AS_TENANT.format(
        setting=TENANT_SETTING, number=len(parameters) + 1, statement=statement
    )
    return wrapped, (*parameters, tenant_id)


def _info(connection: AsyncConnection) -> dict[Any, Any]:
    """What is remembered of the pool's connection."""
    return cast("Connection", connection.sync_connection).info


async def _roll_back(connection: AsyncConnection) -> None:
    try:
        if not connection.invalidated and _info(connection).pop(_IS_BEGUN, False):
            await send(connection, "ROLLBACK")
    except (DatabaseUnavailable, PostgresError, TimeoutError):
        await connection.invalidate()
    finally:
        await connection.close()


async def send(connection: AsyncConnection, command: str, *arguments: object) -> str:
    """Past SQLAlchemy: several commands in one round trip, or one statement with arguments; returns
    the server's word on the last. Raises DatabaseUnavailable, and asyncpg's own PostgresError."""
    return await tell(await driver_of(connection), command, *arguments)


async def driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection, for `tell`."""
    return (await connection.get_raw_connection()).driver_connection


async def tell(driver: Any, command: str, *arguments: object) -> str:
    """What `send` does, where the driver's connection is at hand."""
    try:
        return str(await driver.execute(command, *arguments))
    except (InterfaceError, InternalClientError, ConnectionError) as error:
        raise DatabaseUnavailable(str(error)) from error
    except PostgresError as error:
        if is_away(error):
            raise unavailable(error) from error
        raise
