"""A round over all books: each payment held against its entries, and an alert where they differ."""

from __future__ import annotations

import asyncio
import logging

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.ledger_checks import LedgerChecks, Verdict
from domain.ports import Clock, Database

CHECK_SECONDS = 86_400.0
"""How far apart two rounds are."""

_log = logging.getLogger(__name__)


async def check_books(
    checks: LedgerChecks, database: Database, clock: Clock, stop: asyncio.Event
) -> None:
    """One round over all tenants; it breaks off between two of them at `stop`. Raises
    DatabaseUnavailable."""
    for tenant_id in await checks.tenant_ids():
        if stop.is_set():
            return
        verdict = await checks.check(tenant_id, checked=bool)
        if verdict.differences:
            await _tell(verdict, database, clock)
        else:
            await _close(tenant_id, database, clock)


async def _close(tenant_id: str, database: Database, clock: Clock) -> None:
    async with database.begin(tenant_id) as work:
        await work.alerts.close(tenant_id, AlertRule.LEDGER_DIFFERENCE, tenant_id, clock.now())
        await work.commit()


async def _tell(verdict: Verdict, database: Database, clock: Clock) -> None:
    first, count = verdict.differences[0], len(verdict.differences)
    _log.error("books of %s: %d amounts differ, the first of %s", verdict.tenant_id, count, first)
    async with database.begin(verdict.tenant_id) as work:
        await open_alert(
            work,
            AlertRule.LEDGER_DIFFERENCE,
            subject_id=verdict.tenant_id,
            message=f"{count} amounts differ from the books; one of them: {first}.",
            tenant_id=verdict.tenant_id,
            now=clock.now(),
        )
        await work.commit()
