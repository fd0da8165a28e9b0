"""The chain over the audit log: made once, whole, and broken wherever somebody lays hands on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.audit import AuditEntry
from domain.ids import Prefix, earlier, first_id
from domain.sealing import LATE_MILLISECONDS, Seal, Sealer, seal_all
from domain.verifying import Noted, Verdict, Verifier
from tests.integration.db.builders import an_entry
from tests.integration.db.conftest import Merchant


class Ahead:
    """The machine's clock a second ahead, so that an entry just made is never of the future."""

    def now(self) -> datetime:
        """The time by which the sealer goes."""
        return datetime.now(UTC) + timedelta(seconds=1)


def sealer_of(database: SqlDatabase) -> Sealer:
    """A sealer that needs several transactions for a handful of entries."""
    return Sealer(database, Ahead(), batch=3)


async def write(database: SqlDatabase, *entries: AuditEntry) -> list[str]:
    """The entries, committed together; their ids in order."""
    async with database.begin(entries[0].tenant_id) as work:
        for entry in entries:
            await work.audit.append(entry)
        await work.commit()
    return sorted(entry.id for entry in entries)


async def sealed(database: SqlDatabase, merchant: Merchant, count: int = 7) -> list[str]:
    """Ids of so many entries, all sealed."""
    entries = [an_entry(merchant, subject_id=f"pay_{at}") for at in range(count)]
    ids = await write(database, *entries)
    await sealer_of(database).seal(merchant.id)
    return ids


async def chain(database: SqlDatabase, tenant_id: str) -> Sequence[tuple[Seal, AuditEntry | None]]:
    """The tenant's whole chain."""
    async with database.begin(tenant_id) as work:
        return await work.seals.chain(tenant_id, after=0, limit=1000)


async def check(
    database: SqlDatabase, merchant: Merchant, *, noted: Noted | None = None
) -> Verdict:
    """What a check finds; it hears of every seal once."""
    heard: list[int] = []
    verifier = Verifier(database, Ahead(), batch=3)
    verdict = await verifier.check(merchant.id, noted=noted, checked=heard.append)
    assert sum(heard) == len(await chain(database, merchant.id))
    return verdict


async def tamper(engine: AsyncEngine, *statements: str, **values: object) -> None:
    """What somebody who owns the database can do, with the triggers out of the way."""
    async with engine.begin() as connection:
        for table in ("audit_log", "audit_seals"):
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement), values)


async def test_entries_are_sealed_in_the_order_of_their_ids(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Each tenant has its own chain from 1 without gaps, whole, over entries as they were read."""
    ids = await sealed(database, merchant)
    theirs = await sealed(database, rival, count=2)
    links = await chain(database, merchant.id)

    assert [(link.sequence, link.entry_id) for link, _ in links] == list(enumerate(ids, 1))
    assert [link.entry_id for link, _ in await chain(database, rival.id)] == theirs
    assert list(seal_all([entry for _, entry in links if entry], None)) == [at for at, _ in links]
    for owner in (merchant, rival):
        assert (await check(database, owner)).faults == ()


async def test_sealing_again_adds_what_is_new(database: SqlDatabase, merchant: Merchant) -> None:
    """A second round with nothing new does nothing; later entries go on where the chain ended."""
    first = await sealed(database, merchant, count=4)
    before = await chain(database, merchant.id)
    assert await sealer_of(database).seal(merchant.id) is None
    later = await sealed(database, merchant, count=2)
    after = await chain(database, merchant.id)

    assert after[:4] == before
    assert [link.entry_id for link, _ in after] == first + later


async def test_an_entry_committed_late_is_sealed_later(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """A transaction that ends after a later one was sealed comes behind it, and breaks nothing."""
    early, late = an_entry(merchant, subject_id="pay_1"), an_entry(merchant, subject_id="pay_2")
    early = replace(early, id=earlier(late.id, 9 * 60_000))
    async with database.begin(merchant.id) as slow:
        await slow.audit.append(early)
        await write(database, late)
        await sealer_of(database).seal(merchant.id)
        await slow.commit()
    await sealer_of(database).seal(merchant.id)

    assert [link.entry_id for link, _ in await chain(database, merchant.id)] == [late.id, early.id]
    assert (await check(database, merchant)).faults == ()


async def test_an_entry_of_the_future_waits(database: SqlDatabase, merchant: Merchant) -> None:
    """One from a machine whose clock is ahead is not sealed before its time, so that the entries
    of the others are not taken for forgotten ones."""
    ahead = datetime.now(UTC) + timedelta(hours=1)
    await write(
        database,
        replace(an_entry(merchant, subject_id="pay_1"), id=first_id(Prefix.AUDIT_ENTRY, ahead)),
    )
    ids = await sealed(database, merchant, count=2)

    assert [link.entry_id for link, _ in await chain(database, merchant.id)] == ids


async def test_many_sealers_make_one_chain(database: SqlDatabase, merchant: Merchant) -> None:
    """Eight at once, while entries are written, and the chain has every entry once."""

    async def writing(at: int) -> list[str]:
        return await write(database, an_entry(merchant, subject_id=f"pay_{at}"))

    async def sealing(_: int) -> list[str]:
        await sealer_of(database).seal(merchant.id)
        return []

    rounds = [part(at) for at in range(8) for part in (writing, sealing)]
    ids = [entry_id for found in await asyncio.gather(*rounds) for entry_id in found]
    await sealer_of(database).seal(merchant.id)

    links = [link for link, _ in await chain(database, merchant.id)]
    assert sorted(link.entry_id for link in links) == sorted(ids)
    assert [link.sequence for link in links] == list(range(1, 9))
    assert (await check(database, merchant)).faults == ()


async def test_a_sealer_that_is_cut_off_leaves_no_half_link(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A backend killed before the commit leaves nothing of its batch; the next sealer goes on."""
    ids = await write(database, *(an_entry(merchant, subject_id="pay_1") for _ in range(5)))
    async with database.begin(merchant.id) as work:
        assert await work.seals.try_lock(merchant.id)
        await work.seals.add(
            list(seal_all(await work.seals.unsealed(merchant.id, limit=2), last=None))
        )
        async with engine.begin() as other:
            await other.execute(
                text(
                    # It is gone before this returns, and with it the lock that it held.
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks"
                    " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                    " AND database = (SELECT oid FROM pg_database"
                    " WHERE datname = current_database())"
                )
            )
    await sealer_of(database).seal(merchant.id)

    assert [link.entry_id for link, _ in await chain(database, merchant.id)] == ids
    assert (await check(database, merchant)).faults == ()


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ('UPDATE audit_log SET after = \'{"status": "FAILED"}\' WHERE id = :third', 3),
        ("UPDATE audit_log SET before = NULL WHERE id = :third", 3),
        ("UPDATE audit_log SET actor_id = 'somebody else' WHERE id = :third", 3),
        ("UPDATE audit_log SET ip_address = NULL WHERE id = :third", 3),
        ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE id = :third", 3),
        ("DELETE FROM audit_log WHERE id = :third", 3),
        ("DELETE FROM audit_seals WHERE sequence = 3", 4),
        ("DELETE FROM audit_seals WHERE sequence = 1", 2),
        ("UPDATE audit_seals SET hash = repeat('0', 64) WHERE sequence = 3", 3),
        ("UPDATE audit_seals SET sequence = 99 WHERE sequence = 7", 99),
    ],
)
async def test_a_change_is_found_at_its_place(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, statement: str, place: int
) -> None:
    """Edited, dropped or moved: the first fault is where it was done."""
    ids = await sealed(database, merchant)
    await tamper(engine, statement, third=ids[2])

    assert (await check(database, merchant)).faults[0].sequence == place


