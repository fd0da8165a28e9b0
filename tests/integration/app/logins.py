"""Log-ins to the database, as an operator would make them: well and badly."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.conftest import execute

ROLES = "tollgate_api, tollgate_worker, tollgate_platform"


def as_login(url: str, name: str, password: str) -> str:
    """The same database's URL with another user."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"))


@asynccontextmanager
async def a_login(
    database_url: str, *, options: str = "", granted: str = ROLES, owns: bool = False
) -> AsyncIterator[str]:
    """The URL of a log-in with these options and roles, which owns the tenants if it is to."""
    name, password = f"login_{secrets.token_hex(6)}", secrets.token_hex(12)
    await execute(database_url, f"CREATE ROLE {name} LOGIN {options} PASSWORD '{password}'")
    try:
        if granted:
            await execute(database_url, f"GRANT {granted} TO {name}")
        if owns:
            await execute(database_url, f"ALTER TABLE tenants OWNER TO {name}")
        yield as_login(database_url, name, password)
    finally:
        if owns:
            await execute(database_url, "ALTER TABLE tenants OWNER TO CURRENT_USER")
        await execute(database_url, f"DROP ROLE {name}")
