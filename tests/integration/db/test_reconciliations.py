"""The store of reconciliations, as the worker uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.engine import make_engine
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.differences import Difference, Label
from domain.movement_sums import Span
from domain.payment import GatewayType
from domain.reconciliation import Reconciliation
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_capture

LATE = Difference(Label.LATE_MONEY, "pay_1", None, "FAILED", "100", "pi_1")
LOST = Difference(Label.UNKNOWN_PAYMENT, "pi_2", None, "pay_2", "succeeded with 5 USD")
REFUND = Difference(Label.REFUND, "pay_1", None, "re_1 5", "nothing", "pi_1")


@pytest_asyncio.fixture
async def worker(database_url: str, cipher: AesGcmCipher) -> AsyncIterator[SqlDatabase]:
    """The database in the worker's role."""
    engine = make_engine(database_url, pool_size=2, role=DatabaseRole.WORKER)
    yield SqlDatabase(engine, cipher)
    await engine.dispose()


async def added(worker: SqlDatabase) -> Reconciliation:
    """The platform's row, as it begins."""
    async with worker.begin_across_tenants() as work:
        store = work.reconciliations
        await store.add_missing(NOW, oldest=NOW - timedelta(days=30), livemode=False)
        await store.add_missing(NOW, oldest=NOW, livemode=False)
        row = await store.first(livemode=False)
        await work.commit()
    assert row is not None
    return row


async def test_one_row_for_each_account(worker: SqlDatabase, merchant: Merchant) -> None:
    """What is paid through the platform's account has none of its own, but is found by it; the
    other mode has its own."""
    row = await added(worker)
    async with worker.begin_across_tenants() as work:
        store = work.reconciliations
        ids = await store.gateway_ids(livemode=False)
        live = await store.gateway_ids(livemode=True)
        rows = await store.platform_rows(GatewayType.STRIPE, livemode=False)
        of_live = await store.platform_rows(GatewayType.STRIPE, livemode=True)

    assert ids == [row.gateway_id]
    assert len(live) == 1
    assert live != ids
    assert rows == [(merchant.id, merchant.gateway.id)]
    assert of_live == []
    assert (row.due_at, row.repaired, row.failures) == (NOW, 0, 0)


async def test_every_field_comes_back(worker: SqlDatabase) -> None:
    """What is saved is read again."""
    saved = replace(
        await added(worker),
        reconciled_until=NOW - timedelta(hours=1),
        due_at=NOW + timedelta(hours=1),
        repaired=4,
        failures=2,
        reconciled_at=NOW,
        looked_until="pay_1",
        error_message="away",
    )
    async with worker.begin_across_tenants() as work:
        await work.reconciliations.save(saved)
        await work.commit()
    async with worker.begin_across_tenants() as work:
        found = await work.reconciliations.find(saved.gateway_id)
        none = await work.reconciliations.find("gw_none")

    assert found == saved
    assert none is None


async def test_differences_are_of_their_subjects(worker: SqlDatabase, engine: AsyncEngine) -> None:
    """All that a subject has is replaced, of others nothing; what stays keeps when it was found
    and says what is so now; the same twice in a span is one."""
    gateway_id = (await added(worker)).gateway_id

    async def put(subjects: list[str], *left: Difference, days: int = 0) -> list[Difference]:
        async with worker.begin_across_tenants() as work:
            at = NOW + timedelta(days=days)
            await work.reconciliations.replace(gateway_id, subjects, left, at)
            found = await work.reconciliations.differences(gateway_id)
            await work.commit()
        return list(found)

    first = await put(["pay_1", "pi_2"], LATE, LOST, LATE)
    more = replace(LATE, theirs="50")
    second = await put(["pay_1"], more, REFUND, days=1)
    nothing = await put([], LATE)
    third = await put(["pay_1"], REFUND, days=2)
    async with engine.connect() as connection:
        since = await connection.scalar(
            text("SELECT found_at FROM reconciliation_differences WHERE subject_id = 'pay_1'")
        )

    assert first == [LATE, LOST]
    assert second == nothing == [more, LOST, REFUND]
    assert third == [LOST, REFUND]
    assert since == NOW + timedelta(days=1)


async def test_what_we_have_of_a_span(
    worker: SqlDatabase, database: SqlDatabase, merchant: Merchant
) -> None:
    """A payment is touched when it was made and when anything was booked of it, if the gateway's
    id is known; facts are found by their keys."""
    payment = await stored_capture(database, merchant)
    made = payment.created_at
    async with database.begin(merchant.id) as work:
        booked = await work.ledger.of_payment(merchant.id, payment.id)

    async def touched(begin: timedelta, end: timedelta, gateway_id: str) -> list[str]:
        async with worker.begin(merchant.id) as work:
            span = Span(made + begin, made + end)
            return list(await work.reconciliations.touched(merchant.id, gateway_id, span))

    gateway_id, second = merchant.gateway.id, timedelta(seconds=1)
    assert await touched(timedelta(0), second, gateway_id) == [payment.id]
    assert await touched(-second, timedelta(0), gateway_id) == []
    assert await touched(timedelta(0), second, "gw_other") == []
    for each in booked:
        at = each.created_at - made
        assert await touched(at, at + second, gateway_id) == [payment.id]
    async with worker.begin(merchant.id) as work:
        keys = [each.fact_key for each in booked]
        found = await work.reconciliations.booked(merchant.id, [*keys, "refund:re_none"])
    assert found == frozenset(keys)
