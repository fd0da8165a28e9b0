"""The database roles that the processes take, and the login that may take them.

Migration 0006 makes the roles and says what each may do; docs/adr/0006-row-level-security.md says
what an operator grants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import asyncpg

from domain.ports import DatabaseUnavailable


class DatabaseRole(StrEnum):
    """Whose rights a connection has."""

    API = "tollgate_api"
    """Sees and writes the rows of the tenant that is set in the transaction."""

    WORKER = "tollgate_worker"
    """Claims work of any tenant, and touches money rows only of the tenant that is set."""

    PLATFORM = "tollgate_platform"
    """Reads across tenants; writes tenants, prices and alerts."""


_LOGIN = """
SELECT
    EXISTS (SELECT FROM pg_roles r WHERE rolsuper AND pg_has_role(session_user, r.oid, 'SET')),
    EXISTS (SELECT FROM pg_roles r WHERE rolbypassrls AND pg_has_role(session_user, r.oid, 'SET')),
    EXISTS (SELECT FROM pg_tables t JOIN pg_roles r ON r.rolname = t.tableowner
        WHERE t.schemaname = 'public' AND t.tablename = 'tenants'
            AND pg_has_role(session_user, r.oid, 'SET'))
"""
_MAY_TAKE = "SELECT pg_has_role(session_user, oid, 'SET') FROM pg_roles WHERE rolname = $1"

_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)


async def login_faults(dsn: str, roles: Iterable[str]) -> Sequence[str]:
    """Why the user of this URL must not serve in production under these roles, in words.

    Row-level security does not hold a superuser or a role with BYPASSRLS (PostgreSQL, 5.9), and
    lets the owner of the tables in by name: such a login, and one that may become one, would be one
    RESET ROLE away from every tenant. Raises DatabaseUnavailable.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=5)
        try:
            return await _faults(connection, roles)
        finally:
            await connection.close(timeout=5)
    except _REFUSED as refusal:
        return [f"PostgreSQL refuses it: {refusal}"]
    except _AWAY as error:
        raise DatabaseUnavailable("no connection to the database") from error


async def _faults(
    connection: asyncpg.Connection[asyncpg.Record], roles: Iterable[str]
) -> Sequence[str]:
    is_superuser, bypasses, owns = await connection.fetchrow(_LOGIN)
    faults = []
    if is_superuser:
        faults.append("its user is a superuser, whom row-level security does not hold")
    elif bypasses:
        faults.append("its user has BYPASSRLS, so that row-level security does not hold it")
    elif owns:
        faults.append("its user owns the tables: only migrations are run by their owner")
    for role in roles:
        may_take = await connection.fetchval(_MAY_TAKE, role)
        if may_take is None:
            faults.append(f"the role {role} does not exist: run the migrations")
        elif not may_take:
            faults.append(f"its user may not take the role {role}: GRANT {role} TO it")
    return faults
