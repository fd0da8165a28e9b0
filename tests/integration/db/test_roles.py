"""How the roles come to be in a cluster, and which owner may make the database in it."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio

from app.embedded.postgres import EmbeddedPostgres
from db.engine import make_engine
from db.roles import DatabaseRole, login_faults
from db.transactions import begun, on_own_terms
from tests.conftest import ROOT, execute, on_database

PASSWORD = "made-up"


@pytest.fixture(scope="module")
def cluster(work_folder: Path) -> Iterator[str]:
    """A server of this file's own: roles belong to a cluster, and every other one has them."""
    with EmbeddedPostgres(work_folder / "roles", durable=False) as url:
        yield url


@pytest_asyncio.fixture
async def fresh(cluster: str) -> AsyncIterator[str]:
    """The same server without any database or role of ours, before and after."""
    await forget(cluster)
    yield cluster
    await forget(cluster)


async def forget(cluster: str) -> None:
    """Drops what a test made."""
    connection = await asyncpg.connect(cluster)
    try:
        for (name,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE datname LIKE 'own\\_%'"
        ):
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for (name,) in await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'tollgate\\_%'"
            " OR rolname LIKE 'owner\\_%' OR rolname LIKE 'login\\_%' ORDER BY 1 DESC"
        ):
            await connection.execute(f"DROP ROLE {name}")
    finally:
        await connection.close()


async def owned(cluster: str, rights: str) -> str:
    """The URL of a new database for its owner, who has these rights in the cluster."""
    name = secrets.token_hex(4)
    await execute(cluster, f"CREATE ROLE owner_{name} LOGIN PASSWORD '{PASSWORD}' {rights}")
    await execute(cluster, f"CREATE DATABASE own_{name} OWNER owner_{name}")
    return as_user(on_database(cluster, f"own_{name}"), f"owner_{name}")


def as_user(url: str, user: str) -> str:
    """The same database for another user."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{PASSWORD}@{parts.hostname}:{parts.port}"))


async def migrated(url: str) -> str:
    """What `tollgate migrate` says when it fails; nothing when it does not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "alembic",
        "-c",
        str(ROOT / "alembic.ini"),
        "upgrade",
        "head",
        env=os.environ | {"DATABASE_URL": url},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    return errors.decode() if process.returncode else ""


async def sees(url: str, role: DatabaseRole) -> int:
    """How many tenants and orders the role sees without a tenant, taken by the user of the URL."""
    engine = on_own_terms(make_engine(url, pool_size=1, role=role))
    try:
        async with begun(engine, None) as connection:
            found = await connection.exec_driver_sql(
                "SELECT (SELECT count(*) FROM tenants) + (SELECT count(*) FROM orders)"
            )
            return int(found.scalar_one())
    finally:
        await engine.dispose()


async def test_two_databases_at_once_make_the_roles_once(fresh: str) -> None:
    """On a cluster that has none, two migrations of two databases both succeed."""
    urls = [await owned(fresh, "SUPERUSER") for _ in range(2)]

    assert await asyncio.gather(*map(migrated, urls)) == ["", ""]
    for url in urls:
        assert [await sees(url, role) for role in DatabaseRole] == [0, 0, 0]


async def test_an_owner_who_may_create_roles_needs_no_more(fresh: str) -> None:
    """CREATEROLE is enough to migrate, and to serve in development under the roles that were made;
    another such owner finds them, and may have them granted."""
    first, second = await owned(fresh, "CREATEROLE"), await owned(fresh, "CREATEROLE")

    owns = ["its user owns the tables: only migrations are run by their owner"]
    assert await migrated(first) == ""
    assert await login_faults(first, DatabaseRole) == owns
    assert [await sees(first, role) for role in DatabaseRole] == [0, 0, 0]
    assert await migrated(second) == ""
    assert len(await login_faults(second, DatabaseRole)) == 1 + len(DatabaseRole)
    user = urlsplit(second).username
    for role in DatabaseRole:
        await execute(first, f"GRANT {role} TO {user} WITH INHERIT FALSE, SET TRUE")
        assert await sees(second, role) == 0
    assert await login_faults(second, DatabaseRole) == owns


async def test_an_owner_who_may_not_finds_them_made(fresh: str) -> None:
    """Without CREATEROLE the migration says what is missing; once an operator has made the roles
    it goes through, and a login of its own that was granted one role serves under that."""
    url = await owned(fresh, "")
    assert "permission denied to create role" in await migrated(url)
    for role in DatabaseRole:
        await execute(fresh, f"CREATE ROLE {role} NOLOGIN")
    assert await migrated(url) == ""

    await execute(fresh, f"CREATE ROLE login_api LOGIN PASSWORD '{PASSWORD}'")
    await execute(fresh, "GRANT tollgate_api TO login_api WITH INHERIT FALSE, SET TRUE")
    login = as_user(url, "login_api")
    assert await login_faults(login, [DatabaseRole.API]) == []
    assert await login_faults(login, [DatabaseRole.WORKER]) != []
    assert await sees(login, DatabaseRole.API) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(login, "SELECT 1 FROM orders")
