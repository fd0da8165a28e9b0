"""The store of webhook events."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.work import SqlDatabase
from domain.inbox import LEASE_SECONDS, LOST, WebhookEvent, WebhookEventStatus
from tests.integration.db.builders import NOW, a_full_event, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.fields import defaults_left
from tests.integration.db.rows import an_attempt, record_event

LEASE = NOW + timedelta(seconds=LEASE_SECONDS)


async def record(database: SqlDatabase, event: WebhookEvent) -> bool:
    """One event, committed."""
    async with database.begin_across_tenants() as work:
        is_new = await record_event(work, event)
        await work.commit()
    return is_new


async def claim(database: SqlDatabase, event: WebhookEvent) -> WebhookEvent | None:
    """One claim, committed."""
    async with database.begin_across_tenants() as work:
        claimed = await work.inbox.claim(event.id, NOW, LEASE)
        await work.commit()
    return claimed


async def attempts(engine: AsyncEngine, event: WebhookEvent) -> list[tuple[object, ...]]:
    """The tries of the event as they are stored."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT number, started_at, duration_ms, outcome, error_message, is_manual"
                " FROM webhook_attempts WHERE webhook_event_id = :id ORDER BY number"
            ),
            {"id": event.id},
        )
        return [tuple(row) for row in found]


