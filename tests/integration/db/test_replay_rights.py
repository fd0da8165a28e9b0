"""What PostgreSQL lets the API do to an event: put one of its tenant's that ended back, no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.roles import DatabaseRole
from db.tables import webhook_events
from db.transactions import begun, on_own_terms
from db.work import SqlDatabase
from domain.inbox import WebhookEvent, WebhookEventStatus
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import a_full_event
from tests.integration.db.conftest import Merchant
from tests.integration.db.rows import record_event

REFUSED = "42501"
REPLAY = """UPDATE webhook_events SET status = 'RECEIVED', attempts_before_replay = attempts,
    error_message = NULL, next_attempt_at = NULL, lease_until = NULL, processed_at = NULL,
    replayed_at = now(), replayed_by = 'ann'"""
SETTABLE = frozenset(
    {
        *("status", "attempts_before_replay", "error_message", "next_attempt_at", "lease_until"),
        *("processed_at", "replayed_at", "replayed_by"),
    }
)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The API's pool."""
    async with engine_as(database_url, DatabaseRole.API) as engine:
        yield on_own_terms(engine)


async def stored(database: SqlDatabase, merchant: Merchant, **changes: object) -> WebhookEvent:
    """An event that has died."""
    dead = replace(a_full_event(merchant), status=WebhookEventStatus.DEAD, **changes)  # type: ignore[arg-type]
    async with database.begin_across_tenants() as work:
        await record_event(work, dead)
        await work.commit()
    return dead


async def tried(connection: AsyncConnection, statement: str) -> str | int:
    """How many rows it changed, or the SQLSTATE with which it was refused; undone in any case."""
    try:
        async with connection.begin_nested() as nested:
            changed = (await connection.execute(text(statement))).rowcount
            await nested.rollback()
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", None))
    return changed


@pytest.mark.parametrize("column", [column.name for column in webhook_events.c])
async def test_only_the_columns_of_a_replay_can_be_set(
    database: SqlDatabase, api: AsyncEngine, merchant: Merchant, column: str
) -> None:
    """Neither payload nor key, tenant, payment, tries or times: the others are refused."""
    await stored(database, merchant)
    async with begun(api, merchant.id) as connection:
        assert await tried(connection, REPLAY) == 1
        if column not in SETTABLE:
            assert await tried(connection, f"{REPLAY}, {column} = DEFAULT") == REFUSED


@pytest.mark.parametrize(
    "change",
    [
        ("'RECEIVED'", "'PROCESSED'"),
        ("'RECEIVED'", "'IGNORED'"),
        ("'RECEIVED'", "'DEAD'"),
        ("attempts_before_replay = attempts", "attempts_before_replay = 0"),
        ("error_message = NULL", "error_message = 'mine'"),
        ("lease_until = NULL", "lease_until = now()"),
        ("next_attempt_at = NULL", "next_attempt_at = now()"),
        ("processed_at = NULL", "processed_at = now()"),
        ("replayed_at = now()", "replayed_at = NULL"),
        ("replayed_by = 'ann'", "replayed_by = NULL"),
    ],
    ids=lambda change: change[1],
)
async def test_nothing_but_a_replay_can_be_made_of_them(
    database: SqlDatabase, api: AsyncEngine, merchant: Merchant, change: tuple[str, str]
) -> None:
    """No event is called done, no try is given away, and no replay goes without its trace."""
    await stored(database, merchant, replayed_at=None, replayed_by=None)
    async with begun(api, merchant.id) as connection:
        assert await tried(connection, REPLAY.replace(*change)) == REFUSED


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 1),
        ({"status": WebhookEventStatus.PROCESSED}, 1),
        ({"status": WebhookEventStatus.IGNORED}, 1),
        ({"status": WebhookEventStatus.RECEIVED}, 0),
        ({"status": WebhookEventStatus.PROCESSING}, 0),
        ({"status": WebhookEventStatus.RETRY}, 0),
        ({"payload": {}}, 0),
        ({"tenant_id": "ten_another"}, 0),
        ({"tenant_id": None}, 0),
    ],
    ids=str,
)
async def test_which_rows_it_reaches(
    database: SqlDatabase,
    api: AsyncEngine,
    merchant: Merchant,
    changes: dict[str, object],
    count: int,
) -> None:
    """The tenant's own that ended and have a payload; for nobody, none at all."""
    dead = await stored(database, merchant)
    async with database.begin_across_tenants() as work:
        other = replace(dead, id="we_other", event_id="evt_other", **changes)  # type: ignore[arg-type]
        await record_event(work, other)
        await work.commit()
    async with begun(api, merchant.id) as connection:
        assert await tried(connection, f"{REPLAY} WHERE id = 'we_other'") == count
        assert await tried(connection, REPLAY) == 1 + count
    async with begun(api, None) as connection:
        assert await tried(connection, REPLAY) == 0
