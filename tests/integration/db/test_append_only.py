"""What is written to the audit and to the books stays as it is, whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.roles import DatabaseRole
from db.work import SqlDatabase
from tests.integration.db.as_role import engine_as
from tests.integration.db.conftest import Merchant
from tests.integration.db.ledger_builders import a_full_booking
from tests.integration.db.rows import stored_capture
from tests.integration.db.test_seals import sealed

CHANGES = (
    "UPDATE {table} SET tenant_id = tenant_id",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
)
AROUND = (
    "ALTER TABLE {table} DISABLE TRIGGER USER",
    "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
    "DROP TABLE {table}",
    "SET session_replication_role = replica",
)
"""Ways past the trigger, for those who may take them."""

TABLES = ("audit_log", "audit_seals", "ledger_entries", "ledger_transactions")


async def written(database: SqlDatabase, merchant: Merchant) -> None:
    """Something of the merchant's in each of the tables."""
    await sealed(database, merchant, count=1)
    payment = await stored_capture(database, merchant)
    async with database.begin(merchant.id) as work:
        await work.ledger.add([a_full_booking(payment)])
        await work.commit()


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_no_role_changes_audit_or_books(
    database_url: str, database: SqlDatabase, merchant: Merchant, role: DatabaseRole
) -> None:
    """API, worker and platform: permission denied, for the change and for each way around."""
    await written(database, merchant)
    async with engine_as(database_url, role) as engine:
        for table in TABLES:
            for statement in (*CHANGES, *AROUND):
                async with engine.connect() as connection:
                    await connection.execute(
                        text("SELECT set_config('tollgate.tenant_id', :tenant, true)"),
                        {"tenant": merchant.id},
                    )
                    seen = f"SELECT count(*) FROM {table}"  # noqa: S608 - one of TABLES
                    assert (await connection.execute(text(seen))).scalar_one() > 0
                    with pytest.raises(DBAPIError) as refused:
                        await connection.execute(text(statement.format(table=table)))
                    assert getattr(refused.value.orig, "sqlstate", None) == "42501"


async def test_the_owner_does_not_change_audit_or_books(
    engine: AsyncEngine, database: SqlDatabase, merchant: Merchant
) -> None:
    """The owner has every right and meets the trigger, also in a session that calls itself a
    replica, where ordinary triggers do not fire."""
    await written(database, merchant)
    for table in TABLES:
        for statement in CHANGES:
            for replication_role in ("origin", "replica"):
                async with engine.connect() as connection:
                    setting = f"SET LOCAL session_replication_role = {replication_role}"
                    await connection.execute(text(setting))
                    with pytest.raises(IntegrityError, match=f"{table} is append-only"):
                        await connection.execute(text(statement.format(table=table)))


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.WORKER])
async def test_nobody_writes_into_anothers_audit(
    database_url: str, merchant: Merchant, rival: Merchant, role: DatabaseRole
) -> None:
    """A line, and a seal, of another tenant than the transaction's is refused."""
    line = (
        "INSERT INTO audit_log (tenant_id, id, at, actor_type, actor_id, action, subject_id)"
        " VALUES (:tenant, 'aud_1', now(), 'SYSTEM', 'me', 'payment.paid', 'pay_1')"
    )
    seal = "INSERT INTO audit_seals VALUES (:tenant, 1, 'aud_1', repeat('0', 64))"
    async with engine_as(database_url, role) as engine:
        for statement in (line, seal):
            async with engine.connect() as connection:
                await connection.execute(
                    text("SELECT set_config('tollgate.tenant_id', :tenant, true)"),
                    {"tenant": merchant.id},
                )
                with pytest.raises(DBAPIError) as refused:
                    await connection.execute(text(statement), {"tenant": rival.id})
                assert getattr(refused.value.orig, "sqlstate", None) == "42501"
