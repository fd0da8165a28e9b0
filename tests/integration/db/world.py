"""One row of a merchant in every table that a tenant has rows in, and what PostgreSQL holds of it.

A new table with tenants' rows needs a row here; `test_row_level_security.py` says which is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Column, Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from db.tables import metadata
from db.work import SqlDatabase, SqlWork
from domain.alert import Alert
from domain.audit import AuditEntry
from domain.dispute import Dispute
from domain.fees import FeeOverride
from domain.gateway_profile import GatewayProfile, GatewaySecrets
from domain.idempotency import IdempotencyRecord
from domain.ids import Prefix, new_id
from domain.inbox import WebhookAttempt, WebhookEvent, WebhookEventStatus
from domain.ledger import LedgerTransaction
from domain.operation import Operation
from domain.order import Order, OrderStatus
from domain.payment import Payment
from domain.refund import Refund
from domain.sealing import Seal
from tests.integration.db.builders import (
    a_full_event,
    a_full_operation,
    a_full_order,
    a_full_payment,
    a_full_record,
    a_full_refund,
    an_alert,
    an_entry,
)
from tests.integration.db.conftest import Merchant
from tests.integration.db.dispute_builders import a_full_dispute
from tests.integration.db.ledger_builders import a_full_booking
from tests.integration.db.rows import an_attempt, record_event, stored_override

ID_COLUMNS: Mapping[str, str] = {"tenants": "id"}
"""The column that names a row's tenant, where it is not `tenant_id`."""


@dataclass(frozen=True, slots=True)
class World:
    """A merchant and one object of each kind, all of them committed."""

    merchant: Merchant
    order: Order
    payment: Payment
    refund: Refund
    dispute: Dispute
    booked: LedgerTransaction
    operation: Operation
    record: IdempotencyRecord
    entry: AuditEntry
    alert: Alert
    event: WebhookEvent
    attempt: WebhookAttempt
    override: FeeOverride
    profile: GatewayProfile
    seal: Seal

    @property
    def id(self) -> str:
        """The tenant's id."""
        return self.merchant.id

    @property
    def texts(self) -> tuple[str, ...]:
        """What names this merchant's objects and nobody else's."""
        refund, payment = self.refund, self.payment
        named = (
            self.id,
            self.merchant.gateway.id,
            self.order.id,
            self.order.reference,
            payment.id,
            payment.gateway_payment_id,
            payment.gateway_charge_id,
            refund.id,
            refund.gateway_refund_id,
            self.dispute.id,
            self.dispute.gateway_dispute_id,
            self.booked.id,
            self.booked.fact_key,
            self.operation.id,
            self.record.id,
            self.entry.id,
            self.alert.id,
            self.event.id,
            self.event.event_id,
            self.override.id,
        )
        return tuple(name for name in named if name is not None)


def tenant_column(table: Table) -> Column[str] | None:
    """The column that names the tenant of a row; None for a table that knows no tenants."""
    return table.c.get(ID_COLUMNS.get(table.name, "tenant_id"))


TENANT_TABLES: tuple[Table, ...] = tuple(
    table for table in metadata.sorted_tables if tenant_column(table) is not None
)


async def stored_world(database: SqlDatabase, engine: AsyncEngine, merchant: Merchant) -> World:
    """Commits one object of each kind. `database` and `engine` are the owner's."""
    order = replace(
        a_full_order(merchant),
        status=OrderStatus.OPEN,
        canceled_at=None,
        customer_email=f"{merchant.tenant.slug}@example.com",
    )
    payment = a_full_payment(merchant, order)
    refund = a_full_refund(payment)
    dispute = a_full_dispute(payment)
    booked = a_full_booking(payment)
    operation = a_full_operation(payment, refund)
    record = _record(merchant)
    entry = an_entry(merchant, subject_id=payment.id)
    alert = an_alert(merchant, subject_id=payment.id)
    event = replace(
        a_full_event(merchant),
        event_id=f"evt_{merchant.tenant.slug}",
        status=WebhookEventStatus.RECEIVED,
        tenant_id=merchant.id,
        payment_id=payment.id,
    )
    attempt = replace(an_attempt(1), error=f"of {merchant.tenant.slug}")
    seal = Seal(merchant.id, 1, entry.id, merchant.tenant.slug.encode().hex().ljust(64, "0"))
    override = await stored_override(engine, merchant, new_id(Prefix.FEE_OVERRIDE))
    async with database.begin(merchant.id) as work:
        await work.orders.add(order)
        await work.payments.add(payment)
        await work.refunds.add(refund)
        await work.disputes.add(dispute)
        await work.ledger.add([booked])
        await work.operations.add(operation)
        await work.keys.claim(record)
        await work.audit.append(entry)
        await work.alerts.open(alert)
        await record_event(work, event)
        await work.inbox.add_attempt(event.id, attempt)
        await work.seals.add([seal])
        profile = await _configured(work, merchant)
        await work.commit()
    await _fold(engine)
    return World(
        merchant,
        order,
        payment,
        refund,
        dispute,
        booked,
        operation,
        record,
        entry,
        alert,
        event,
        attempt,
        override,
        profile,
        seal,
    )


async def _fold(engine: AsyncEngine) -> None:
    """Figures that are folded, and the same once more as changes that are not."""
    async with engine.begin() as connection:
        for kind in ("payment", "webhook"):
            await connection.execute(text(f"SELECT fold_{kind}_figures(100)"))
            again = f"INSERT INTO {kind}_figure_changes SELECT * FROM {kind}_figures"  # noqa: S608
            await connection.execute(text(again))


def _record(merchant: Merchant) -> IdempotencyRecord:
    return replace(
        a_full_record(merchant), id=new_id(Prefix.IDEMPOTENCY_RECORD), key=merchant.tenant.slug
    )


async def _configured(work: SqlWork, merchant: Merchant) -> GatewayProfile:
    (row,) = await work.gateways.of_tenant(merchant.id)
    await work.gateways.save(row, GatewaySecrets(webhook_secret="whsec_of_one"))
    (profile,) = await work.gateways.of_tenant(merchant.id)
    return profile


async def digests(engine: AsyncEngine, tenant_id: str) -> dict[str, str]:
    """A digest of all the tenant's rows, by table. `engine` is the owner's."""
    found = {}
    async with engine.connect() as connection:
        for table in TENANT_TABLES:
            column = tenant_column(table)
            assert column is not None
            statement = text(
                "SELECT coalesce(md5(string_agg(row::text, '|' ORDER BY row::text)), 'none')"  # noqa: S608 - of the metadata
                f" FROM {table.name} AS row WHERE {column.name} = :tenant_id"
            )
            digest = (await connection.execute(statement, {"tenant_id": tenant_id})).scalar_one()
            found[table.name] = str(digest)
        of_events = (
            "SELECT coalesce(md5(string_agg(a::text, '|' ORDER BY a::text)), 'none')"
            " FROM webhook_attempts a JOIN webhook_events e ON e.id = a.webhook_event_id"
            " WHERE e.tenant_id = :tenant_id"
        )
        digest = (await connection.execute(text(of_events), {"tenant_id": tenant_id})).scalar_one()
        found["webhook_attempts"] = str(digest)
    return found
