"""The inbox as a tenant's readers see it, in the API's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.inbox_reads import SqlInboxReads
from db.roles import DatabaseRole
from db.transactions import on_own_terms, reading
from db.work import SqlDatabase
from domain.ids import Prefix, new_id
from domain.inbox import WebhookAttempt, WebhookEvent, WebhookEventStatus
from domain.inbox_reading import EventFilter
from domain.reports import PageRequest, TimeRange
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import NOW, a_full_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event

ALL = PageRequest(limit=100)
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The API's pool."""
    async with engine_as(database_url, DatabaseRole.API) as engine:
        yield engine


@pytest.fixture
def inbox(api: AsyncEngine) -> SqlInboxReads:
    """The reads under test."""
    return SqlInboxReads(api)


async def stored(database: SqlDatabase, *events: WebhookEvent) -> list[str]:
    """The events, committed; their ids."""
    async with database.begin_across_tenants() as work:
        for event in events:
            await record_event(work, event)
        await work.commit()
    return [event.id for event in events]


def an_event(merchant: Merchant, name: str, **changes: object) -> WebhookEvent:
    """An event that was routed to the merchant."""
    return replace(a_full_event(merchant), event_id=f"evt_{name}", **changes)  # type: ignore[arg-type]


async def found(inbox: SqlInboxReads, merchant: Merchant, where: EventFilter) -> list[str]:
    """The gateway's ids of all events that match, sorted; the count agrees."""
    page = await inbox.page(merchant.id, where, ALL)
    assert len(page.items) == await inbox.count(merchant.id, where)
    return sorted(event.event_id for event in page.items)


async def test_an_event_is_read_whole(
    database: SqlDatabase, inbox: SqlInboxReads, merchant: Merchant
) -> None:
    """Every field of it, and the payload by itself."""
    event = replace(
        a_full_event(merchant), attempts_before_replay=1, replayed_at=NOW, replayed_by="ann"
    )
    await stored(database, event)
    record = (await inbox.events(merchant.id, [event.id]))[event.id]

    for name in record.__dataclass_fields__:
        assert getattr(record, name) == getattr(event, name), name
    assert await inbox.payloads(merchant.id, [event.id]) == {event.id: event.payload}


async def test_events_are_narrowed(
    database: SqlDatabase, inbox: SqlInboxReads, merchant: Merchant
) -> None:
    """By status, type, time, payment and ids, each alone and together; nothing is a pattern."""
    dead = WebhookEventStatus.DEAD
    ids = await stored(
        database,
        an_event(merchant, "1", status=dead, event_type="charge.refunded"),
        an_event(merchant, "2", payment_id="pay_2", created_at=NOW + HOUR),
        an_event(merchant, "3", payment_id=None, status=dead, created_at=NOW + 2 * HOUR),
    )
    cases: list[tuple[EventFilter, str]] = [
        (EventFilter(), "123"),
        (EventFilter(status_in=[dead]), "13"),
        (EventFilter(status_in=[dead, WebhookEventStatus.RETRY]), "123"),
        (EventFilter(status_in=[]), ""),
        (EventFilter(event_type_in=["charge.refunded"]), "1"),
        (EventFilter(event_type_in=["charge.%"]), ""),
        (EventFilter(payment_id="pay_2"), "2"),
        (EventFilter(ids=ids[:2]), "12"),
        (EventFilter(created_at=TimeRange(gte=NOW + HOUR)), "23"),
        (EventFilter(created_at=TimeRange(lt=NOW + HOUR)), "1"),
        (EventFilter(status_in=[dead], created_at=TimeRange(gte=NOW + HOUR)), "3"),
        (EventFilter(status_in=[dead], payment_id="pay_2"), ""),
    ]
    for where, expected in cases:
        assert await found(inbox, merchant, where) == [f"evt_{each}" for each in expected], where


async def test_pages_go_on_where_the_last_one_ended(
    database: SqlDatabase, inbox: SqlInboxReads, merchant: Merchant
) -> None:
    """Newest first, from both ends, each event once."""
    ids = await stored(database, *(an_event(merchant, str(each)) for each in range(5)))
    newest_first = sorted(ids, reverse=True)
    first = await inbox.page(merchant.id, EventFilter(), PageRequest(limit=3))
    rest = PageRequest(limit=3, after=first.items[-1].id)
    second = await inbox.page(merchant.id, EventFilter(), rest)
    last = await inbox.page(merchant.id, EventFilter(), PageRequest(limit=2, backwards=True))

    assert [event.id for event in (*first.items, *second.items)] == newest_first
    assert (first.has_next, second.has_next, second.has_previous) == (True, False, True)
    assert [event.id for event in last.items] == newest_first[-2:]


