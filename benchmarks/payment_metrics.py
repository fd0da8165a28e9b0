"""What paymentMetrics and webhookMetrics cost over a tenant's long history.

    python benchmarks/payment_metrics.py [payments]

A million payments and a million events of one tenant within a year, folded, in a PostgreSQL of its
own. Each query is what the API reads for one answer: the range and the one before it, as the API's
role, under row-level security. Beside it the floor, `SELECT 1` on the same connection, and the same
figures from the payments themselves, which is what the hours spare.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.embedded.account import service_account
from app.embedded.folders import reachable_folder
from app.embedded.postgres import EmbeddedPostgres
from app.migrate import migrate
from db.engine import make_engine
from db.metric_reads import (
    SqlFigureFolding,
    SqlMetricReads,
    event_rows,
    latency_row,
    payment_rows,
)
from db.roles import DatabaseRole
from db.seeding import add_tenant
from db.transactions import on_own_terms, reading
from domain.fee_report import MetricsInterval, ReportRequest
from domain.metrics import before
from tests.history import add_history

SINCE = datetime(2025, 11, 1, tzinfo=UTC)
YEAR_SECONDS = 365 * 86_400
ROUNDS = 15
PART = 50_000
PLAIN = """SELECT date_trunc('day', created_at, 'UTC'), payment_status, count(*),
sum(captured_amount_cents), sum(net_amount_cents) FROM payments
WHERE tenant_id = :tenant_id AND created_at >= :start AND created_at < :end GROUP BY 1, 2"""

Ask = Callable[[], Awaitable[object]]


async def milliseconds(ask: Ask) -> list[float]:
    """How long each round took, the first left out."""
    taken = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1000)
    return taken[1:]


async def prepare(owner: AsyncEngine, worker: AsyncEngine, payments: int) -> str:
    """The history, folded and analyzed; the tenant's id."""
    tenant, _ = await add_tenant(
        owner, name="Acme", slug="acme", tier_level=1, default_currency="USD"
    )
    step = YEAR_SECONDS / payments
    for first in range(1, payments + 1, PART):
        last = min(first + PART - 1, payments)
        await add_history(
            owner, tenant_id=tenant.id, since=SINCE, step=step, first=first, last=last
        )
    folding = SqlFigureFolding(worker)
    while await folding.fold(20_000):
        pass
    async with owner.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text("VACUUM ANALYZE")
        )
    return tenant.id


def queries(api: AsyncEngine, tenant_id: str) -> dict[str, tuple[Ask, Callable[[], object]]]:
    """By name: what is asked, and the statement whose plan is shown."""
    reads = SqlMetricReads(api)

    def of(interval: MetricsInterval, days: int) -> ReportRequest:
        end = SINCE + timedelta(days=365)
        return ReportRequest(end - timedelta(days=days), end, interval, "USD", tenant_id)

    async def payments(asked: ReportRequest) -> None:
        await reads.payment_figures(tenant_id, asked)
        await reads.payment_figures(tenant_id, before(asked))

    async def events(asked: ReportRequest) -> None:
        await reads.event_figures(tenant_id, asked)
        await reads.event_latency(tenant_id, asked)

    asked = {
        "paymentMetrics, 31 days by hour": of(MetricsInterval.HOUR, 31),
        "paymentMetrics, 365 days by day": of(MetricsInterval.DAY, 365),
        "paymentMetrics, 365 days by month": of(MetricsInterval.MONTH, 365),
    }
    year = of(MetricsInterval.DAY, 365)
    return {
        **{
            name: (lambda a=a: payments(a), lambda a=a: payment_rows(tenant_id, a))  # type: ignore[misc]
            for name, a in asked.items()
        },
        "webhookMetrics, 365 days": (lambda: events(year), lambda: event_rows(tenant_id, year)),
        "its percentiles": (
            lambda: reads.event_latency(tenant_id, year),
            lambda: latency_row(tenant_id, year),
        ),
    }


async def measure(database_url: str, payments: int) -> None:
    """Prints the table, then the plans."""
    owner = make_engine(database_url, pool_size=1, statement_timeout_seconds=0)
    worker = make_engine(
        database_url, pool_size=1, role=DatabaseRole.WORKER, statement_timeout_seconds=0
    )
    api = make_engine(database_url, pool_size=2, role=DatabaseRole.API, statement_timeout_seconds=0)
    began = time.perf_counter()
    tenant_id = await prepare(owner, worker, payments)
    print(f"{payments} payments and as many events made in {time.perf_counter() - began:.0f} s")
    own = on_own_terms(api)

    async def one() -> None:
        async with reading(own, tenant_id) as connection:
            await connection.execute(text("SELECT 1 AS one"))

    async def plain() -> None:
        async with reading(own, tenant_id) as connection:
            places = {"start": SINCE, "end": SINCE + timedelta(days=365)}
            await connection.execute(text(PLAIN), {"tenant_id": tenant_id, **places})

    floor = statistics.median(await milliseconds(one))
    print(f"{'SELECT 1, the floor':38} {floor:8.2f} ms")
    found = queries(own, tenant_id)
    for name, (ask, _) in found.items():
        taken = await milliseconds(ask)
        median, worst = statistics.median(taken), max(taken)
        print(f"{name:38} {median:8.2f} ms, worst {worst:.2f}, {median / floor:.0f} floors")
    taken = await milliseconds(plain)
    print(f"{'the payments themselves, 365 days':38} {statistics.median(taken):8.2f} ms")
    for name, (_, statement) in found.items():
        await explain(owner, name, statement())
    for engine in (owner, worker, api):
        await engine.dispose()


async def explain(owner: AsyncEngine, name: str, statement: object) -> None:
    """Prints the plan of one statement."""
    compiled = str(
        statement.compile(owner.sync_engine, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    )
    async with owner.connect() as connection:
        rows = await connection.execute(
            text(f"EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF) {compiled}".replace(":", r"\:"))
        )
        print(f"\n{name}")
        for (line,) in rows:
            print(f"  {line}")


def main() -> None:
    """Runs it in a PostgreSQL of its own."""
    payments = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(dir=reachable_folder(service_account())) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with EmbeddedPostgres(folder / "postgres", durable=False) as url:
            migrate(url)
            asyncio.run(measure(url, payments))


if __name__ == "__main__":
    main()
