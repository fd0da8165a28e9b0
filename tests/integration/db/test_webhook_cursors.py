"""The store of how far the gateway's lists were walked, in the worker's role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.payment import GatewayType
from domain.webhook_cursors import WebhookCursor
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import NOW, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event, stored_capture
from tests.integration.db.test_inbox import record

LEASE = NOW + timedelta(minutes=5)
LATER = LEASE + timedelta(seconds=1)
MADE = NOW - timedelta(days=3)
_CONNECT = """
INSERT INTO tenant_payment_gateways (id, tenant_id, gateway_type, mode, livemode, is_enabled,
    fee_basis_points, fee_fixed_cents, account_id, created_at, updated_at)
VALUES (:id, :tenant, 'STRIPE', 'CONNECT', :livemode, false, 290, 30, :account, :at, :at)
"""


@pytest_asyncio.fixture
async def worker(database_url: str, cipher: AesGcmCipher) -> AsyncIterator[SqlDatabase]:
    """The worker's transactions."""
    async with engine_as(database_url, DatabaseRole.WORKER) as engine:
        yield SqlDatabase(engine, cipher)


@pytest_asyncio.fixture(autouse=True)
async def _connected(engine: AsyncEngine, merchant: Merchant) -> None:
    """Two connected accounts, one of them live; all gateway rows were made on one day."""
    async with engine.begin() as connection:
        for gateway_id, livemode in (("gw_connected", False), ("gw_live", True)):
            given = {
                "id": gateway_id,
                "tenant": merchant.id,
                "livemode": livemode,
                "account": f"acct_{gateway_id}",
                "at": MADE,
            }
            await connection.execute(text(_CONNECT), given)
        await connection.execute(
            text("UPDATE tenant_payment_gateways SET created_at = :at"), {"at": MADE}
        )


async def add(database: SqlDatabase, *, days: int = 30) -> None:
    """Cursors for the rows of test mode that have none."""
    async with database.begin_across_tenants() as work:
        oldest = NOW - timedelta(days=days)
        await work.cursors.add_missing(NOW, oldest=oldest, livemode=False)
        await work.commit()


async def claim(database: SqlDatabase, *, minutes: int = 0) -> WebhookCursor | None:
    """One claim, so many minutes from now."""
    now = NOW + timedelta(minutes=minutes)
    async with database.begin_across_tenants() as work:
        claimed = await work.cursors.claim(
            now, due_until=now, lease_until=now + (LEASE - NOW), livemode=False
        )
        await work.commit()
    return claimed


async def save(database: SqlDatabase, cursor: WebhookCursor, held: WebhookCursor) -> bool:
    """The cursor saved by who holds it."""
    async with database.begin_across_tenants() as work:
        is_saved = await work.cursors.save(cursor, lease=held.lease_until)
        await work.commit()
    return is_saved


async def platform_id(database: SqlDatabase) -> str:
    """The platform's own row."""
    async with database.begin_across_tenants() as work:
        return (await work.tenants.platform_gateway(GatewayType.STRIPE, livemode=False)).id


async def test_every_row_that_may_hear_events_has_a_cursor(
    worker: SqlDatabase, engine: AsyncEngine
) -> None:
    """The platform's own and a connected one, of the mode that is asked for; not the tenant's row
    in mode PLATFORM. They begin when the row was made, and are added once."""
    await add(worker)
    await add(worker, days=1)
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT gateway_id, listed_until, due_at FROM webhook_cursors ORDER BY 1")
        )
        rows = sorted(tuple(row) for row in found)

    expected = {await platform_id(worker), "gw_connected"}
    assert rows == sorted((gateway_id, MADE, NOW) for gateway_id in expected)


async def test_a_cursor_begins_no_earlier_than_the_list(worker: SqlDatabase) -> None:
    """A row that is older than what the gateway lists begins there."""
    await add(worker, days=1)
    cursor = await claim(worker)

    assert cursor is not None
    assert (cursor.listed_from, cursor.listed_until) == (MADE, NOW - timedelta(days=1))


async def test_every_field_of_a_cursor_comes_back(worker: SqlDatabase) -> None:
    """What is saved is read again, with what its gateway row says."""
    await add(worker)
    held = await claim(worker)
    assert held is not None
    saved = replace(
        held,
        listed_until=NOW,
        due_at=NOW - timedelta(hours=1),
        lease_until=None,
        resume_at=NOW - timedelta(minutes=1),
        missed=3,
        failures=2,
        walked_at=NOW,
        error_message="away",
    )
    assert await save(worker, saved, held)
    again = await claim(worker)
    other = await claim(worker)

    assert again == replace(saved, lease_until=LEASE)
    assert other is not None
    by_id = {cursor.gateway_id: cursor for cursor in (again, other)}
    assert by_id["gw_connected"].account_id == "acct_gw_connected"
    assert by_id[await platform_id(worker)].account_id is None


