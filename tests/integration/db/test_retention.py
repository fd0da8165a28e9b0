"""What the daily jobs empty and delete, and what they leave, in the worker's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.daily import run_job
from db.cipher import AesGcmCipher
from db.roles import DatabaseRole
from db.work import SqlDatabase
from domain.ids import Prefix, first_id
from domain.inbox import WebhookEvent, WebhookEventStatus
from domain.retention import JOBS, Retention
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import a_record, an_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_inbox import record

TODAY = datetime.now(UTC)
OLD = TODAY - timedelta(days=91)
WORKED_OFF = {WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED}


@dataclass
class Day:
    """Implements `Clock`: today, and whatever a test makes of it."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """The time that the code under test believes."""
        return TODAY + self.ahead


@pytest_asyncio.fixture
async def worker(database_url: str, cipher: AesGcmCipher) -> AsyncIterator[SqlDatabase]:
    """The worker's transactions."""
    async with engine_as(database_url, DatabaseRole.WORKER) as engine:
        yield SqlDatabase(engine, cipher)


async def came(
    database: SqlDatabase, merchant: Merchant, at: datetime, status: WebhookEventStatus, number: int
) -> WebhookEvent:
    """An event that came at that time and stands so."""
    event = replace(
        an_event(merchant, event_id=f"evt_{number}"),
        id=first_id(Prefix.WEBHOOK_EVENT, at)[:-4] + f"{number:04}",
        created_at=at,
        status=status,
        processed_at=at if status in WORKED_OFF else None,
        next_attempt_at=TODAY,
        lease_until=TODAY,
    )
    assert await record(database, event)
    return event


async def payloads(engine: AsyncEngine) -> dict[str, bool]:
    """Which events, by the gateway's ids, still have their payload."""
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT event_id, payload <> '{}' FROM webhook_events")
        )
        return dict(tuple(row) for row in found)


async def run(retention: Retention, job: str) -> None:
    """The job to its end, as the worker's loop does it."""
    await run_job(retention, job, asyncio.Event())


