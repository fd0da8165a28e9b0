"""Gateway rows take turns in the inbox: a flood through one delays no event of another."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.due_events import DUE
from db.work import SqlDatabase
from domain.inbox import WebhookEvent
from tests.integration.db.builders import NOW, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_inbox import record

FLOOD = int(os.environ.get("TOLLGATE_FLOOD", "20000"))
_FLOOD = """
INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload, status,
    attempts, created_at, next_attempt_at)
SELECT :status || lpad(n::text, 20, '0'), :gateway, false, :status || n, 'charge.updated',
    '{"id": "evt_1"}', :status, 1, CAST(:at AS timestamptz) - n * interval '1 ms',
    CAST(:due AS timestamptz)
FROM generate_series(1, :count) AS n
"""


@pytest_asyncio.fixture
async def flood(engine: AsyncEngine, merchant: Merchant) -> AsyncIterator[Merchant]:
    """A tenant whose endpoint was sent very many events, as many of them due as not."""
    for status, due in (("RECEIVED", None), ("RETRY", NOW + timedelta(hours=1))):
        given = {"status": status, "gateway": merchant.gateway.id, "at": NOW, "due": due}
        async with engine.begin() as connection:
            await connection.execute(text(_FLOOD), {**given, "count": FLOOD // 2})
            await connection.execute(text("ANALYZE webhook_events"))
    yield merchant
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE webhook_events CASCADE"))


async def claimed(
    database: SqlDatabase, limit: int, held: tuple[str, ...] = ()
) -> list[WebhookEvent]:
    """One claim, committed."""
    async with database.begin_across_tenants() as work:
        events = await work.inbox.claim_due(
            NOW, NOW + timedelta(seconds=25), received_until=NOW, limit=limit, held=held
        )
        await work.commit()
    return list(events)


async def test_a_quiet_row_has_its_turn_at_once(
    database: SqlDatabase, flood: Merchant, rival: Merchant
) -> None:
    """Behind a flood that is older, the rival's few events are in the first claim, and the places
    that it leaves are the flood's."""
    for number in range(3):
        await record(database, an_event(rival, event_id=f"evt_{number}"))

    first = Counter(event.gateway_id for event in await claimed(database, 12))

    assert first == {rival.gateway.id: 3, flood.gateway.id: 9}


async def test_the_row_with_the_fewest_places_is_next(
    database: SqlDatabase, flood: Merchant, rival: Merchant
) -> None:
    """A single free place goes to the row that holds none, whoever waits longer; and a row that
    holds most gets no more than evens them out."""
    for number in range(20):
        await record(database, an_event(rival, event_id=f"evt_{number}"))
    held = (flood.gateway.id,) * 4

    (one,) = await claimed(database, 1, held)
    more = Counter(event.gateway_id for event in await claimed(database, 8, held))

    assert one.gateway_id == rival.gateway.id
    assert more == {rival.gateway.id: 6, flood.gateway.id: 2}


async def test_of_one_row_the_oldest_comes_first(
    database: SqlDatabase, flood: Merchant, merchant: Merchant
) -> None:
    """In the order in which they fell due, not that of their ids."""
    first = await claimed(database, 5)

    oldest = [f"RECEIVED{FLOOD // 2 - n:020}" for n in range(5)]
    assert sorted(event.id for event in first) == sorted(oldest)


async def test_workers_share_a_flood(database: SqlDatabase, flood: Merchant) -> None:
    """Claims at the same time pass over each other's rows and all come back full."""
    batches = await asyncio.gather(*(claimed(database, 12) for _ in range(4)))

    ids = [event.id for batch in batches for event in batch]
    assert [len(batch) for batch in batches] == [12] * 4
    assert len(set(ids)) == len(ids)


async def test_the_length_of_a_line_costs_nothing(engine: AsyncEngine, flood: Merchant) -> None:
    """The claim reads the index of lines, and of the flood no more rows than it may want, which it
    then finds by their ids: neither those that are not due, nor those further back."""
    given = {"now": NOW, "received_until": NOW, "at_most": 12, "held": [flood.gateway.id]}
    async with engine.connect() as connection:
        explain = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {DUE}")
        (plan,) = (await connection.execute(explain, given)).scalar_one()
    scans = list(_scans(plan["Plan"]))

    assert {scan.get("Index Name") for scan in scans} <= {
        "ix_webhook_events_due",
        "ix_webhook_events_waiting",
        "pk_webhook_events",
    }
    read = [
        (scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"]
        for scan in scans
    ]
    assert sum(read) < 200


def _scans(node: dict[str, Any]) -> list[dict[str, Any]]:
    own = [node] if node.get("Relation Name") == "webhook_events" else []
    return own + [scan for child in node.get("Plans", []) for scan in _scans(child)]
