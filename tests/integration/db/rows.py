"""Committed objects to start a test from."""

from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from db.tables import webhook_events
from db.work import SqlDatabase, SqlWork
from domain.fees import FeeOverride
from domain.inbox import WebhookAttempt, WebhookEvent, WebhookEventStatus
from domain.operation import Operation
from domain.order import Order
from domain.payment import Payment, PaymentStatus
from tests.integration.db.builders import NOW, a_full_payment, a_payment, an_order
from tests.integration.db.conftest import Merchant


async def stored_order(database: SqlDatabase, merchant: Merchant) -> Order:
    """An open order."""
    order = an_order(merchant)
    async with database.begin(merchant.id) as work:
        await work.orders.add(order)
        await work.commit()
    return order


async def stored_payment(
    database: SqlDatabase, merchant: Merchant, *, order: Order | None = None
) -> Payment:
    """A pending payment, of a new order unless one is given."""
    order = order or await stored_order(database, merchant)
    return await _stored(database, a_payment(merchant, order))


async def stored_capture(database: SqlDatabase, merchant: Merchant) -> Payment:
    """A payment that was captured and can be refunded."""
    order = await stored_order(database, merchant)
    return await _stored(database, a_full_payment(merchant, order))


async def stored_failure(database: SqlDatabase, merchant: Merchant, order: Order) -> Payment:
    """A payment that failed and gave its amount back to the order."""
    pending = a_payment(merchant, order)
    return await _stored(
        database, replace(pending, status=PaymentStatus.FAILED, intent_closed_at=NOW)
    )


async def stored_override(
    engine: AsyncEngine,
    merchant: Merchant,
    override_id: str,
    *,
    effective_from: datetime = NOW,
    effective_until: datetime | None = None,
) -> FeeOverride:
    """A price of the tenant's own, as its administration will write it."""
    override = FeeOverride(
        id=override_id,
        tenant_id=merchant.id,
        basis_points=125,
        fixed_fees={"USD": 25},
        reason="volume",
        created_by="ann",
        effective_from=effective_from,
        effective_until=effective_until,
    )
    statement = text(
        "INSERT INTO platform_fee_overrides VALUES (:tenant_id, :id, 125,"
        " '{\"USD\": 25}', 'volume', 'ann', :effective_from, :effective_until)"
    )
    async with engine.begin() as connection:
        await connection.execute(
            statement,
            {
                "tenant_id": merchant.id,
                "id": override_id,
                "effective_from": effective_from,
                "effective_until": effective_until,
            },
        )
    return override


async def stored_operations(database: SqlDatabase, *operations: Operation) -> None:
    """Commit these operations."""
    async with database.begin_across_tenants() as work:
        for operation in operations:
            await work.operations.add(operation)
        await work.commit()


async def _stored(database: SqlDatabase, payment: Payment) -> Payment:
    async with database.begin(payment.tenant_id) as work:
        await work.payments.add(payment)
        await work.commit()
    return payment


async def record_event(work: SqlWork, event: WebhookEvent) -> bool:
    """Puts the event into the inbox as it stands, however it came to that; False when it was there
    already."""
    row = {**asdict(event), "status": event.status.value, "source": event.source.value}
    # Returns nothing: the API may not read the inbox that it writes to.
    inserted = insert(webhook_events).on_conflict_do_nothing()
    return (await work.inbox.connection.execute(inserted, row)).rowcount == 1


def an_attempt(number: int = 1) -> WebhookAttempt:
    """A try that failed, in which every field is set."""
    return WebhookAttempt(number, NOW, 120, WebhookEventStatus.RETRY, "timed out", is_manual=True)
