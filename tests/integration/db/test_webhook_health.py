"""The inbox in figures, in the platform's role: what counts, and what a million old events cost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from db.roles import DatabaseRole
from db.webhook_health import _HEALTH, SqlInboxHealthReads
from db.work import SqlDatabase
from domain.ids import Prefix, new_id
from domain.inbox import LEASE_SECONDS, WebhookEventStatus
from domain.webhook_health import RECENT, InboxHealth
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import NOW, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event
from tests.integration.db.test_inbox import record

S = WebhookEventStatus
OLD_ROWS = 5_000
_MANY = """
INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload, status,
    attempts, created_at, processed_at)
SELECT :begin || lpad(n::text, 20, '0'), :gateway, false, :status || n, 'charge.updated',
    '{"id": "evt_1"}', :status, 1, now(), CASE WHEN :status = 'PROCESSED' THEN now() END
FROM generate_series(1, :count) AS n
"""

Node = dict[str, Any]


def ago(seconds: float) -> datetime:
    """So many seconds before now."""
    return NOW - timedelta(seconds=seconds)


@pytest_asyncio.fixture
async def crowded(engine: AsyncEngine) -> AsyncIterator[None]:
    """Leaves nothing of many thousand events behind: what a test leaves is searched for secrets."""
    yield
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE webhook_events CASCADE"))


@pytest_asyncio.fixture
async def reads(database_url: str) -> AsyncIterator[SqlInboxHealthReads]:
    """The reads under test, in the platform's role."""
    async with engine_as(database_url, DatabaseRole.PLATFORM) as engine:
        yield SqlInboxHealthReads(engine)


async def test_an_empty_inbox(reads: SqlInboxHealthReads) -> None:
    """Nothing waits, nothing is dead, and there is nothing to take a lag from."""
    assert await reads.inbox_health(NOW) == InboxHealth(0, 0, None, None)


WAITING: list[tuple[dict[str, Any], float | None]] = [
    ({"status": S.RECEIVED, "created_at": ago(70)}, 70),
    ({"status": S.RECEIVED, "created_at": ago(9_000), "replayed_at": ago(7)}, 7),
    ({"status": S.RECEIVED, "created_at": ago(-3)}, 0),
    ({"status": S.RETRY, "created_at": ago(9_000), "next_attempt_at": ago(20)}, 20),
    ({"status": S.RETRY, "created_at": ago(9_000), "next_attempt_at": ago(-1)}, None),
    (
        {
            "status": S.PROCESSING,
            "created_at": ago(9_000),
            "lease_until": ago(40 - LEASE_SECONDS),
        },
        40,
    ),
]


@pytest.mark.parametrize(("changes", "seconds"), WAITING, ids=str)
async def test_what_an_event_waits_for(
    database: SqlDatabase,
    merchant: Merchant,
    reads: SqlInboxHealthReads,
    changes: dict[str, Any],
    seconds: float | None,
) -> None:
    """A worker is what counts: not its own time to try again. It is unprocessed in any case, and
    the one that has waited longest is told, whatever else waits."""
    await record(database, replace(an_event(merchant), **changes))
    assert await reads.inbox_health(NOW) == InboxHealth(1, 0, seconds, None)

    other = replace(an_event(merchant, event_id="evt_2"), created_at=ago(80))
    await record(database, replace(other, id=new_id(Prefix.WEBHOOK_EVENT)))
    assert await reads.inbox_health(NOW) == InboxHealth(2, 0, 80, None)


async def took(database: SqlDatabase, merchant: Merchant, *seconds: float, **changes: Any) -> None:
    """Events that came one after the other and took so long to be worked off."""
    async with database.begin_across_tenants() as work:
        for each in seconds:
            event = an_event(merchant, event_id=new_id(Prefix.WEBHOOK_EVENT))
            end = NOW + timedelta(seconds=each)
            await record_event(
                work, replace(event, status=S.PROCESSED, processed_at=end, **changes)
            )
        await work.commit()


async def test_the_lag_is_that_of_the_last_ones(
    database: SqlDatabase, merchant: Merchant, reads: SqlInboxHealthReads
) -> None:
    """It is the 95th percentile of the hundred that were received last: five slow ones among them
    do not show, six do; older ones do not, and a replay begins anew. Dead ones have none, and are
    counted."""
    await took(database, merchant, *[9_000.0] * 10)
    await took(database, merchant, *[600.0] * 5, *[2.0] * (RECENT - 5))
    assert await reads.inbox_health(NOW) == InboxHealth(0, 0, None, 2.0)

    await took(database, merchant, 900.0, replayed_at=NOW + timedelta(seconds=899))
    await record(database, replace(an_event(merchant), status=S.DEAD))
    assert await reads.inbox_health(NOW) == InboxHealth(0, 1, None, 2.0)

    await took(database, merchant, 700.0, 700.0)
    assert (await reads.inbox_health(NOW)).lag_seconds == 2.0
    await took(database, merchant, *[600.0] * 4)
    assert (await reads.inbox_health(NOW)).lag_seconds == 600.0


@pytest.mark.usefixtures("crowded")
async def test_it_counts_no_further_than_it_must(
    engine: AsyncEngine, merchant: Merchant, reads: SqlInboxHealthReads
) -> None:
    """More than are counted are as many as are counted, which counts as behind."""
    await _fill(engine, merchant, S.RECEIVED, 10_500)
    found = await reads.inbox_health(NOW)

    assert found.unprocessed == 10_000
    assert found.is_behind(10**9)
    assert not replace(found, unprocessed=9_999).is_behind(10**9)


@pytest.mark.usefixtures("crowded")
async def test_what_was_worked_off_costs_nothing(
    engine: AsyncEngine, merchant: Merchant, database_url: str
) -> None:
    """With many thousand events behind it the statement reads those that wait, those that are dead
    and RECENT others, each from an index: so it does with a million."""
    await _fill(engine, merchant, S.PROCESSED, OLD_ROWS)
    await _fill(engine, merchant, S.RECEIVED, 30)
    await _fill(engine, merchant, S.DEAD, 20)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE webhook_events"))
    plan = await _explained(database_url)
    scans = [node for node in _nodes(plan) if node.get("Relation Name") == "webhook_events"]

    assert {scan["Index Name"] for scan in scans} == {
        "ix_webhook_events_waiting",
        "ix_webhook_events_dead",
        "ix_webhook_events_payload",
    }
    read = [scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) for scan in scans]
    assert sorted(read) == [20, 30, RECENT]


async def _fill(
    engine: AsyncEngine, merchant: Merchant, status: WebhookEventStatus, count: int
) -> None:
    given = {
        "gateway": merchant.gateway.id,
        "status": status.value,
        "count": count,
        "begin": f"we_{status.value[:4]}",
    }
    async with engine.begin() as connection:
        await connection.execute(text(_MANY), given)


async def _explained(database_url: str) -> Node:
    """The plan in the platform's role, run."""
    compiled = _HEALTH.compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
    assert compiled.positiontup is not None
    values = [{**compiled.params, "now": NOW}[name] for name in compiled.positiontup]
    role = {"role": DatabaseRole.PLATFORM.value}
    connection = await asyncpg.connect(database_url, server_settings=role)
    try:
        (row,) = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", *values)
    finally:
        await connection.close()
    plan: Node = json.loads(row[0])[0]["Plan"]
    return plan


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
