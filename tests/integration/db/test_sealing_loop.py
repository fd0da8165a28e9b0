"""The worker's loop over all tenants' chains, in the worker's own role."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.sealing import seal_once
from app.turns import Turns, worker_name
from db.cipher import AesGcmCipher
from db.loop_leases import LoopLeases
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.audit import PLATFORM
from domain.sealing import Sealer
from tests.e2e.sandbox.control import eventually
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import an_entry
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_seals import Ahead, chain, write

LAST_SEQUENCE = 2**63 - 1


async def test_a_chain_that_cannot_go_on_stops_no_other(
    database: SqlDatabase,
    engine: AsyncEngine,
    database_url: str,
    cipher: AesGcmCipher,
    merchant: Merchant,
    rival: Merchant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Here the first tenant's sequence is at its end: that is logged, and the second is sealed."""
    for each in (merchant, rival):
        await write(database, an_entry(each, subject_id="pay_1"))
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO audit_seals VALUES (:id, :last, 'aud_1', repeat('0', 64))"),
            {"id": merchant.id, "last": LAST_SEQUENCE},
        )
    async with engine_as(database_url, DatabaseRole.WORKER) as worker:
        await seal_once(Sealer(SqlDatabase(worker, cipher), Ahead()), asyncio.Event())

    assert [link.sequence for link, _ in await chain(database, rival.id)] == [1]
    assert [link.sequence for link, _ in await chain(database, merchant.id)] == [LAST_SEQUENCE]
    assert f"audit of {merchant.id} not sealed" in caplog.text


async def test_the_platforms_own_log_is_sealed(
    database: SqlDatabase, database_url: str, cipher: AesGcmCipher, merchant: Merchant
) -> None:
    """Lines that are of no tenant have a chain of their own, which no tenant reads."""
    await write(database, replace(an_entry(merchant, subject_id="fee_1"), tenant_id=PLATFORM))
    async with engine_as(database_url, DatabaseRole.WORKER) as worker:
        under_test = SqlDatabase(worker, cipher)
        await seal_once(Sealer(under_test, Ahead()), asyncio.Event())
        assert [link.sequence for link, _ in await chain(under_test, PLATFORM)] == [1]
        async with under_test.begin(merchant.id) as work:
            assert await work.seals.chain(PLATFORM, after=0, limit=9) == []


async def test_each_end_is_logged(
    database: SqlDatabase,
    database_url: str,
    cipher: AesGcmCipher,
    merchant: Merchant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log keeps what the database's owner cannot rewrite; a round without news says nothing."""
    caplog.set_level(logging.INFO, "app.sealing")
    await write(database, an_entry(merchant, subject_id="pay_1"))
    stop = asyncio.Event()
    async with engine_as(database_url, DatabaseRole.WORKER) as worker:
        sealer = Sealer(SqlDatabase(worker, cipher), Ahead())
        leases = LoopLeases(worker, worker_name())
        turns = Turns(leases, "sealer", partial(seal_once, sealer), every_seconds=0.05)
        running = asyncio.create_task(turns.run(stop))
        await eventually(lambda: chain(database, merchant.id), bool, seconds=10)
        await asyncio.sleep(0.2)
        stop.set()
        await asyncio.wait_for(running, 5)
    ((link, _),) = await chain(database, merchant.id)

    assert [record.getMessage() for record in caplog.records] == [
        f"audit of {merchant.id} sealed up to 1:{link.hash}"
    ]
