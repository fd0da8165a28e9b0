"""`tollgate report`: the figures are the tables', and what is to be done is said with code 3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.report_command import FINDINGS
from db.engine import make_engine
from db.seeding import add_tenant
from domain.metrics import hour_of
from tests.history import add_history
from tests.integration.app.in_process import run

Found = dict[tuple[str, str], dict[str, str]]


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The owner's connection."""
    engine = make_engine(database_url, pool_size=1)
    yield engine
    await engine.dispose()


async def reported(database_url: str, routine: str) -> tuple[int, Found]:
    """Exit code, and the lines by section and name."""
    done = await asyncio.to_thread(
        run, "report", routine, "--json", environ={"DATABASE_URL": database_url}
    )
    lines = json.loads(done.out)["lines"]
    return done.code, {(line["section"], line["name"]): line for line in lines}


async def test_an_empty_platform_has_nothing_to_do(database_url: str) -> None:
    """Each routine, as a table too."""
    for routine in ("daily", "weekly", "monthly"):
        code, found = await reported(database_url, routine)
        assert code == 0
        assert found["now", "dead events"]["value"] == "0"
    done = await asyncio.to_thread(
        run, "report", "monthly", environ={"DATABASE_URL": database_url, "COLUMNS": "160"}
    )
    assert done.code == 0
    assert "monthly report, " in done.out
    assert "tollgate ledger verify" in done.out


@pytest.mark.parametrize(("routine", "days"), [("daily", 1), ("weekly", 7), ("monthly", 30)])
async def test_the_figures_are_those_of_the_tables(
    database_url: str, engine: AsyncEngine, routine: str, days: int
) -> None:
    """Of a history of which a third failed, with dead events: told as such."""
    tenant, _ = await add_tenant(
        engine, name="Acme", slug="acme", tier_level=1, default_currency="USD"
    )
    end = hour_of(datetime.now(UTC))
    since = end - timedelta(days=2 * days)
    step = 2 * days * 86_400 / 2_000
    await add_history(engine, tenant_id=tenant.id, since=since, step=step, first=1, last=1_999)
    plain = text(
        "SELECT count(*), count(*) FILTER (WHERE payment_status = 'PAID'),"
        " sum(captured_amount_cents) FROM payments WHERE created_at >= :start"
        " AND created_at < :end"
    )
    async with engine.connect() as connection:
        span = timedelta(days=days)
        now = (await connection.execute(plain, {"start": end - span, "end": end})).one()
        before = (
            await connection.execute(plain, {"start": end - 2 * span, "end": end - span})
        ).one()
        dead = await connection.scalar(
            text("SELECT count(*) FROM webhook_events WHERE status = 'DEAD'")
        )
    code, found = await reported(database_url, routine)

    assert code == FINDINGS
    section = "payments in USD"
    for name, at in (("made", 0), ("paid", 1), ("captured, minor units", 2)):
        line = found[section, name]
        assert (line["value"], line["before"]) == (str(now[at]), str(before[at])), name
    assert found[section, "success rate"]["to_do"]
    assert found[section, "refund rate"]["to_do"]
    assert found["webhooks", "success rate"]["to_do"]
    assert found["now", "dead events"]["value"] == str(dead)
    assert (("lowest success rates", tenant.id) in found) == (routine != "daily")
    assert (("fees in USD, minor units", "platform") in found) == (routine == "monthly")
    if routine != "daily":
        assert int(found["why payments failed", "none"]["value"]) > 0


async def test_what_is_now_is_told(database_url: str, engine: AsyncEngine) -> None:
    """An open alert is something to do."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO alerts (id, rule, severity, subject_id, message, opened_at)"
                " VALUES ('alr_1', 'webhook.lag', 'HIGH', 'platform', 'x', now())"
            )
        )
    code, found = await reported(database_url, "daily")
    assert code == FINDINGS
    assert found["now", "alert webhook.lag"]["value"] == "1"
