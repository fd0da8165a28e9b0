"""The audit log and the alerts."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.tables import alerts, audit_log
from db.work import SqlDatabase
from domain.alert import Alert
from domain.audit import AuditEntry
from domain.caller import Actor, AuditActorType
from tests.integration.db.builders import NOW, an_alert, an_entry
from tests.integration.db.conftest import Merchant


async def append(database: SqlDatabase, entry: AuditEntry) -> None:
    """One entry, committed."""
    async with database.begin(entry.tenant_id) as work:
        await work.audit.append(entry)
        await work.commit()


async def open_alert(database: SqlDatabase, alert: Alert) -> bool:
    """One alert, committed."""
    async with database.begin_across_tenants() as work:
        opened = await work.alerts.open(alert)
        await work.commit()
    return opened


async def test_every_field_of_an_entry_is_kept(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """Who, when, what, from what to what."""
    entry = an_entry(merchant, subject_id="pay_1")
    await append(database, entry)

    async with engine.connect() as connection:
        row = (await connection.execute(select(audit_log))).one()

    assert {
        "tenant_id": merchant.id,
        "id": entry.id,
        "at": NOW,
        "actor_type": "GATEWAY",
        "actor_id": "evt_1",
        "request_id": "req-1",
        "ip_address": "192.0.2.1",
        "action": "payment.paid",
        "subject_id": "pay_1",
        "before": {"status": "PENDING"},
        "after": {"status": "PAID", "amount": 10_000, "message": "The payment became PAID."},
    } == row._asdict()


async def test_an_entry_may_have_no_before_and_no_after(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """What is absent is SQL's null and not a JSON null."""
    entry = replace(
        an_entry(merchant, subject_id="pay_1"),
        actor=Actor(AuditActorType.SYSTEM, "settler"),
        before=None,
        after=None,
    )
    await append(database, entry)

    async with engine.connect() as connection:
        absent = text("SELECT count(*) FROM audit_log WHERE before IS NULL AND after IS NULL")

        assert (await connection.execute(absent)).scalar_one() == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET action = 'payment.forged'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE audit_log SET action = action WHERE false",
    ],
)
async def test_the_audit_log_is_append_only(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant, statement: str
) -> None:
    """What is written stays: changing, deleting and emptying are refused, by the owner too."""
    await append(database, an_entry(merchant, subject_id="pay_1"))

    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match="audit_log is append-only"):
            await connection.execute(text(statement))


async def test_an_actor_is_of_a_known_type(engine: AsyncEngine, merchant: Merchant) -> None:
    """The audit names a user, the system or the gateway, and nothing else."""
    entry = text(
        "INSERT INTO audit_log (tenant_id, id, at, actor_type, actor_id, action, subject_id)"
        " VALUES (:tenant, 'aud_1', now(), 'GHOST', 'boo', 'payment.paid', 'pay_1')"
    )
    async with engine.begin() as connection:
        with pytest.raises(IntegrityError, match="ck_audit_log_actor_type"):
            await connection.execute(entry, {"tenant": merchant.id})


async def test_every_field_of_an_alert_is_kept(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """The alert is stored as it was opened."""
    alert = an_alert(merchant)
    await open_alert(database, alert)

    async with engine.connect() as connection:
        row = (await connection.execute(select(alerts))).one()

    assert {
        "id": alert.id,
        "tenant_id": merchant.id,
        "rule": "payment.late_money",
        "severity": "CRITICAL",
        "subject_id": "pay_1",
        "message": "Look at it.",
        "acknowledged_at": None,
        "acknowledged_by": None,
        "seen_at": None,
        "escalations": 0,
        "escalated_at": None,
        "is_told": False,
        "opened_at": NOW,
        "closed_at": None,
    } == row._asdict()


async def test_an_alert_opens_once(database: SqlDatabase, merchant: Merchant) -> None:
    """Many at once about the same subject open one; another subject, rule or no tenant, its own."""
    results = await asyncio.gather(*(open_alert(database, an_alert(merchant)) for _ in range(8)))

    assert results.count(True) == 1
    assert await open_alert(database, an_alert(merchant, subject_id="pay_2"))
    assert await open_alert(database, replace(an_alert(merchant), rule="webhook.dead"))
    assert await open_alert(database, an_alert(None, subject_id="gw_1"))


async def test_a_closed_alert_may_open_again(
    database: SqlDatabase, engine: AsyncEngine, merchant: Merchant
) -> None:
    """What happens again after somebody looked is a new alert."""
    await open_alert(database, an_alert(merchant))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alerts SET closed_at = now()"))

    assert await open_alert(database, an_alert(merchant))
