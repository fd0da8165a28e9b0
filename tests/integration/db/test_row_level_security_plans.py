"""How PostgreSQL runs what the API sends: the tenant is set before a row is looked at, whatever the
planner chooses, and the hot statements use their indexes also under row-level security."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Select, text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.ext.asyncio import AsyncEngine

from db.cipher import AesGcmCipher
from db.disputes import _FIND_BY_GATEWAY_ID, _OF_PAYMENT
from db.engine import make_engine
from db.filters import disputes_where, orders_where, payments_where
from db.payments import _FIND as FIND_PAYMENT
from db.payments import _LOCK as LOCK_PAYMENT
from db.payments import _OF_ORDER
from db.reports import SqlReads
from db.roles import DatabaseRole
from db.statements import ID, TENANT
from db.tables import disputes, orders, payments
from db.transactions import _AS_TENANT, begun, on_own_terms, reading
from db.work import SqlDatabase
from domain.dispute import DisputeStatus
from domain.reports import DisputeFilter, OrderFilter, PageRequest, PaymentFilter, TimeRange
from tests.integration.db.builders import NOW
from tests.integration.db.conftest import Merchant
from tests.integration.db.dispute_builders import a_full_dispute
from tests.integration.db.rows import stored_capture

Node = dict[str, Any]

ROWS = 3_000
_MANY = """
INSERT INTO {table} ({columns}) SELECT {columns} FROM generate_series(1, {rows}) AS n,
LATERAL jsonb_populate_record(
    NULL::{table}, to_jsonb((SELECT t FROM {table} t LIMIT 1)) || {changes}
)
"""
_ORDERS = """jsonb_build_object('id', 'ord_' || lpad(n::text, 26, '0'), 'reference', 'r' || n,
    'customer_email', 'u' || n || '@example.com')"""
_PAYMENTS = """jsonb_build_object('id', 'pay_' || lpad(n::text, 26, '0'),
    'order_id', 'ord_' || lpad(n::text, 26, '0'), 'gateway_payment_id', 'pi_' || n,
    'gateway_charge_id', 'ch_' || n, 'gateway_response',
    jsonb_build_object('last4', lpad((n % 1000)::text, 4, '0')))"""
_DISPUTES = """jsonb_build_object('id', 'dp_' || lpad(n::text, 26, '0'),
    'payment_id', 'pay_' || lpad(n::text, 26, '0'), 'gateway_dispute_id', 'du_' || n,
    'evidence_due_at', timestamptz '2026-11-23 12:30Z' + n * interval '1 hour')"""


@pytest_asyncio.fixture
async def crowd(database: SqlDatabase, engine: AsyncEngine, merchant: Merchant) -> Merchant:
    """A merchant with some thousand orders and payments, of which the planner knows."""
    payment = await stored_capture(database, merchant)
    async with database.begin(merchant.id) as work:
        await work.disputes.add(a_full_dispute(payment))
        await work.commit()
    async with engine.begin() as connection:
        made = ((orders, _ORDERS), (payments, _PAYMENTS), (disputes, _DISPUTES))
        for table, changes in made:
            columns = ", ".join(column.name for column in table.c if column.computed is None)
            await connection.execute(
                text(_MANY.format(table=table.name, columns=columns, rows=ROWS, changes=changes))
            )
        await connection.execute(text("ANALYZE orders, payments, disputes"))
    return merchant


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A pool in the API's role."""
    engine = make_engine(database_url, pool_size=1, role=DatabaseRole.API)
    yield on_own_terms(engine)
    await engine.dispose()


