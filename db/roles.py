"""The database roles that the processes take, and the login that may take them.

Migration 0006 makes the roles and says what each may do; docs/adr/0006-row-level-security.md says
what an operator grants.
"""

from __future__ import annotations

from collections.abc import Sequence
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
SELECT rolsuper, rolbypassrls, pg_has_role(session_user, $1, 'SET') FROM pg_roles
WHERE rolname = session_user
"""


async def login_faults(dsn: str, role: DatabaseRole) -> Sequence[str]:
    """Why the user of this URL must not serve in production under `role`, in words.

    Row-level security does not hold a superuser or a role with BYPASSRLS (PostgreSQL, 5.9): such a
    login would be one RESET ROLE away from every tenant. Raises DatabaseUnavailable.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=5, command_timeout=5)
        try:
            is_superuser, bypasses, may_take = await connection.fetchrow(_LOGIN, role.value)
        finally:
            await connection.close(timeout=5)
    except asyncpg.UndefinedObjectError:
        return [f"the role {role} does not exist: run the migrations"]
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError) as error:
        raise DatabaseUnavailable("no connection to the database") from error
    faults = []
    if is_superuser:
        faults.append("its user is a superuser, whom row-level security does not hold")
    elif bypasses:
        faults.append("its user has BYPASSRLS, so that row-level security does not hold it")
    if not may_take:
        faults.append(f"its user may not take the role {role}: GRANT {role} TO it")
    return faults