async def test_entries_that_changed_places_are_found(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Two entries whose seals point at one another break at the first of the two."""
    ids = await sealed(database, merchant)
    await tamper(
        engine,
        "UPDATE audit_seals SET entry_id = 'aside' WHERE sequence = 2",
        "UPDATE audit_seals SET entry_id = :second WHERE sequence = 5",
        "UPDATE audit_seals SET entry_id = :fifth WHERE sequence = 2",
        second=ids[1],
        fifth=ids[4],
    )

    assert [fault.sequence for fault in (await check(database, merchant)).faults] == [2, 5]


async def test_an_edit_with_a_hash_to_match_is_found_one_later(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Whoever forges the hash too breaks the next link, and at the end the one that was noted."""
    ids = await sealed(database, merchant)
    links = await chain(database, merchant.id)
    third, last = (
        replace(entry, action="payment.forged")
        for _, entry in (links[2], links[6])
        if entry is not None
    )
    (forged,) = seal_all([third], links[1][0])
    (forged_end,) = seal_all([last], links[5][0])
    noted = Noted(7, links[6][0].hash)
    update = (
        "UPDATE audit_log SET action = 'payment.forged' WHERE id = :id",
        "UPDATE audit_seals SET hash = :hash WHERE entry_id = :id",
    )
    await tamper(engine, *update, id=ids[6], hash=forged_end.hash)
    assert (await check(database, merchant)).faults == ()
    assert [at.sequence for at in (await check(database, merchant, noted=noted)).faults] == [7]
    await tamper(engine, *update, id=ids[2], hash=forged.hash)
    assert [at.sequence for at in (await check(database, merchant)).faults] == [4]


async def test_an_entry_slipped_in_is_found(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """One with an id among entries long sealed is never sealed, and told by its own id."""
    ids = await sealed(database, merchant)
    slipped = replace(
        an_entry(merchant, subject_id="pay_1"), id=earlier(ids[0], LATE_MILLISECONDS + 60_000)
    )
    await write(database, slipped)
    await sealer_of(database).seal(merchant.id)
    (fault,) = (await check(database, merchant)).faults

    assert (fault.entry_id, fault.sequence) == (slipped.id, None)


async def test_an_end_that_was_cut_off_is_found_by_what_was_noted(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Entries and seals dropped from the end leave a whole chain: the noted end tells."""
    await sealed(database, merchant)
    end = (await check(database, merchant)).end
    assert end is not None
    noted = Noted(end.sequence, end.hash)
    await tamper(
        engine,
        "DELETE FROM audit_log WHERE id IN (SELECT entry_id FROM audit_seals WHERE sequence > 4)",
        "DELETE FROM audit_seals WHERE sequence > 4",
    )

    assert (await check(database, merchant)).faults == ()
    assert [at.sequence for at in (await check(database, merchant, noted=noted)).faults] == [4]
