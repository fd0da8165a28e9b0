"""The store of orders."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.order import OrderStatus
from domain.ports import ReferenceTaken
from tests.integration.db.builders import a_full_order, an_order
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_order
from tests.integration.db.waiting import started_waiting


async def test_every_field_of_an_order_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """An order with every field set, and one with none of the optional ones, read as written."""
    full, bare = a_full_order(merchant), an_order(merchant)
    assert defaults_left(full) == set()

    async with database.begin(merchant.id) as work:
        await work.orders.add(full)
        await work.orders.add(bare)

        assert full == await work.orders.find(merchant.id, full.id)
        assert bare == await work.orders.find(merchant.id, bare.id)


async def test_a_saved_order_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`save` writes every field that may change."""
    order = await stored_order(database, merchant)
    full = replace(a_full_order(merchant), id=order.id, reference=order.reference)

    async with database.begin(merchant.id) as work:
        await work.orders.save(full)
        await work.commit()

    async with database.begin(merchant.id) as work:
        assert full == await work.orders.lock(merchant.id, order.id)


async def test_a_reference_is_taken_once(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A second order with the tenant's reference is refused and the transaction goes on; another
    tenant may use the same reference."""
    async with database.begin(merchant.id) as work:
        await work.orders.add(an_order(merchant, reference="2026-001"))
        with pytest.raises(ReferenceTaken):
            await work.orders.add(an_order(merchant, reference="2026-001"))
        other = an_order(rival, reference="2026-001")
        await work.orders.add(other)
        await work.commit()

    async with database.begin(rival.id) as work:
        assert other == await work.orders.find(rival.id, other.id)


async def test_another_tenants_order_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A foreign id and a missing id are the same: not found, not locked, not saved."""
    order = await stored_order(database, merchant)

    async with database.begin(rival.id) as work:
        assert await work.orders.find(rival.id, order.id) is None
        with pytest.raises(NotFound):
            await work.orders.lock(rival.id, order.id)
        with pytest.raises(NotFound):
            await work.orders.save(replace(order, tenant_id=rival.id))


async def test_a_locked_order_makes_others_wait(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A second lock waits for the first transaction and then sees what it wrote."""
    order = await stored_order(database, merchant)

    async def status_under_lock() -> OrderStatus:
        async with database.begin(merchant.id) as work:
            return (await work.orders.lock(merchant.id, order.id)).status

    async with database.begin(merchant.id) as work:
        locked = await work.orders.lock(merchant.id, order.id)
        second = await started_waiting(engine, status_under_lock())
        await work.orders.save(replace(locked, status=OrderStatus.AUTHORIZED))
        await work.commit()

    assert OrderStatus.AUTHORIZED is await second


async def test_nothing_is_kept_without_a_commit(database: SqlDatabase, merchant: Merchant) -> None:
    """Leaving the transaction, with an error or without, undoes it."""
    left, failed = an_order(merchant), an_order(merchant)

    async def fail_midway() -> None:
        async with database.begin(merchant.id) as work:
            await work.orders.add(failed)
            raise RuntimeError("midway")

    async with database.begin(merchant.id) as work:
        await work.orders.add(left)
    with pytest.raises(RuntimeError, match="midway"):
        await fail_midway()

    async with database.begin(merchant.id) as work:
        assert await work.orders.find(merchant.id, left.id) is None
        assert await work.orders.find(merchant.id, failed.id) is None
