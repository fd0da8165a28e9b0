"""The store of gateway operations."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.operation import OPEN, Operation, OperationKind, OperationState
from tests.integration.db.builders import (
    NOW,
    a_full_operation,
    a_refund,
    a_sent_operation,
    an_operation,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import stored_capture, stored_payment
from tests.integration.db.waiting import started_waiting

LEASE = NOW + timedelta(minutes=1)
SENT_BEFORE = NOW - timedelta(seconds=30)


async def stored(database: SqlDatabase, *operations: Operation) -> None:
    """Commit these operations."""
    async with database.begin_across_tenants() as work:
        for operation in operations:
            await work.operations.add(operation)
        await work.commit()


async def claim_due(
    database: SqlDatabase, *, now: datetime = NOW, limit: int = 10
) -> Sequence[Operation]:
    """One claim of what is due, committed."""
    async with database.begin_across_tenants() as work:
        claimed = await work.operations.claim_due(
            now, lease_until=now + timedelta(minutes=1), sending_before=SENT_BEFORE, limit=limit
        )
        await work.commit()
    return claimed


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
    await stored(database, operation)

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


async def test_what_is_due_is_claimed_for_a_while(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Due operations of all tenants are claimed; a second claim gets them only when the lease is
    over."""
    due = an_operation(await stored_payment(database, merchant))
    foreign = an_operation(await stored_payment(database, rival))
    later = an_operation(
        await stored_payment(database, merchant), due_at=NOW + timedelta(seconds=1)
    )
    await stored(database, due, foreign, later)

    first = await claim_due(database)
    again = await claim_due(database)
    afterwards = await claim_due(database, now=LEASE)

    assert {due.id, foreign.id} == {operation.id for operation in first}
    assert {LEASE} == {operation.due_at for operation in first}
    assert again == []
    assert {due.id, foreign.id, later.id} == {operation.id for operation in afterwards}


async def test_a_lost_call_is_claimed_as_unknown(database: SqlDatabase, merchant: Merchant) -> None:
    """A SENDING older than the limit becomes UNKNOWN under a lease; a younger one is left alone."""
    lost = a_sent_operation(await stored_payment(database, merchant), SENT_BEFORE - timedelta(1))
    running = a_sent_operation(await stored_payment(database, merchant), SENT_BEFORE)
    await stored(database, lost, running)

    claimed = await claim_due(database)

    assert [replace(lost, state=OperationState.UNKNOWN, due_at=LEASE)] == claimed
    assert await claim_due(database) == []


async def test_the_longest_due_come_first(database: SqlDatabase, merchant: Merchant) -> None:
    """With more due than asked for, those that wait longest are claimed."""
    operations = [
        an_operation(
            await stored_payment(database, merchant), due_at=NOW - timedelta(seconds=seconds)
        )
        for seconds in (1, 3, 2)
    ]
    await stored(database, *operations)

    claimed = await claim_due(database, limit=2)

    assert {operations[1].id, operations[2].id} == {operation.id for operation in claimed}


async def test_finished_operations_are_never_due(database: SqlDatabase, merchant: Merchant) -> None:
    """Neither an ended operation nor one that a person looks at is claimed."""
    payment = await stored_payment(database, merchant)
    for state in set(OperationState) - {
        OperationState.CREATED,
        OperationState.SENDING,
        OperationState.UNKNOWN,
    }:
        await stored(database, replace(an_operation(payment), state=state))

    assert await claim_due(database) == []


async def test_two_claims_at_once_share_the_work(database: SqlDatabase, merchant: Merchant) -> None:
    """Claims in open transactions skip each other's rows: nothing twice, and nobody waits."""
    operations = [an_operation(await stored_payment(database, merchant)) for _ in range(6)]
    await stored(database, *operations)

    async with database.begin_across_tenants() as one, database.begin_across_tenants() as two:
        first = await one.operations.claim_due(
            NOW, lease_until=LEASE, sending_before=SENT_BEFORE, limit=4
        )
        second = await two.operations.claim_due(
            NOW, lease_until=LEASE, sending_before=SENT_BEFORE, limit=4
        )

    assert (len(first), len(second)) == (4, 2)
    assert {operation.id for operation in operations} == {
        operation.id for operation in (*first, *second)
    }


async def test_racing_claims_never_share_an_operation(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """Many claims at once hand every operation to exactly one of them."""
    operations = [an_operation(await stored_payment(database, merchant)) for _ in range(8)]
    await stored(database, *operations)

    batches = await asyncio.gather(*(claim_due(database, limit=3) for _ in range(6)))

    claimed = [operation.id for batch in batches for operation in batch]
    assert sorted(operation.id for operation in operations) == sorted(claimed)


async def test_one_operation_is_claimed_by_id(database: SqlDatabase, merchant: Merchant) -> None:
    """By its id alone, only when it is due, and not while another worker holds it."""
    due = an_operation(await stored_payment(database, merchant))
    await stored(database, due)

    async with database.begin_across_tenants() as one, database.begin_across_tenants() as two:
        early = await one.operations.claim(
            due.id, NOW - timedelta(1), lease_until=LEASE, sending_before=SENT_BEFORE
        )
        claimed = await one.operations.claim(
            due.id, NOW, lease_until=LEASE, sending_before=SENT_BEFORE
        )
        held = await two.operations.claim(
            due.id, NOW, lease_until=LEASE, sending_before=SENT_BEFORE
        )

    assert early is None
    assert replace(due, due_at=LEASE) == claimed
    assert held is None


async def test_the_request_is_not_readable_in_the_table(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Payment method and parameters of a request are stored as ciphertext only."""
    operation = an_operation(await stored_payment(database, merchant))
    secret = replace(operation.request, parameters={"payment_method": "pm_card_visa"})
    await stored(database, replace(operation, request=secret))

    async with engine.connect() as connection:
        row = text("SELECT request, gateway_operations::text FROM gateway_operations")
        blob, shown = (await connection.execute(row)).one()

    assert b"pm_card_visa" not in blob
    assert "pm_card_visa" not in shown
