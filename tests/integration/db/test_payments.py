"""The store of payments."""

import asyncio
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.payment_rows import UNREADABLE_ACTION
from db.work import SqlDatabase
from domain.errors import NotFound
from domain.payment import Payment, PaymentStatus
from domain.ports import StaleWrite
from tests.integration.db.builders import NOW, a_full_payment, a_payment, an_order
from tests.integration.db.conftest import Merchant
from tests.integration.db.drawn import payments_of
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_failure, stored_order, stored_payment
from tests.integration.db.waiting import started_waiting


async def test_every_field_of_a_payment_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """A payment with every field set, and one with none of the optional ones, read as written."""
    order = await stored_order(database, merchant)
    full, bare = a_full_payment(merchant, order), a_payment(merchant, order)
    assert defaults_left(full) == set()

    async with database.begin(merchant.id) as work:
        await work.payments.add(full)
        await work.payments.add(bare)

        assert full == await work.payments.find(merchant.id, full.id)
        assert bare == await work.payments.find(merchant.id, bare.id)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_any_payment_of_the_domain_is_stored(
    database: SqlDatabase, merchant: Merchant, data: st.DataObject
) -> None:
    """Whatever the domain can make of a payment, the table's rules accept and give back."""
    order = an_order(merchant, total=data.draw(st.integers(2, 2**53)))
    payment = data.draw(payments_of(merchant, order))

    async with database.begin(merchant.id) as work:
        await work.orders.add(order)
        await work.payments.add(payment)

        assert payment == await work.payments.lock(merchant.id, payment.id)


async def test_a_saved_payment_is_read_back_one_version_later(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """`save` writes every field that may change and raises the version by one."""
    payment = await stored_payment(database, merchant)
    order = replace(an_order(merchant), id=payment.order_id)
    full = replace(a_full_payment(merchant, order), id=payment.id, version=payment.version)

    async with database.begin(merchant.id) as work:
        await work.payments.save(full)
        await work.commit()

    async with database.begin(merchant.id) as work:
        found = await work.payments.find(merchant.id, payment.id)
        assert replace(full, version=payment.version + 1) == found


async def test_a_stale_payment_is_not_saved(database: SqlDatabase, merchant: Merchant) -> None:
    """A payment read before another write, or of another tenant, does not overwrite it."""
    payment = await stored_payment(database, merchant)

    async with database.begin(merchant.id) as work:
        await work.payments.save(payment)
        with pytest.raises(StaleWrite):
            await work.payments.save(payment)
        with pytest.raises(StaleWrite):
            await work.payments.save(replace(payment, tenant_id="ten_other", version=2))


async def test_payments_of_an_order_come_oldest_first(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """All of them, and none of another order."""
    order = await stored_order(database, merchant)
    tries = sorted([await stored_failure(database, merchant, order) for _ in range(3)], key=_id)
    await stored_payment(database, merchant)

    async with database.begin(merchant.id) as work:
        assert tries == await work.payments.of_order(merchant.id, order.id)


async def test_another_tenants_payment_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A foreign id and a missing id are the same, for one payment and for an order's."""
    payment = await stored_payment(database, merchant)

    async with database.begin(rival.id) as work:
        assert await work.payments.find(rival.id, payment.id) is None
        assert await work.payments.of_order(rival.id, payment.order_id) == []
        with pytest.raises(NotFound):
            await work.payments.lock(rival.id, payment.id)


async def test_a_locked_payment_makes_others_wait(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A second lock waits for the first transaction and then sees what it wrote."""
    payment = await stored_payment(database, merchant)

    async def version_under_lock() -> int:
        async with database.begin(merchant.id) as work:
            return (await work.payments.lock(merchant.id, payment.id)).version

    async with database.begin(merchant.id) as work:
        locked = await work.payments.lock(merchant.id, payment.id)
        second = await started_waiting(engine, version_under_lock())
        await work.payments.save(locked)
        await work.commit()

    assert payment.version + 1 == await second


async def test_two_live_payments_of_an_order_cannot_be(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """Of concurrent payments for one order, inserted without its lock, one is kept."""
    order = await stored_order(database, merchant)

    async def insert() -> None:
        async with database.begin(merchant.id) as work:
            await work.payments.add(a_payment(merchant, order))
            await work.commit()

    results = await asyncio.gather(*(insert() for _ in range(5)), return_exceptions=True)

    assert results.count(None) == 1
    assert sum(isinstance(result, IntegrityError) for result in results) == 4
    async with database.begin(merchant.id) as work:
        assert len(await work.payments.of_order(merchant.id, order.id)) == 1


async def test_the_index_agrees_with_the_domain_on_live(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """A payment keeps a second one out exactly when the domain calls it live."""
    order = await stored_order(database, merchant)

    for status, closed_at in product(PaymentStatus, [None, NOW]):
        first = replace(a_payment(merchant, order), status=status, intent_closed_at=closed_at)
        async with database.begin(merchant.id) as work:
            await work.payments.add(first)
            if first.is_live:
                with pytest.raises(IntegrityError, match="uq_payments_live"):
                    await work.payments.add(a_payment(merchant, order))
            else:
                await work.payments.add(a_payment(merchant, order))


async def test_an_intent_belongs_to_one_payment(database: SqlDatabase, merchant: Merchant) -> None:
    """The gateway's id is unique within a gateway row."""
    order = await stored_order(database, merchant)
    known = replace(await stored_failure(database, merchant, order), gateway_payment_id="pi_1")

    async with database.begin(merchant.id) as work:
        await work.payments.save(known)
        with pytest.raises(IntegrityError, match="uq_payments_gateway_payment"):
            await work.payments.add(replace(a_payment(merchant, order), gateway_payment_id="pi_1"))


async def test_a_payment_stays_with_its_tenants_order_and_gateway(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A payment can name neither an order nor a gateway row of another tenant."""
    order = await stored_order(database, merchant)
    foreign_order = replace(a_payment(rival, order), tenant_id=rival.id)
    foreign_gateway = a_payment(rival, order)

    async with database.begin(merchant.id) as work:
        with pytest.raises(IntegrityError, match="fk_payments_orders"):
            await work.payments.add(foreign_order)
    async with database.begin(merchant.id) as work:
        with pytest.raises(IntegrityError, match="fk_payments_tenant_payment_gateways"):
            await work.payments.add(foreign_gateway)


async def test_the_client_secret_is_sealed_to_its_row(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """The secret stands nowhere in the row, and its blob cannot be read in another row."""
    payment = await stored_payment(database, merchant)
    order = await stored_order(database, merchant)
    full = a_full_payment(merchant, order)
    async with database.begin(merchant.id) as work:
        await work.payments.add(full)
        await work.commit()

    async with engine.begin() as connection:
        row = text("SELECT payments::text FROM payments WHERE id = :id")
        shown = (await connection.execute(row, {"id": full.id})).scalar_one()
        moved = text(
            "UPDATE payments SET next_action ="
            " (SELECT next_action FROM payments WHERE id = :from) WHERE id = :to"
        )
        await connection.execute(moved, {"from": full.id, "to": payment.id})

    assert b"pi_1_secret_2".hex() not in shown
    assert "pi_1_secret_2" not in shown
    async with database.begin(merchant.id) as work:
        found = await work.payments.find(merchant.id, payment.id)
    assert found == replace(payment, next_action=UNREADABLE_ACTION)


def _id(payment: Payment) -> str:
    return payment.id
