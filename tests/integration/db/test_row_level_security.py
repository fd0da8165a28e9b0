"""Whose rows PostgreSQL itself shows and takes, role by role, for every table of the metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from sqlalchemy import Table, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import make_engine
from db.roles import DatabaseRole
from db.tables import metadata, webhook_attempts, webhook_events
from db.transactions import begun, on_own_terms
from db.work import SqlDatabase
from tests.integration.db.builders import an_alert, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event
from tests.integration.db.world import TENANT_TABLES, World, stored_world, tenant_column

REFUSED = "42501"
"""SQLSTATE insufficient_privilege: no grant, or a row that a policy does not let through."""

APPEND_ONLY = "23001"
"""SQLSTATE restrict_violation, by which the audit's trigger refuses."""

ROLES = tuple(DatabaseRole)
TENANTS_ROLES = (DatabaseRole.API, DatabaseRole.WORKER)
CLAIMED = frozenset({"tenants", "gateway_operations", "webhook_events", "alerts"})
"""What the worker sees of every tenant while it has none."""

UNROUTED = frozenset({"webhook_events", "alerts"})
"""What the worker sees, and the API may add, that is of no tenant."""

FORGETS = frozenset(
    {
        (DatabaseRole.WORKER, "DELETE FROM revoked_tokens"),
        (DatabaseRole.PLATFORM, "DELETE FROM revoked_tokens"),
        (DatabaseRole.API, "DELETE FROM processes"),
        (DatabaseRole.WORKER, "DELETE FROM processes"),
        (DatabaseRole.WORKER, "DELETE FROM request_minutes"),
        (DatabaseRole.WORKER, "DELETE FROM reconciliation_differences"),
    }
)
"""All that a role deletes: revocations whose token has ended by itself, signs of life, and
differences that are gone."""

Names = set[str | None]


@pytest_asyncio.fixture
async def worlds(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, rival: Merchant
) -> tuple[World, World]:
    """Two merchants with a row in every table, and what is of nobody."""
    ours = await stored_world(database, engine, merchant)
    theirs = await stored_world(database, engine, rival)
    async with database.begin_across_tenants() as work:
        platform = await work.tenants.platform_gateway(
            merchant.gateway.gateway_type, livemode=False
        )
        event = an_event(Merchant(merchant.tenant, platform), event_id="evt_unrouted")
        await record_event(work, event)
        await work.alerts.open(an_alert(None, subject_id=event.id))
        await work.commit()
    return ours, theirs


@asynccontextmanager
async def acting(
    database_url: str, role: DatabaseRole, tenant_id: str | None
) -> AsyncIterator[AsyncConnection]:
    """A transaction in the role, as this tenant or as none."""
    engine = on_own_terms(make_engine(database_url, pool_size=1, role=role))
    try:
        async with begun(engine, tenant_id) as connection:
            yield connection
    finally:
        await engine.dispose()


async def owners(connection: AsyncConnection, table: Table) -> Names:
    """The tenants whose rows are seen."""
    column = tenant_column(table)
    assert column is not None
    return set((await connection.execute(select(column).distinct())).scalars())


async def refusal(connection: AsyncConnection, statement: str, **values: object) -> str | None:
    """The SQLSTATE with which the statement is refused, None when it is not."""
    try:
        async with connection.begin_nested():
            await connection.execute(text(statement), values)
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", None))
    return None


def expected(role: DatabaseRole, table: str, tenant_id: str | None, everybody: Names) -> Names:
    """Whose rows of the table the design lets the role see."""
    if role is DatabaseRole.PLATFORM:
        return everybody
    own: Names = set() if tenant_id is None else {tenant_id}
    if table == "tenant_payment_gateways":
        of_nobody: Names = {None}
    else:
        of_nobody = {None} if role is DatabaseRole.WORKER and table in UNROUTED else set()
    claims = role is DatabaseRole.WORKER and tenant_id is None
    if claims and table in CLAIMED | {"tenant_payment_gateways"}:
        return everybody
    return own | of_nobody


