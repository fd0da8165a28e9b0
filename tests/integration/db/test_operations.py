"""The store of gateway operations."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.operation import OPEN, OperationKind, OperationState
from tests.integration.db.builders import (
    a_full_operation,
    a_refund,
    an_operation,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_capture, stored_operations, stored_payment
from tests.integration.db.waiting import started_waiting


async def test_every_field_of_an_operation_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """An operation with every field set, and one with none of the optional ones, read as written:
    the request byte for byte, nested parameters included."""
    payment = await stored_capture(database, merchant)
    refund = a_refund(payment)
    full, bare = a_full_operation(payment, refund), an_operation(payment)
    assert defaults_left(full) == set()

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        await work.operations.add(full)
        await work.operations.add(bare)

        assert full == await work.operations.find(merchant.id, full.id)
        assert bare == await work.operations.lock(merchant.id, bare.id)


async def test_a_saved_operation_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`save` writes every field that may change, a request completed later included."""
    payment = await stored_capture(database, merchant)
    refund, operation = a_refund(payment), an_operation(payment)
    full = replace(a_full_operation(payment, refund), id=operation.id, gateway_key="fresh")

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        await work.operations.add(operation)
        await work.operations.save(full)

        assert full == await work.operations.find(merchant.id, operation.id)


async def test_open_operations_of_a_payment(database: SqlDatabase, merchant: Merchant) -> None:
    """Those in a state that may still have an effect, oldest first, and of this payment only."""
    payment = await stored_capture(database, merchant)
    refund = a_refund(payment)
    operations = [
        replace(a_full_operation(payment, refund), id=f"op_{state}", gateway_key=state, state=state)
        for state in OperationState
    ]
    other = an_operation(await stored_payment(database, merchant))

    async with database.begin(merchant.id) as work:
        await work.refunds.add(refund)
        for operation in (*operations, other):
            await work.operations.add(operation)
        found = await work.operations.open_of_payment(merchant.id, payment.id)

    assert sorted(f"op_{state}" for state in OPEN) == [operation.id for operation in found]


async def test_another_tenants_operation_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A foreign id and a missing id are the same."""
    payment = await stored_payment(database, merchant)
    operation = an_operation(payment)

    async with database.begin(rival.id) as work:
        await work.operations.add(operation)

        assert await work.operations.find(rival.id, operation.id) is None
        assert await work.operations.open_of_payment(rival.id, payment.id) == []
        with pytest.raises(NotFound):
            await work.operations.lock(rival.id, operation.id)
        with pytest.raises(NotFound):
            await work.operations.save(replace(operation, tenant_id=rival.id))


async def test_a_locked_operation_makes_others_wait(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A second lock waits for the first transaction and then sees what it wrote."""
    operation = an_operation(await stored_payment(database, merchant))
    await stored_operations(database, operation)

    async def attempts_under_lock() -> int:
        async with database.begin(merchant.id) as work:
            return (await work.operations.lock(merchant.id, operation.id)).attempts

    async with database.begin(merchant.id) as work:
        locked = await work.operations.lock(merchant.id, operation.id)
        second = await started_waiting(engine, attempts_under_lock())
        await work.operations.save(replace(locked, attempts=7))
        await work.commit()

    assert await second == 7


async def test_one_open_operation_of_a_kind(database: SqlDatabase, merchant: Merchant) -> None:
    """A payment has at most one open capture, cancel and so on, but any number of refunds."""
    payment = await stored_capture(database, merchant)
    refunds = [a_refund(payment), a_refund(payment)]
    ended = replace(
        an_operation(payment, kind=OperationKind.CAPTURE), state=OperationState.REJECTED
    )

    async with database.begin(merchant.id) as work:
        for refund in refunds:
            await work.refunds.add(refund)
            await work.operations.add(a_full_operation(payment, refund))
        await work.operations.add(ended)
        await work.operations.add(an_operation(payment, kind=OperationKind.CAPTURE))
        await work.operations.add(an_operation(payment, kind=OperationKind.CANCEL))
        with pytest.raises(IntegrityError, match="uq_gateway_operations_open"):
            await work.operations.add(an_operation(payment, kind=OperationKind.CAPTURE))


async def test_a_gateway_key_is_used_once(database: SqlDatabase, merchant: Merchant) -> None:
    """Two operations never share a key at the gateway, of whatever tenant."""
    payment = await stored_payment(database, merchant)
    first = an_operation(payment)
    second = replace(an_operation(payment, kind=OperationKind.CANCEL), gateway_key=first.id)

    async with database.begin(merchant.id) as work:
        await work.operations.add(first)
        with pytest.raises(IntegrityError, match="uq_gateway_operations_gateway_key"):
            await work.operations.add(second)


async def test_the_request_is_not_readable_in_the_table(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Payment method and parameters of a request are stored as ciphertext only."""
    operation = an_operation(await stored_payment(database, merchant))
    secret = replace(operation.request, parameters={"payment_method": "pm_card_visa"})
    await stored_operations(database, replace(operation, request=secret))

    async with engine.connect() as connection:
        row = text("SELECT request, gateway_operations::text FROM gateway_operations")
        blob, shown = (await connection.execute(row)).one()

    assert b"pm_card_visa" not in blob
    assert "pm_card_visa" not in shown