def nodes(plan: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def explained(
    connection: asyncpg.Connection, statement: Select[Any], tenant_id: str | None, **given: object
) -> Node:
    """The plan of the statement, compiled as it is sent; for a read, as the read sends it."""
    compiled = statement.compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
    assert compiled.positiontup is not None
    values = [{**compiled.params, **given}[name] for name in compiled.positiontup]
    sent = str(compiled)
    if tenant_id is not None:
        sent = _AS_TENANT.format(
            setting="tollgate.tenant_id", number=len(values) + 1, statement=sent
        )
        values.append(tenant_id)
    (row,) = await connection.fetch(f"EXPLAIN (FORMAT JSON, VERBOSE) {sent}", *values)
    plan: Node = json.loads(row[0])[0]["Plan"]
    return plan


HOT: dict[str, Callable[[str], Select[Any]]] = {
    "the payment's page": lambda tenant: (
        payments_where(tenant, PaymentFilter()).order_by(payments.c.id.desc()).limit(26)
    ),
    "the order's page": lambda tenant: (
        orders_where(tenant, OrderFilter()).order_by(orders.c.id.desc()).limit(26)
    ),
    "payments of one order": lambda tenant: payments_where(
        tenant, PaymentFilter(order_id="ord_" + "7".zfill(26))
    ),
    "a payment by its gateway's id": lambda tenant: payments_where(
        tenant, PaymentFilter(search="pi_77")
    ),
    "payments by last four": lambda tenant: payments_where(tenant, PaymentFilter(search="0077")),
    "payments in dispute": lambda tenant: (
        payments_where(tenant, PaymentFilter(is_disputed=True))
        .order_by(payments.c.id.desc())
        .limit(26)
    ),
    "the disputes' page": lambda tenant: (
        disputes_where(tenant, DisputeFilter()).order_by(disputes.c.id.desc()).limit(26)
    ),
    "open disputes": lambda tenant: (
        disputes_where(tenant, DisputeFilter(status_in=[DisputeStatus.NEEDS_RESPONSE]))
        .order_by(disputes.c.id.desc())
        .limit(26)
    ),
    "disputes due in a day": lambda tenant: disputes_where(
        tenant,
        DisputeFilter(evidence_due_at=TimeRange(gte=NOW, lt=NOW + timedelta(days=1))),
    ),
    "disputes of one payment": lambda tenant: disputes_where(
        tenant, DisputeFilter(payment_id="pay_" + "7".zfill(26))
    ),
    "an order by e-mail": lambda tenant: orders_where(
        tenant, OrderFilter(search="U77@example.com")
    ),
    "an order by reference": lambda tenant: orders_where(tenant, OrderFilter(search="r77")),
}


HELD = {
    "find": FIND_PAYMENT,
    "lock": LOCK_PAYMENT,
    "of an order": _OF_ORDER,
    "disputes of a payment": _OF_PAYMENT,
    "a dispute by its gateway's id": _FIND_BY_GATEWAY_ID,
}


async def test_hot_statements_use_their_indexes(crowd: Merchant, database_url: str) -> None:
    """No sequential scan of orders, payments or disputes in the API's role: neither by a read, as
    it sends it, nor in a transaction. Open disputes are found by the index of those."""
    key = {
        TENANT: crowd.id,
        ID: "pay_" + "7".zfill(26),
        "of_order_id": "ord_" + "7".zfill(26),
        "of_payment_id": "pay_" + "7".zfill(26),
        "of_gateway_dispute_id": "du_77",
    }
    connection = await asyncpg.connect(
        database_url, server_settings={"role": DatabaseRole.API.value}
    )
    try:
        plans = {
            name: await explained(connection, statement(crowd.id), crowd.id)
            for name, statement in HOT.items()
        }
        assert [name for name, plan in plans.items() if not sets_tenant_first(plan)] == []
        await connection.execute(f"SET tollgate.tenant_id = '{crowd.id}'")
        for name, held in HELD.items():
            plans[name] = await explained(connection, held, None, **key)
    finally:
        await connection.close()

    scanned = {
        name: each["Relation Name"]
        for name, plan in plans.items()
        for each in nodes(plan)
        if each["Node Type"] == "Seq Scan"
    }
    assert scanned == {}
    disputed = {each.get("Index Name") for each in nodes(plans["payments in dispute"])}
    assert "ix_payments_disputed" in disputed


def sets_tenant_first(plan: Node) -> bool:
    """Whether the plan is a loop whose outer side, which PostgreSQL asks first, sets the tenant and
    whose inner side has everything else."""
    if plan["Node Type"] != "Nested Loop":
        return False
    outer, inner = plan["Plans"]
    sets = [each for each in nodes(outer) if "set_config" in str(each.get("Output"))]
    later = [each for each in nodes(inner) if "set_config" in str(each.get("Output"))]
    looks = [each for each in nodes(outer) if "Relation Name" in each]
    return bool(sets) and not later and not looks


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(
    "off",
    [(), ("nestloop",), ("indexscan", "bitmapscan"), ("seqscan", "material"), ("sort", "hashagg")],
    ids=str,
)
async def test_no_plan_looks_before_the_tenant_is_set(
    api: AsyncEngine,
    database: SqlDatabase,
    cipher: AesGcmCipher,
    merchant: Merchant,
    rival: Merchant,
    mode: str,
    off: tuple[str, ...],
) -> None:
    """Whatever the planner may use, and however often the same prepared statement has run: each of
    two tenants in turn sees its own, on one connection."""
    mine, theirs = await stored_capture(database, merchant), await stored_capture(database, rival)
    async with api.connect() as connection:
        await connection.execute(text(f"SET plan_cache_mode = {mode}"))
        for name in off:
            await connection.execute(text(f"SET enable_{name} = off"))
    reads = SqlReads(api, cipher)
    page = PageRequest(limit=10)
    for _ in range(7):  # after five the server may settle for a generic plan
        for tenant_id, own in ((merchant.id, mine), (rival.id, theirs)):
            found = await reads.payment_page(tenant_id, PaymentFilter(), page)
            assert [payment.id for payment in found.items] == [own.id]
            assert await reads.order_count(tenant_id, OrderFilter()) == 1
            both = await reads.payments(tenant_id, [mine.id, theirs.id])
            assert both.keys() == {own.id}
    async with begun(api, None) as connection:
        assert (await connection.execute(text("SELECT count(*) FROM payments"))).scalar() == 0


async def test_every_read_is_wrapped(api: AsyncEngine, merchant: Merchant, rival: Merchant) -> None:
    """A read of a tenant that another one is named in finds nothing, though its own tenant is set:
    the setting is the transaction's and the condition is the statement's."""
    async with reading(api, merchant.id) as connection:
        foreign = select_tenant(rival.id)
        assert (await connection.execute(foreign)).all() == []
        assert len((await connection.execute(select_tenant(merchant.id))).all()) == 1


def select_tenant(tenant_id: str) -> Any:
    """The tenant's own row."""
    return text("SELECT id FROM tenants WHERE id = :id").bindparams(id=tenant_id)
