"""Many events claimed in one statement, by several workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from db.work import SqlDatabase
from domain.inbox import LOST, WebhookEvent, WebhookEventStatus
from tests.integration.db.builders import NOW, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_inbox import LEASE, record


async def backlog(database: SqlDatabase, merchant: Merchant, count: int) -> list[str]:
    """The ids of so many events that just came, oldest first."""
    ids = [f"we_{number:04}" for number in range(count)]
    for event_id in ids:
        await record(database, replace(an_event(merchant, event_id=event_id), id=event_id))
    return ids


async def claim_due(
    database: SqlDatabase, limit: int, *, now: datetime = NOW, received_until: datetime = NOW
) -> Sequence[WebhookEvent]:
    """One claim, committed."""
    async with database.begin_across_tenants() as work:
        lease_until = now + timedelta(seconds=25)
        claimed = await work.inbox.claim_due(
            now, lease_until, received_until=received_until, limit=limit
        )
        await work.commit()
    return claimed


async def test_a_claim_takes_the_oldest_and_no_more(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """As many as asked for, oldest first, each PROCESSING under its lease, one attempt further."""
    ids = await backlog(database, merchant, 5)

    first, rest, none = [await claim_due(database, 3) for _ in range(3)]

    assert [event.id for event in first] == ids[:3]
    assert [event.id for event in rest] == ids[3:]
    assert {(event.status, event.attempts) for event in first} == {
        (WebhookEventStatus.PROCESSING, 1)
    }
    assert {event.lease_until for event in first} == {NOW + timedelta(seconds=25)}
    assert none == []


async def test_open_claims_pass_over_each_others_rows(
    database: SqlDatabase, merchant: Merchant
) -> None:
    """Two workers claim at once: neither waits, nothing twice, the limit holds for both."""
    ids = await backlog(database, merchant, 6)

    async with database.begin_across_tenants() as one, database.begin_across_tenants() as two:
        first = await one.inbox.claim_due(NOW, LEASE, received_until=NOW, limit=4)
        second = await two.inbox.claim_due(NOW, LEASE, received_until=NOW, limit=4)

    assert [event.id for event in first] == ids[:4]
    assert [event.id for event in second] == ids[4:]


async def test_racing_claims_share_a_backlog(database: SqlDatabase, merchant: Merchant) -> None:
    """Many claims at once hand every event to exactly one of them."""
    ids = await backlog(database, merchant, 30)

    batches = await asyncio.gather(*(claim_due(database, 7) for _ in range(8)))

    assert sorted(event.id for batch in batches for event in batch) == ids
    assert max(map(len, batches)) <= 7


async def test_what_just_came_is_left_alone(database: SqlDatabase, merchant: Merchant) -> None:
    """Of RECEIVED events only those that came early enough are taken; a retry and an expired lease
    are due whenever they came."""
    ids = await backlog(database, merchant, 3)
    retry = replace(
        an_event(merchant, event_id="retry"),
        id="we_retry",
        status=WebhookEventStatus.RETRY,
        attempts=1,
        next_attempt_at=NOW,
    )
    await record(database, retry)

    early = await claim_due(database, 9, received_until=NOW - timedelta(microseconds=1))
    later = await claim_due(database, 9)

    assert [event.id for event in early] == ["we_retry"]
    assert [event.id for event in later] == ids


async def test_a_lost_try_is_noted_for_each(database: SqlDatabase, merchant: Merchant) -> None:
    """Events whose worker died are taken over together, each with its lost attempt."""
    ids = await backlog(database, merchant, 3)
    await claim_due(database, 2)

    again = await claim_due(database, 9, now=NOW + timedelta(seconds=25))

    assert [(event.id, event.attempts) for event in again] == [
        (ids[0], 2),
        (ids[1], 2),
        (ids[2], 1),
    ]
    async with database.begin_across_tenants() as work:
        connection = work.inbox.connection
        found = await connection.exec_driver_sql(
            "SELECT webhook_event_id, number, error_message FROM webhook_attempts ORDER BY 1"
        )
        assert [tuple(row) for row in found] == [(ids[0], 1, LOST), (ids[1], 1, LOST)]
