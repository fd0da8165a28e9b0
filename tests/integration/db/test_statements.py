"""Every statement of `db` names the tenant itself; row-level security is the second lock."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Delete, Executable, Select, Update, bindparam, event, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

import db
from db.audit_reads import SqlAuditReads
from db.cipher import AesGcmCipher
from db.inbox_reads import SqlInboxReads
from db.ledger_reads import SqlLedgerReads
from db.metric_reads import SqlMetricReads
from db.reports import SqlReads
from db.tables import gateways, orders, payments
from db.work import SqlDatabase
from tests.integration.db.conditions import unheld
from tests.integration.db.conftest import Merchant
from tests.integration.db.foreign_calls import calls, stores
from tests.integration.db.test_wrong_tenant import called, every_call
from tests.integration.db.world import World, stored_world

WITHOUT: dict[str, str] = {
    "db.alerts._COUNT": "an alert may be of no tenant",
    **dict.fromkeys(
        (
            *(f"db.alert_figures._{name}" for name in ("EVENTS", "GATEWAYS", "UNSETTLED")),
            *(f"db.alert_desk._{name}" for name in ("LISTED", "LOCK", "SAVE")),
            "db.alert_notices._LOCK_UNTOLD",
            *(
                f"db.alert_rounds._{name}"
                for name in ("CLOSED", "CLOSE_UNSEEN", "ESCALATE", "LOCK_WAITING")
            ),
            *(f"db.doctor_reads._{name}" for name in ("LIVEMODES", "UNKNOWN")),
            "db.state_reads._ALERTS",
            "db.state_reads._OPERATIONS",
        ),
        "the alerts watch over every tenant",
    ),
    "db.audit_reads._SEALED": "the half of a statement: whoever sends it adds the tenant",
    "db.inbox._FIND": "an event has no tenant until it is routed; the worker looks by its id",
    "db.inbox._END": "an event has no tenant until it is routed; the worker looks by its id",
    "db.inbox._CLAIM": "the worker claims events of every tenant",
    "db.inbox_reads._ATTEMPTS": "the half of a statement: whoever sends it adds the tenant",
    "db.inbox._CLAIM_DUE": "the worker claims events of every tenant",
    "db.ledger_checks._TENANTS": "the check of the books goes from tenant to tenant",
    "db.operations._KEY_OF_WAITING": "the worker claims operations of every tenant",
    "db.rotation._TENANT_IDS": "keys are rotated from tenant to tenant",
    "db.seals._TENANTS": "the sealer goes from tenant to tenant",
    "db.tenants._GATEWAY_BY_ID": "an event names a gateway row, which leads to its tenant",
    "db.tenants._GATEWAY_BY_ACCOUNT": "an event names an account, which leads to its tenant",
    "db.payers._TENANTS": "a payer may be any tenant's",
    "db.platform_inbox._COUNTED": "the platform's operators see every event",
    "db.platform_inbox._FOUND": "the platform's operators see every event",
    "db.platform_inbox._PAYLOAD": "the platform's operators see every event",
    "db.platform_reads._EVERY": "the platform's people see every tenant",
    "db.platform_reads._OVERRIDES": "the platform's people see every tenant",
    "db.pricing._COUNT_TENANTS": "the platform's people see every tenant",
    "db.pricing._END": "the platform's people name an override by its id",
    "db.pricing._FIND_OVERRIDE": "the platform's people name an override by its id",
    "db.platform_reads._ALL": "the platform's people see every tenant",
    **{
        f"db.reconciliations.{name}": "the accounts of every tenant are reconciled"
        for name in ("_FIRST", "_IDS", "_PLATFORM_ROWS", "_WITHOUT_ROW")
    },
    "db.retention._EMPTY": "the daily loop is every tenant's",
    "db.retention._EMPTY_BODIES": "the daily loop is every tenant's",
    "db.retention._OLD_BODIES": "the daily loop is every tenant's",
    "db.retention._OLD_EVENTS": "the daily loop is every tenant's",
    "db.webhook_cursors._WITHOUT_CURSOR": "a walk goes over the accounts of every tenant",
    "db.webhook_cursors._FREE": "a walk goes over the accounts of every tenant",
    "db.webhook_cursors._CLAIM": "a walk goes over the accounts of every tenant",
    "db.webhook_cursors._KNOWN": "an event has no tenant until it is routed",
    "db.webhook_health._HEALTH": "how the inbox is doing is said of all tenants at once",
    "db.platform_operations._UNDER_REVIEW": "the platform's people review every tenant's",
    "db.platform_reads._BY_SLUG": "the platform's people name a tenant by its slug",
}
"""The statements that name no tenant, each with its reason."""


def modules() -> Iterator[Any]:
    """Every module of `db`, migrations left out."""
    for module in pkgutil.iter_modules(db.__path__):
        if not module.ispkg:
            yield importlib.import_module(f"db.{module.name}")


def statements() -> dict[str, Executable]:
    """Every statement that a module has ready, by its name."""
    return {
        f"{module.__name__}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, Select | Update | Delete)
    }


def test_every_ready_statement_names_the_tenant() -> None:
    """Save the named exceptions, of which none is out of date."""
    found = {name for name, statement in statements().items() if unheld(statement)}

    assert len(statements()) > 30
    assert found == WITHOUT.keys()


async def test_every_statement_that_is_sent_names_the_tenant(
    database: SqlDatabase, engine: AsyncEngine, cipher: AesGcmCipher, merchant: Merchant
) -> None:
    """All methods of all stores and reads are called, and what reaches the database is looked at:
    statements that are put together when they are needed count like the ready ones."""
    world = await stored_world(database, engine, merchant)
    ready = statements()
    excused = {str(ready[name]) for name in WITHOUT}
    sent: dict[str, list[str]] = {}

    def look(_: Connection, statement: Any, *__: object) -> None:
        sent[str(statement)] = unheld(statement)

    event.listen(engine.sync_engine, "before_execute", look)
    await call_everything(database, engine, cipher, world)

    assert len(sent) > 50
    unnamed = {statement for statement, names in sent.items() if names} - excused
    assert unnamed == set()


async def call_everything(
    database: SqlDatabase, engine: AsyncEngine, cipher: AesGcmCipher, world: World
) -> None:
    """Each method, with the tenant's own objects."""
    for call in await every_call(database, world, world.id):
        async with database.begin(world.id) as work:
            await called(stores(work)[call.store], call)
    for reads in (
        SqlReads(engine, cipher),
        SqlAuditReads(engine),
        SqlInboxReads(engine),
        SqlLedgerReads(engine, engine),
        SqlMetricReads(engine),
    ):
        for call in calls("reads", type(reads), world, named=world.id):
            await called(reads, call)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (select(payments), ["payments"]),
        (select(payments).where(payments.c.id == "pay"), ["payments"]),
        (select(payments).where(payments.c.tenant_id != "ten"), ["payments"]),
        (select(payments).where(payments.c.tenant_id == "ten"), []),
        (select(payments).where(orders.c.tenant_id == "ten"), ["payments"]),
        (
            select(payments).where(or_(payments.c.tenant_id == "ten", payments.c.id == "pay")),
            ["payments"],
        ),
        (
            select(payments)
            .join(orders, orders.c.id == payments.c.order_id)
            .where(payments.c.tenant_id == "ten"),
            ["orders"],
        ),
        (
            select(payments).where(
                payments.c.tenant_id == "ten",
                payments.c.order_id == select(orders.c.id).scalar_subquery(),
            ),
            ["orders"],
        ),
        (
            select(gateways.alias("other")).where(gateways.c.tenant_id == bindparam("tenant")),
            ["tenant_payment_gateways"],
        ),
        (
            select(payments).join(orders, orders.c.tenant_id == payments.c.tenant_id),
            ["orders", "payments"],
        ),
        (payments.update().where(payments.c.id == "pay"), ["payments"]),
        (payments.delete(), ["payments"]),
    ],
    ids=str,
)
def test_a_forgotten_tenant_is_noticed(statement: Select[Any], names: list[str]) -> None:
    """The check itself: a condition on the id alone, on another table, or in an OR is none."""
    assert unheld(statement) == names