@pytest.mark.parametrize("role", ROLES)
async def test_who_sees_whose_rows(
    engine: AsyncEngine, database_url: str, worlds: tuple[World, World], role: DatabaseRole
) -> None:
    """Without a tenant nothing but what the design lets the role claim or read; with one, that
    tenant's rows and no others."""
    ours, theirs = worlds
    async with engine.connect() as connection:
        everybody = {table.name: await owners(connection, table) for table in TENANT_TABLES}
    for name, names in everybody.items():
        assert {ours.id, theirs.id} <= names, f"tests/integration/db/world.py has no row of {name}"
    for tenant_id in (None, ours.id, theirs.id, "", "ten_unknown"):
        async with acting(database_url, role, tenant_id) as connection:
            for table in TENANT_TABLES:
                seen = await owners(connection, table)
                wanted = expected(
                    role, table.name, tenant_id or None, everybody[table.name] or set()
                )
                assert seen == wanted - {"ten_unknown"}, (table.name, tenant_id)


@pytest.mark.parametrize("role", ROLES)
async def test_attempts_are_seen_with_their_event(
    database_url: str, worlds: tuple[World, World], role: DatabaseRole
) -> None:
    """Whoever sees an event sees its attempts, and nobody else does; the worker alone adds one, to
    an event that it sees, and nobody changes one."""
    ours, theirs = worlds
    add = "INSERT INTO webhook_attempts VALUES (:event, 2, now(), 1, 'RETRY', 'forged', false)"
    for tenant_id in (None, ours.id, "", "ten_unknown"):
        async with acting(database_url, role, tenant_id) as connection:
            seen = set((await connection.execute(select(webhook_events.c.id))).scalars())
            found = select(webhook_attempts.c.webhook_event_id)
            of_events = set((await connection.execute(found)).scalars())
            assert of_events == seen & {ours.event.id, theirs.event.id}
            for event in (ours.event, theirs.event):
                may = role is DatabaseRole.WORKER and event.id in seen
                added = await refusal(connection, add, event=event.id)
                assert added == (None if may else REFUSED), (tenant_id, event.id)
            changed = await refusal(connection, "UPDATE webhook_attempts SET number = 3")
            assert changed == REFUSED


async def test_the_worker_switches_a_gateway_off_and_no_more(
    database_url: str, worlds: tuple[World, World]
) -> None:
    """Its own tenant's, and only off: not on, no other column, none of another tenant or of none,
    the platform's row included."""
    ours, _ = worlds
    off = "UPDATE tenant_payment_gateways SET is_enabled = false, updated_at = now() RETURNING id"
    refused = ("is_enabled = true", "account_id = 'acct_1'", "secret_key = ''", "livemode = true")
    for tenant_id, seen in ((ours.id, [ours.merchant.gateway.id]), (None, []), ("", [])):
        async with acting(database_url, DatabaseRole.WORKER, tenant_id) as connection:
            assert list((await connection.execute(text(off))).scalars()) == seen, tenant_id
    for assignment in refused:
        async with acting(database_url, DatabaseRole.WORKER, ours.id) as connection:
            statement = f"UPDATE tenant_payment_gateways SET {assignment}"  # noqa: S608 - of the above
            assert await refusal(connection, statement) == REFUSED, assignment


async def copies(engine: AsyncEngine, tenant_id: str) -> dict[str, tuple[str, str]]:
    """One row of the tenant from each table as JSON, with the columns that can be written."""
    found = {}
    async with engine.connect() as connection:
        for table in TENANT_TABLES:
            column = tenant_column(table)
            assert column is not None
            statement = f"SELECT to_jsonb(t)::text FROM {table.name} t WHERE {column.name} = :id"  # noqa: S608 - of the metadata
            row = (await connection.execute(text(statement), {"id": tenant_id})).scalars().first()
            written = ", ".join(column.name for column in table.c if column.computed is None)
            found[table.name] = (str(row), written)
    return found