async def test_payloads_are_emptied_after_ninety_days(
    database: SqlDatabase, worker: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Only of events that were worked off; row and key stay, so that no copy is taken in again."""
    events = [
        await came(database, merchant, at, status, 10 * age + number)
        for age, at in enumerate((OLD, TODAY - timedelta(days=89)))
        for number, status in enumerate(WebhookEventStatus)
    ]
    await run(Retention(worker, Day(), batch=1), "payloads")

    kept = await payloads(engine)
    emptied = {event_id for event_id, has_payload in kept.items() if not has_payload}
    assert emptied == {
        event.event_id for event in events if event.created_at == OLD and event.status in WORKED_OFF
    }
    assert len(kept) == len(events)
    assert not await record(database, events[2])


async def test_a_body_that_nobody_can_read_is_emptied_too(
    database: SqlDatabase, worker: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """After ninety days, although its event is DEAD: nothing can be worked off from it."""
    for number, at in enumerate((OLD, OLD, OLD, TODAY)):
        await came(database, merchant, at, WebhookEventStatus.DEAD, number)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE webhook_events SET payload = '{}', body = 'x'"))
    await run(Retention(worker, Day(), batch=2), "payloads")

    async with engine.connect() as connection:
        kept = text("SELECT event_id FROM webhook_events WHERE body IS NOT NULL")
        assert (await connection.execute(kept)).scalars().all() == ["evt_3"]


async def test_an_event_that_was_replayed_is_kept_for_ninety_days_more(
    database: SqlDatabase, worker: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """It counts when it was worked off last."""
    event = await came(database, merchant, OLD, WebhookEventStatus.PROCESSING, 1)
    async with database.begin_across_tenants() as work:
        await work.inbox.end(
            replace(event, status=WebhookEventStatus.PROCESSED, processed_at=TODAY)
        )
        await work.commit()
    await run(Retention(worker, Day()), "payloads")
    assert await payloads(engine) == {"evt_1": True}

    await run(Retention(worker, Day(timedelta(days=91))), "payloads")
    assert await payloads(engine) == {"evt_1": False}


async def test_a_job_runs_once_a_day(
    database: SqlDatabase, worker: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Whatever process asks: done today is done, after a restart too, and due again tomorrow."""
    day = Day()
    await run(Retention(worker, day), "payloads")
    await came(database, merchant, OLD, WebhookEventStatus.PROCESSED, 1)
    assert await Retention(worker, day).run_batch("payloads") is None
    day.ahead = timedelta(hours=23, minutes=59)
    assert await Retention(worker, day).run_batch("payloads") is None
    day.ahead = timedelta(days=1)
    assert await Retention(worker, day).run_batch("payloads") == 1
    assert await payloads(engine) == {"evt_1": False}


async def test_a_job_that_was_cut_off_goes_on(
    database: SqlDatabase, worker: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """A batch is committed by itself; the next process does what is left, and notes the end."""
    for number in range(3):
        await came(database, merchant, OLD, WebhookEventStatus.PROCESSED, number)
    assert await Retention(worker, Day(), batch=2).run_batch("payloads") == 2
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT * FROM daily_runs"))).all() == []
    assert list((await payloads(engine)).values()).count(True) == 1

    await run(Retention(worker, Day(), batch=2), "payloads")

    async with engine.connect() as connection:
        done = (await connection.execute(text("SELECT name, ran_at FROM daily_runs"))).one()
    assert list((await payloads(engine)).values()).count(True) == 0
    assert tuple(done) == ("payloads", TODAY)


async def test_one_process_at_a_time_is_at_a_job(
    database: SqlDatabase, worker: SqlDatabase, merchant: Merchant
) -> None:
    """While one has the job's lock another leaves it alone; other jobs go on."""
    await came(database, merchant, OLD, WebhookEventStatus.PROCESSED, 1)
    async with worker.begin_across_tenants() as holding:
        assert await holding.retention.try_lock("payloads")
        assert await Retention(worker, Day()).run_batch("payloads") is None
        assert await Retention(worker, Day()).run_batch("revocations") == 0
    assert await Retention(worker, Day()).run_batch("payloads") == 1


async def test_revocations_of_ended_tokens_are_forgotten(
    engine: AsyncEngine, worker: SqlDatabase
) -> None:
    """A day after the token's own end; one that is still good stays revoked."""
    add = text("INSERT INTO revoked_tokens VALUES (:jti, :expires_at)")
    async with engine.begin() as connection:
        for jti, hours in (("ended", -25), ("just ended", -23), ("good", 1)):
            expires_at = datetime.now(UTC) + timedelta(hours=hours)
            await connection.execute(add, {"jti": jti, "expires_at": expires_at})
    await run(Retention(worker, Day()), "revocations")

    async with engine.connect() as connection:
        left = (await connection.execute(text("SELECT jti FROM revoked_tokens"))).scalars()
        assert set(left) == {"just ended", "good"}


async def test_the_worker_cannot_let_anybody_in_again(
    engine: AsyncEngine, database_url: str
) -> None:
    """The worker's role neither sees nor deletes the revocation of a token that is still good."""
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO revoked_tokens VALUES ('good', now() + interval '1 hour')")
        )
    async with engine_as(database_url, DatabaseRole.WORKER) as worker, worker.begin() as connection:
        assert (await connection.execute(text("DELETE FROM revoked_tokens"))).rowcount == 0
        assert (await connection.execute(text("SELECT * FROM revoked_tokens"))).all() == []


@pytest.mark.parametrize("role", list(DatabaseRole))
async def test_idempotency_keys_are_never_deleted(
    database: SqlDatabase, database_url: str, merchant: Merchant, role: DatabaseRole
) -> None:
    """No job deletes one, however old, and no role may."""
    async with database.begin(merchant.id) as work:
        await work.keys.claim(replace(a_record(merchant), created_at=OLD))
        await work.commit()
    async with engine_as(database_url, role) as engine:
        retention = Retention(SqlDatabase(engine, AesGcmCipher({"k": b"0" * 32}, "k")), Day())
        if role is DatabaseRole.WORKER:
            for job in JOBS:
                await run(retention, job)
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text("DELETE FROM idempotency_keys"))
    async with database.begin(merchant.id) as work:
        assert await work.keys.claim(a_record(merchant)) is not None