async def test_every_field_of_an_event_comes_back(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """An event with every field set, and one with none of the optional ones, read as written."""
    full, bare = a_full_event(merchant), an_event(merchant)
    assert defaults_left(full) == set()

    async with database.begin_across_tenants() as work:
        await record_event(work, full)
        await record_event(work, bare)

        assert full == await work.inbox.find(full.id)
        assert bare == await work.inbox.find(bare.id)
        assert await work.inbox.find("we_unknown") is None


async def test_the_end_of_a_try_is_read_back(database: SqlDatabase, merchant: Merchant) -> None:
    """`end` writes what processing found out; what the gateway signed stays as it was."""
    event, full = an_event(merchant), a_full_event(merchant)
    await record(database, event)
    claimed = await claim(database, event)
    assert claimed is not None
    progress = replace(
        claimed,
        status=full.status,
        tenant_id=full.tenant_id,
        payment_id=full.payment_id,
        error_message=full.error_message,
        next_attempt_at=full.next_attempt_at,
        lease_until=None,
        processed_at=full.processed_at,
    )

    async with database.begin_across_tenants() as work:
        assert await work.inbox.end(replace(progress, event_type="forged", payload={}))

        assert progress == await work.inbox.find(event.id)
        assert not await work.inbox.end(full)


@pytest.mark.parametrize("status", list(WebhookEventStatus))
async def test_only_the_holder_of_the_lease_ends_a_try(
    database: SqlDatabase, merchant: Merchant, status: WebhookEventStatus
) -> None:
    """Once another has claimed the event, or it has ended, or was replayed, `end` writes nothing:
    not even one that holds the same number of tries."""
    stored = replace(
        an_event(merchant), status=status, attempts=2, next_attempt_at=NOW, lease_until=LEASE
    )
    await record(database, stored)
    done = replace(stored, status=WebhookEventStatus.PROCESSED, error_message="from the grave")

    async with database.begin_across_tenants() as work:
        for number in (1, 3):
            assert not await work.inbox.end(replace(done, attempts=number))
        if status is not WebhookEventStatus.PROCESSING:
            assert not await work.inbox.end(done)

        assert stored == await work.inbox.find(stored.id)


async def test_every_field_of_an_attempt_is_kept(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Attempts stand beside their event, one a number."""
    event = an_event(merchant)
    await record(database, event)
    first, second = an_attempt(1), replace(an_attempt(2), error=None, is_manual=False)
    async with database.begin_across_tenants() as work:
        await work.inbox.add_attempt(event.id, first)
        await work.inbox.add_attempt(event.id, second)
        await work.commit()

    assert await attempts(engine, event) == [
        (1, NOW, 120, "RETRY", "timed out", True),
        (2, NOW, 120, "RETRY", None, False),
    ]


async def test_an_event_id_is_per_gateway_and_mode(
    database: SqlDatabase, merchant: Merchant, rival: Merchant
) -> None:
    """Another gateway row, or the live mode, may send the same event id."""
    assert await record(database, an_event(merchant))
    assert await record(database, an_event(rival))
    assert await record(database, replace(an_event(merchant), livemode=True))


async def test_events_wait_in_three_ways(database: SqlDatabase, merchant: Merchant) -> None:
    """Due are: received, a retry whose time has come, an expired lease; oldest first."""
    states: dict[str, tuple[WebhookEventStatus, datetime | None]] = {
        "received": (WebhookEventStatus.RECEIVED, None),
        "retry": (WebhookEventStatus.RETRY, NOW),
        "retry later": (WebhookEventStatus.RETRY, LEASE),
        "expired": (WebhookEventStatus.PROCESSING, NOW),
        "held": (WebhookEventStatus.PROCESSING, LEASE),
        "processed": (WebhookEventStatus.PROCESSED, None),
        "ignored": (WebhookEventStatus.IGNORED, None),
        "dead": (WebhookEventStatus.DEAD, None),
    }
    for name, (status, at) in states.items():
        event = replace(
            an_event(merchant, event_id=name), id=f"we_{name}", status=status, attempts=1
        )
        await record(database, replace(event, next_attempt_at=at, lease_until=at))

    async with database.begin_across_tenants() as work:
        due = await work.inbox.claim_due(NOW, LEASE, received_until=NOW, limit=10)
    async with database.begin_across_tenants() as work:
        first_two = await work.inbox.claim_due(NOW, LEASE, received_until=NOW, limit=2)
    async with database.begin_across_tenants() as work:
        claimed = {name for name in states if await work.inbox.claim(f"we_{name}", NOW, LEASE)}

    assert [event.id for event in due] == ["we_expired", "we_received", "we_retry"]
    assert [event.id for event in first_two] == ["we_expired", "we_received"]
    assert {"received", "retry", "expired"} == claimed


async def test_a_claim_starts_a_lease(database: SqlDatabase, merchant: Merchant) -> None:
    """The event comes as PROCESSING, one attempt further, without the time of its retry."""
    event = replace(
        an_event(merchant), status=WebhookEventStatus.RETRY, attempts=1, next_attempt_at=NOW
    )
    await record(database, event)

    expected = replace(
        event,
        status=WebhookEventStatus.PROCESSING,
        attempts=2,
        next_attempt_at=None,
        lease_until=LEASE,
    )
    assert expected == await claim(database, event)


async def test_racing_claims_have_one_holder(database: SqlDatabase, merchant: Merchant) -> None:
    """Of many claims at once one gets the event."""
    event = an_event(merchant)
    await record(database, event)

    results = await asyncio.gather(*(claim(database, event) for _ in range(10)))

    assert results.count(None) == 9


async def test_a_claim_does_not_wait_for_another(database: SqlDatabase, merchant: Merchant) -> None:
    """An event in another's open transaction is passed over at once."""
    event = an_event(merchant)
    await record(database, event)

    async with database.begin_across_tenants() as one, database.begin_across_tenants() as two:
        held = await one.inbox.claim(event.id, NOW, LEASE)
        passed_over = await two.inbox.claim(event.id, NOW, LEASE)

    assert held is not None
    assert passed_over is None


async def test_an_expired_lease_is_taken_over(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A worker that died holds its event for the lease and no longer."""
    event = an_event(merchant)
    await record(database, event)
    await claim(database, event)

    async with database.begin_across_tenants() as work:
        too_early = await work.inbox.claim(event.id, LEASE - timedelta(microseconds=1), LEASE)
        taken_over = await work.inbox.claim(event.id, LEASE, LEASE + timedelta(seconds=30))
        await work.commit()

    assert too_early is None
    assert taken_over is not None
    assert taken_over.attempts == 2
    assert await attempts(engine, event) == [(1, NOW, 1_000 * LEASE_SECONDS, "RETRY", LOST, False)]


async def test_a_retry_has_lost_no_try(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """What was put off said so itself; only a lease that ran out leaves a try without a word."""
    waiting = replace(
        an_event(merchant), status=WebhookEventStatus.RETRY, attempts=3, next_attempt_at=NOW
    )
    await record(database, waiting)

    assert await claim(database, waiting) is not None
    assert await attempts(engine, waiting) == []


async def test_processed_is_what_the_status_says(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """The column `processed` is true for PROCESSED and IGNORED, by the database's own word."""
    for status in WebhookEventStatus:
        event = an_event(merchant, event_id=status)
        await record(database, replace(event, status=status, next_attempt_at=NOW, lease_until=NOW))

    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT status FROM webhook_events WHERE processed"))

        assert {"PROCESSED", "IGNORED"} == set(rows.scalars())