@pytest.mark.parametrize("role", TENANTS_ROLES)
async def test_nobody_writes_for_another_tenant(
    engine: AsyncEngine, database_url: str, worlds: tuple[World, World], role: DatabaseRole
) -> None:
    """Under A, a row of B is not inserted, and no row of A is given to B, whatever the statement
    says; nor is B's row changed by one that names no tenant at all."""
    ours, theirs = worlds
    rows = await copies(engine, theirs.id)
    async with acting(database_url, role, ours.id) as connection:
        for table in TENANT_TABLES:
            row, written = rows[table.name]
            column = tenant_column(table)
            assert column is not None
            insert = (
                f"INSERT INTO {table.name} ({written}) SELECT {written}"  # noqa: S608 - of the metadata
                f" FROM jsonb_populate_record(NULL::{table.name}, CAST(:row AS jsonb))"
            )
            assert await refusal(connection, insert, row=row) == REFUSED, table.name
            given = f"UPDATE {table.name} SET {column.name} = :other WHERE {column.name} = :own"  # noqa: S608
            changed = await refusal(connection, given, other=theirs.id, own=ours.id)
            assert changed == REFUSED, table.name


@pytest.mark.parametrize("role", TENANTS_ROLES)
async def test_no_statement_reaches_another_tenants_row(
    database_url: str, worlds: tuple[World, World], role: DatabaseRole
) -> None:
    """An UPDATE without any condition touches the tenant's own rows only."""
    ours, theirs = worlds
    async with acting(database_url, role, ours.id) as connection:
        for table in TENANT_TABLES:
            column = tenant_column(table)
            assert column is not None
            statement = (
                f"UPDATE {table.name} SET {column.name} = {column.name} RETURNING {column.name}"  # noqa: S608
            )
            if await refusal(connection, statement) is None:
                touched = set((await connection.execute(text(statement))).scalars())
                assert ours.id in touched, table.name
                assert theirs.id not in touched, table.name


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_deletes_or_alters(
    database_url: str, worlds: tuple[World, World], role: DatabaseRole
) -> None:
    """DELETE, TRUNCATE and ALTER are no role's, nor is changing what was audited, nor making a
    table or function of one's own where the service would find it."""
    async with acting(database_url, role, worlds[0].id) as connection:
        for table in metadata.sorted_tables:
            name = table.name
            for statement in (
                f"DELETE FROM {name}",  # noqa: S608 - of the metadata
                f"TRUNCATE {name}",
                f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY",
                f"CREATE POLICY mine ON {name} USING (true)",
                f"DROP TABLE {name}",
            ):
                if (role, statement) not in FORGETS:
                    assert await refusal(connection, statement) == REFUSED, statement
        for statement in (
            "UPDATE audit_log SET action = action",
            "UPDATE audit_seals SET hash = hash",
            "UPDATE ledger_entries SET amount_cents = amount_cents",
            "UPDATE ledger_transactions SET reason = reason",
            "CREATE TABLE public.mine (id int)",
            "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "SET LOCAL session_replication_role = replica",
        ):
            assert await refusal(connection, statement) == REFUSED, statement


@pytest.mark.usefixtures("worlds")
@pytest.mark.parametrize(
    "table", ["audit_log", "audit_seals", "ledger_entries", "ledger_transactions"]
)
async def test_the_owner_does_not_rewrite_the_audit_or_the_books(
    engine: AsyncEngine, table: str
) -> None:
    """The trigger refuses even the owner, for whom a grant means nothing."""
    async with engine.connect() as connection:
        for statement in (
            f"UPDATE {table} SET tenant_id = tenant_id",  # noqa: S608 - of those above
            f"DELETE FROM {table}",  # noqa: S608
            f"TRUNCATE {table} CASCADE",
        ):
            assert await refusal(connection, statement) == APPEND_ONLY, statement