async def test_the_tries_stand_in_their_order(
    database: SqlDatabase, inbox: SqlInboxReads, merchant: Merchant
) -> None:
    """Of several events at once; an event without a try has none."""
    one, two = await stored(database, an_event(merchant, "1"), an_event(merchant, "2"))
    tries = [
        WebhookAttempt(2, NOW + HOUR, 7, WebhookEventStatus.DEAD, "in vain", is_manual=True),
        WebhookAttempt(1, NOW, 5, WebhookEventStatus.RETRY, None, is_manual=False),
    ]
    async with database.begin_across_tenants() as work:
        for attempt in tries:
            await work.inbox.add_attempt(one, attempt)
        await work.commit()

    assert await inbox.attempts(merchant.id, [two, one]) == {one: tries[::-1]}


async def test_anothers_events_are_not_there(
    database: SqlDatabase, inbox: SqlInboxReads, merchant: Merchant, rival: Merchant
) -> None:
    """Another tenant's, and those routed to nobody: not by list, count, id, try or payload."""
    attempt = WebhookAttempt(1, NOW, 5, WebhookEventStatus.RETRY, None, is_manual=False)
    (own,) = await stored(database, an_event(merchant, "1"))
    others = await stored(
        database, an_event(rival, "2"), an_event(rival, "3", tenant_id=None, payment_id=None)
    )
    async with database.begin_across_tenants() as work:
        for event_id in (own, *others):
            await work.inbox.add_attempt(event_id, attempt)
        await work.commit()
    asked = [own, *others, new_id(Prefix.WEBHOOK_EVENT)]

    assert await found(inbox, merchant, EventFilter()) == ["evt_1"]
    assert await found(inbox, merchant, EventFilter(ids=asked)) == ["evt_1"]
    assert list(await inbox.events(merchant.id, asked)) == [own]
    assert list(await inbox.payloads(merchant.id, asked)) == [own]
    assert list(await inbox.attempts(merchant.id, asked)) == [own]


FILL = """INSERT INTO webhook_events (id, gateway_id, livemode, event_id, event_type, payload,
    status, attempts, tenant_id, payment_id, created_at)
    SELECT 'we_' || lpad(n::text, 26, '0'), :gateway, false, 'evt_' || n, 'type-' || n % 500,
    '{"id": 1}', CASE WHEN n % 1000 = 0 THEN 'DEAD' ELSE 'PROCESSED' END, 1,
    CASE WHEN n % 50 = 0 THEN :tenant WHEN n % 2 = 0 THEN 'ten_another' END, 'pay_' || n,
    timestamptz '2026-01-01' + n * interval '1 hour' FROM generate_series(1, 6000) AS n"""
NEWEST = "ORDER BY id DESC LIMIT 26"
INDEXES: Mapping[str, str] = {
    f"true {NEWEST}": "ix_webhook_events_tenant",
    f"status = ANY ('{{DEAD}}') {NEWEST}": "ix_webhook_events_status",
    f"event_type = ANY ('{{type-50}}') {NEWEST}": "ix_webhook_events_type",
    f"payment_id = 'pay_50' {NEWEST}": "ix_webhook_events_payment",
    "created_at >= '2026-01-01' AND created_at < '2026-01-02'": "ix_webhook_events_created",
}


async def test_each_filter_has_its_index(
    engine: AsyncEngine, api: AsyncEngine, merchant: Merchant
) -> None:
    """Under row-level security too: among 6 000 events, most of them others', each condition is
    looked up."""
    given = {"tenant": merchant.id, "gateway": merchant.gateway.id}
    async with engine.begin() as connection:
        await connection.execute(text(FILL), given)
        await connection.execute(text("ANALYZE webhook_events"))
    explained = f"EXPLAIN SELECT id, status FROM webhook_events WHERE tenant_id = '{merchant.id}'"  # noqa: S608
    async with reading(on_own_terms(api), merchant.id) as connection:
        raw = await connection.execution_options(tollgate_tenant=None)
        await raw.execute(text(f"SET tollgate.tenant_id = '{merchant.id}'"))
        for condition, index in INDEXES.items():
            plan = "\n".join((await raw.execute(text(f"{explained} AND {condition}"))).scalars())
            assert index in plan, plan
