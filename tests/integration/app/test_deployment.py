"""docs/deployment.md on an empty server: its roles, then the migrations, without a superuser."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from db.roles import DatabaseRole, login_faults
from tests.conftest import migrate
from tests.proofs.deployment import FIT, LOGIN
from tests.proofs.site import Site


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A server on which the document's roles were made and the migrations applied by the owner."""
    with Site(durable=False) as site:
        site.start_postgres("cluster")
        site.drop_first_database()
        site.write_roles()
        site.done("roles")
        migrate(site.url("owner"))
        yield site


@pytest.mark.parametrize("role", DatabaseRole)
async def test_the_service_may_serve(site: Site, role: DatabaseRole) -> None:
    """The login of API and worker may take each role, and row-level security holds it."""
    async with _connected(site.url("service")) as connection:
        assert tuple(await connection.fetchrow(LOGIN, role.value)) == FIT


async def test_what_a_process_asks_of_its_login_at_start(site: Site) -> None:
    """The document's service has no fault; its owner and its backup may not serve."""
    assert await login_faults(site.url("service"), tuple(DatabaseRole)) == []
    for login, fault in (("owner", "owns the tables"), ("backup", "has BYPASSRLS")):
        assert fault in "; ".join(await login_faults(site.url(login), tuple(DatabaseRole)))


async def test_without_its_role_the_service_may_do_nothing(site: Site) -> None:
    """A connection that did not take a role is refused every table, rather than shown all rows."""
    async with _connected(site.url("service")) as connection:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        assert len(tables) > 12
        for (table,) in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - a table of ours


async def test_the_owner_sees_every_tenant_and_the_backup_reads_all(site: Site) -> None:
    """Seeding and checking are the owner's, dumping is the backup's; the backup cannot write."""
    for login in ("owner", "backup"):
        async with _connected(site.url(login)) as connection:
            assert await connection.fetchval("SELECT count(*) FROM tenant_payment_gateways") == 2
    async with _connected(site.url("backup")) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE tenants SET is_active = false")


def test_a_dump_by_the_owner_is_refused(site: Site) -> None:
    """Row-level security binds the owner too: such a dump fails rather than leave rows out."""
    refused = site.run("dump", BACKUP_URL=site.url("owner"))
    assert refused.returncode != 0
    assert "row-level security" in refused.stderr


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await asyncio.shield(connection.close())
