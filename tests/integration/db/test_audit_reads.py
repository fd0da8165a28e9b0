"""The audit log as its readers see it, in the API's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.audit_reads import SqlAuditReads
from db.roles import DatabaseRole
from db.transactions import on_own_terms, reading
from db.work import SqlDatabase
from domain.audit_reading import AuditFilter
from domain.caller import Actor, AuditActorType
from domain.reports import PageRequest, TimeRange
from tests.integration.db.as_role import engine_as
from tests.integration.db.builders import NOW, an_entry
from tests.integration.db.conftest import Merchant
from tests.integration.db.test_seals import sealer_of, write

ALL = PageRequest(limit=100)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The API's pool."""
    async with engine_as(database_url, DatabaseRole.API) as engine:
        yield engine


@pytest.fixture
def audit(api: AsyncEngine) -> SqlAuditReads:
    """The reads under test."""
    return SqlAuditReads(api)


async def found(audit: SqlAuditReads, merchant: Merchant, where: AuditFilter) -> list[str]:
    """Subjects of all entries that match, sorted; the count agrees."""
    page = await audit.page(merchant.id, where, ALL)
    assert len(page.items) == await audit.count(merchant.id, where)
    return sorted(item.entry.subject_id for item in page.items)


async def test_entries_are_narrowed(
    database: SqlDatabase, audit: SqlAuditReads, merchant: Merchant
) -> None:
    """By actor, action, subject and time, each alone and all together; nothing is a pattern."""
    ann = Actor(AuditActorType.USER, "ann", "req-2")
    hour = timedelta(hours=1)
    entries = [
        an_entry(merchant, subject_id="pay_1"),
        replace(an_entry(merchant, subject_id="pay_2"), actor=ann, at=NOW + hour),
        replace(an_entry(merchant, subject_id="pay_3", status="FAILED"), at=NOW + 2 * hour),
    ]
    for entry in entries:
        await write(database, entry)
    third = AuditFilter(
        actor="evt_1",
        action="payment.failed",
        subject_id="pay_3",
        at=TimeRange(gte=NOW + hour, lt=NOW + 3 * hour),
    )

    assert await found(audit, merchant, AuditFilter()) == ["pay_1", "pay_2", "pay_3"]
    assert await found(audit, merchant, AuditFilter(actor="ann")) == ["pay_2"]
    assert await found(audit, merchant, AuditFilter(action="payment.failed")) == ["pay_3"]
    assert await found(audit, merchant, AuditFilter(subject_id="pay_1")) == ["pay_1"]
    until = AuditFilter(at=TimeRange(lt=NOW + hour))
    since = AuditFilter(at=TimeRange(gte=NOW + hour))
    assert await found(audit, merchant, until) == ["pay_1"]
    assert await found(audit, merchant, since) == ["pay_2", "pay_3"]
    assert await found(audit, merchant, third) == ["pay_3"]
    assert await found(audit, merchant, replace(third, actor="ann")) == []
    assert await found(audit, merchant, AuditFilter(actor="%", action="payment.%")) == []


async def test_a_seal_is_shown_once_there_is_one(
    database: SqlDatabase, audit: SqlAuditReads, merchant: Merchant
) -> None:
    """Sequence and hash are null until the entry is sealed, and then the seal's own."""
    (entry_id,) = await write(database, an_entry(merchant, subject_id="pay_1"))
    before = (await audit.entries(merchant.id, [entry_id]))[entry_id]
    seal = await sealer_of(database).seal(merchant.id)
    after = (await audit.entries(merchant.id, [entry_id]))[entry_id]

    assert seal is not None
    assert (before.sequence, before.hash) == (None, None)
    assert (after.sequence, after.hash) == (1, seal.hash)
    assert before.entry == after.entry
    assert (await audit.page(merchant.id, AuditFilter(), ALL)).items == [after]


async def test_pages_go_on_where_the_last_one_ended(
    database: SqlDatabase, audit: SqlAuditReads, merchant: Merchant
) -> None:
    """Newest first, from both ends, each entry once."""
    ids = await write(database, *(an_entry(merchant, subject_id="pay_1") for _ in range(5)))
    first = await audit.page(merchant.id, AuditFilter(), PageRequest(limit=3))
    rest = PageRequest(limit=3, after=first.items[-1].id)
    second = await audit.page(merchant.id, AuditFilter(), rest)
    last = await audit.page(merchant.id, AuditFilter(), PageRequest(limit=2, backwards=True))

    assert [item.id for item in (*first.items, *second.items)] == ids[::-1]
    assert (first.has_next, second.has_next, second.has_previous) == (True, False, True)
    assert [item.id for item in last.items] == [ids[1], ids[0]]


async def test_another_tenants_entries_are_not_there(
    database: SqlDatabase, audit: SqlAuditReads, merchant: Merchant, rival: Merchant
) -> None:
    """By list, by count, by id: each tenant sees its own, a foreign id is a missing one."""
    (own,) = await write(database, an_entry(merchant, subject_id="pay_1"))
    (theirs,) = await write(database, an_entry(rival, subject_id="pay_1"))
    page = await audit.page(merchant.id, AuditFilter(subject_id="pay_1"), ALL)

    assert [item.id for item in page.items] == [own]
    assert await audit.count(merchant.id, AuditFilter()) == 1
    assert list(await audit.entries(merchant.id, [own, theirs, "aud_1"])) == [own]


INDEXES: Mapping[str, str] = {
    "actor_id = 'ann' ORDER BY id DESC LIMIT 26": "ix_audit_log_actor",
    "action = 'payment.failed' ORDER BY id DESC LIMIT 26": "ix_audit_log_action",
    "subject_id = 'pay_1' ORDER BY id DESC LIMIT 26": "ix_audit_log_subject",
    "at >= '2026-01-01' AND at < '2026-01-02'": "ix_audit_log_at",
}


async def test_each_filter_has_its_index(
    engine: AsyncEngine, api: AsyncEngine, merchant: Merchant
) -> None:
    """Under row-level security too: among 20 000 entries each condition is looked up."""
    fill = text(
        "INSERT INTO audit_log (tenant_id, id, at, actor_type, actor_id, action, subject_id)"
        " SELECT :tenant, 'aud_' || lpad(n::text, 26, '0'), timestamptz '2026-01-01'"
        " + n * interval '1 hour', 'USER', 'user-' || n % 500, 'action-' || n % 500, 'pay_' || n"
        " FROM generate_series(1, 20000) AS n"
    )
    async with engine.begin() as connection:
        await connection.execute(fill, {"tenant": merchant.id})
        await connection.execute(text("ANALYZE audit_log"))
    explained = f"EXPLAIN SELECT * FROM audit_log WHERE tenant_id = '{merchant.id}' AND "  # noqa: S608
    async with reading(on_own_terms(api), merchant.id) as connection:
        raw = await connection.execution_options(tollgate_tenant=None)
        await raw.execute(text(f"SET tollgate.tenant_id = '{merchant.id}'"))
        for condition, index in INDEXES.items():
            plan = "\n".join((await raw.execute(text(explained + condition))).scalars())
            assert index in plan, plan
