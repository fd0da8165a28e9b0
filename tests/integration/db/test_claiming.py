"""Claiming gateway operations: due ones, once, for a while."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from db.work import SqlDatabase
from domain.operation import Operation, OperationState
from tests.integration.db.builders import NOW, a_sent_operation, an_operation
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import stored_operations, stored_payment

LEASE = NOW + timedelta(minutes=1)
SENT_BEFORE = NOW - timedelta(seconds=30)


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
    await stored_operations(database, due, foreign, later)

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
    await stored_operations(database, lost, running)

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
    await stored_operations(database, *operations)

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
        await stored_operations(database, replace(an_operation(payment), state=state))

    assert await claim_due(database) == []


async def test_two_claims_at_once_share_the_work(database: SqlDatabase, merchant: Merchant) -> None:
    """Claims in open transactions skip each other's rows: nothing twice, and nobody waits."""
    operations = [an_operation(await stored_payment(database, merchant)) for _ in range(6)]
    await stored_operations(database, *operations)

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
    await stored_operations(database, *operations)

    batches = await asyncio.gather(*(claim_due(database, limit=3) for _ in range(6)))

    claimed = [operation.id for batch in batches for operation in batch]
    assert sorted(operation.id for operation in operations) == sorted(claimed)


async def test_one_operation_is_claimed_by_id(database: SqlDatabase, merchant: Merchant) -> None:
    """By its id alone, only when it is due, and not while another worker holds it."""
    due = an_operation(await stored_payment(database, merchant))
    await stored_operations(database, due)

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
