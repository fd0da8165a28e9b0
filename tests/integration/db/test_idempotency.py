"""The store of idempotency keys."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.errors import NotFound
from domain.idempotency import IdempotencyOutcome, IdempotencyRecord
from tests.integration.db.builders import a_full_record, a_record
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.waiting import started_waiting


async def claim(database: SqlDatabase, record: IdempotencyRecord) -> IdempotencyRecord | None:
    """One claim, committed."""
    async with database.begin(record.tenant_id) as work:
        existing = await work.keys.claim(record)
        await work.commit()
    return existing


async def test_every_field_of_a_record_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """A record with every field set, and one with none of the optional ones, read as written."""
    full, bare = a_full_record(merchant), a_record(merchant, key="other")
    assert defaults_left(full) == set()

    async with database.begin(merchant.id) as work:
        assert await work.keys.claim(full) is None
        assert await work.keys.claim(bare) is None

        assert full == await work.keys.find(merchant.id, full.id)
        assert bare == await work.keys.find(merchant.id, bare.id)


async def test_a_saved_record_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`save` writes every field that may change."""
    record = a_record(merchant)
    full = replace(a_full_record(merchant), id=record.id)

    async with database.begin(merchant.id) as work:
        await work.keys.claim(record)
        await work.keys.save(full)

        assert full == await work.keys.find(merchant.id, record.id)


async def test_a_taken_key_answers_with_its_record(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """The second claim changes nothing and gets the first record."""
    first = a_record(merchant)
    await claim(database, first)

    second = await claim(database, replace(a_full_record(merchant), input_hash="1" * 64))

    assert first == second


async def test_a_key_is_per_tenant_and_mutation(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """The same key of another tenant or for another mutation is another key."""
    await claim(database, a_record(merchant))

    assert await claim(database, a_record(rival)) is None
    assert await claim(database, replace(a_record(merchant), mutation="refundPayment")) is None


async def test_another_tenants_record_is_not_there(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """A foreign id and a missing id are the same."""
    record = a_record(merchant)
    await claim(database, record)

    async with database.begin(rival.id) as work:
        assert await work.keys.find(rival.id, record.id) is None
        with pytest.raises(NotFound):
            await work.keys.save(replace(record, tenant_id=rival.id))


async def test_racing_claims_have_one_winner(database: SqlDatabase, merchant: Merchant) -> None:
    """Of many claims at once one inserts; all others get the winner's record."""
    records = [a_record(merchant) for _ in range(20)]

    results = await asyncio.gather(*(claim(database, record) for record in records))

    winners = [record for record, result in zip(records, results, strict=True) if result is None]
    assert len(winners) == 1
    assert results.count(winners[0]) == 19


async def test_a_claim_waits_for_the_first_transaction(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A concurrent claim sees what the first transaction made of the key, not an earlier state."""
    record = a_record(merchant)

    async with database.begin(merchant.id) as work:
        await work.keys.claim(record)
        second = await started_waiting(engine, claim(database, a_record(merchant)))
        finished = replace(record, outcome=IdempotencyOutcome.SUCCEEDED)
        await work.keys.save(finished)
        await work.commit()

    assert finished == await second


async def test_a_rolled_back_claim_burns_nothing(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A claim that waited for a transaction that came to nothing takes the key itself."""
    async with database.begin(merchant.id) as work:
        await work.keys.claim(a_record(merchant))
        second = await started_waiting(engine, claim(database, a_record(merchant)))

    assert await second is None


async def test_a_taken_record_is_not_locked(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A claim that found the key holds no lock: whoever holds the key's operation may write it."""
    record = a_record(merchant)
    await claim(database, record)

    async with database.begin(merchant.id) as work, asyncio.timeout(2):
        await work.keys.claim(a_record(merchant))
        async with database.begin(merchant.id) as other:
            await other.keys.save(replace(record, outcome=IdempotencyOutcome.SUCCEEDED))
            await other.commit()
