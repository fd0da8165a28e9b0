"""The table of the seals: append-only, with a place and a hash in each row."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.seals import CHAIN
from db.work import SqlDatabase
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_seals import sealed


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_seals SET hash = hash", "DELETE FROM audit_seals", "TRUNCATE audit_seals"],
)
async def test_the_seals_are_append_only(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, statement: str
) -> None:
    """What is sealed stays sealed, for the owner of the tables too."""
    await sealed(database, merchant, count=1)
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match="audit_seals is append-only"):
            await connection.execute(text(statement))


@pytest.mark.parametrize(
    ("sequence", "digest", "rule"),
    [(0, "0" * 64, "ck_audit_seals_sequence"), (1, "0" * 63, "ck_audit_seals_hash")],
)
async def test_a_seal_has_a_place_and_a_hash(
    engine: AsyncEngine, merchant: Merchant, sequence: int, digest: str, rule: str
) -> None:
    """Places count from 1, and a hash is 64 hexadecimal digits."""
    seal = {"tenant": merchant.id, "sequence": sequence, "entry": "aud_1", "hash": digest}
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match=rule):
            await connection.execute(
                text(
                    "INSERT INTO audit_seals (tenant_id, sequence, entry_id, hash)"
                    " VALUES (:tenant, :sequence, :entry, :hash)"
                ),
                seal,
            )


async def test_a_batch_of_a_long_chain_is_looked_up(
    engine: AsyncEngine, merchant: Merchant
) -> None:
    """Each of its entries by its id: a check of the whole chain reads the log once, not once for
    each batch."""
    fill = (
        "INSERT INTO audit_log (tenant_id, id, at, actor_type, actor_id, action, subject_id)"
        " SELECT :tenant, 'aud_' || n, now(), 'USER', 'ann', 'payment.paid', 'pay_1'"
        " FROM generate_series(1, 20000) AS n",
        "INSERT INTO audit_seals SELECT :tenant, n, 'aud_' || n, repeat('0', 64)"
        " FROM generate_series(1, 20000) AS n",
    )
    batch = CHAIN.params(of_tenant_id=merchant.id, after=10_000, at_most=500)
    asked = batch.compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
    async with engine.begin() as connection:
        for statement in fill:
            await connection.execute(text(statement), {"tenant": merchant.id})
        found = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS OFF) {asked}")
        plan = "\n".join(found.scalars())

    assert "pk_audit_log" in plan, plan
    assert "loops=500" in plan, plan