async def test_a_claim_is_one_workers_until_its_lease_ends(worker: SqlDatabase) -> None:
    """Many at once get each account once; it is free again after the lease, and not before."""
    await add(worker)
    claimed = await asyncio.gather(*(claim(worker) for _ in range(6)))
    names = [cursor.gateway_id for cursor in claimed if cursor is not None]
    assert sorted(names) == sorted(["gw_connected", await platform_id(worker)])
    assert await claim(worker, minutes=4) is None
    assert await claim(worker, minutes=5) is not None


async def test_who_lost_the_lease_cannot_save(worker: SqlDatabase) -> None:
    """The lease is the fence: neither an old holder nor one who never held it writes."""
    await add(worker)
    first = await claim(worker)
    assert first is not None
    second = await claim(worker, minutes=6)
    while second is not None and second.gateway_id != first.gateway_id:
        second = await claim(worker, minutes=6)
    assert second is not None

    assert not await save(worker, replace(first, listed_until=NOW), first)
    assert not await save(worker, first, replace(first, lease_until=None))
    assert await save(worker, replace(second, missed=1), second)


async def test_an_account_that_is_not_due_is_left(worker: SqlDatabase) -> None:
    """The one that is due first comes first; what is not due comes only when it is asked for."""
    await add(worker)
    for hours in (2, 1):
        held = await claim(worker)
        assert held is not None
        due_at = NOW + timedelta(hours=hours)
        await save(worker, replace(held, due_at=due_at, lease_until=None), held)
    assert await claim(worker) is None
    async with worker.begin_across_tenants() as work:
        due_until = NOW + timedelta(hours=2)
        early = [
            await work.cursors.claim(NOW, due_until=due_until, lease_until=LEASE, livemode=False)
            for _ in range(3)
        ]

    assert [cursor and cursor.due_at - NOW for cursor in early] == [
        timedelta(hours=1),
        timedelta(hours=2),
        None,
    ]


async def test_what_the_inbox_has(
    worker: SqlDatabase, database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Known are the events of this row and mode, whatever stands of them."""
    for event in (
        an_event(merchant),
        replace(an_event(merchant, event_id="evt_empty"), payload={}),
        replace(an_event(merchant, event_id="evt_live"), livemode=True),
        an_event(rival, event_id="evt_rival"),
    ):
        await record(database, event)
    asked = ["evt_1", "evt_empty", "evt_live", "evt_rival", "evt_unknown"]
    async with worker.begin_across_tenants() as work:
        known = await work.cursors.known(merchant.gateway.id, asked, livemode=False)

    assert known == {"evt_1", "evt_empty"}


async def test_whether_a_row_was_paid_through(
    worker: SqlDatabase, database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Only the tenant's own payments count, and only within its transaction."""
    await stored_capture(database, merchant)
    async with worker.begin(merchant.id) as work:
        assert await work.cursors.has_payments(merchant.id, merchant.gateway.id)
        assert not await work.cursors.has_payments(merchant.id, "gw_connected")
        assert not await work.cursors.has_payments(rival.id, merchant.gateway.id)
    async with worker.begin_across_tenants() as work:
        assert not await work.cursors.has_payments(merchant.id, merchant.gateway.id)


async def test_the_api_has_no_business_in_it(
    worker: SqlDatabase, database_url: str, cipher: AesGcmCipher
) -> None:
    """The cursors are about accounts of every tenant: the API's role may not even look."""
    await add(worker)
    async with engine_as(database_url, DatabaseRole.API) as engine:
        with pytest.raises(DBAPIError, match="permission denied"):
            await claim(SqlDatabase(engine, cipher))


async def test_the_worker_stores_events_of_no_tenant(
    worker: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """As the route does: an event has its tenant when it is routed. Within one tenant the worker
    stores none for another."""
    assert await record(worker, an_event(merchant))
    foreign = replace(an_event(rival), tenant_id=rival.id)
    async with worker.begin(merchant.id) as work:
        with pytest.raises(DBAPIError, match="row-level security"):
            await record_event(work, foreign)
