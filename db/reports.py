"""What readers see. Each call is one statement, which sets the tenant for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, select
from sqlalchemy.ext.asyncio import AsyncEngine

from db.disputes import dispute_of
from db.engine import connected
from db.filters import among, disputes_where, orders_where, payments_where
from db.orders import order_of
from db.paging import T, count_rows, read_page
from db.payment_rows import payment_of
from db.refunds import refund_of
from db.tables import audit_log, disputes, fee_overrides, fee_tiers, orders, payments, refunds
from db.tenant_rows import override_of, tenant_of, tier_of
from db.tenants import FIND_TENANT
from db.transactions import on_own_terms, reading
from db.unreadable import NotingCipher, alert_unreadable
from domain.caller import AuditActorType
from domain.dispute import Dispute
from domain.fees import FeeOverride, FeeTier
from domain.order import Order
from domain.payment import Payment, PaymentStatus
from domain.ports import Cipher
from domain.refund import Refund
from domain.reports import (
    DisputeFilter,
    OrderFilter,
    Page,
    PageRequest,
    PaymentEvent,
    PaymentFilter,
)
from domain.tenant import Tenant


class SqlReads:
    """Implements `domain.ports.Reads`."""

    def __init__(self, engine: AsyncEngine, cipher: Cipher) -> None:
        # Without BEGIN and COMMIT a read is one round trip instead of three.
        self._engine = on_own_terms(engine)
        self._cipher = cipher

    async def tenant(self, tenant_id: str) -> Tenant | None:
        async with reading(self._engine, tenant_id) as connection:
            row = (await connection.execute(FIND_TENANT, {"of_id": tenant_id})).first()
        return None if row is None else tenant_of(row)

    async def payments(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Payment]:
        rows = await self._by_id(payments, tenant_id, ids)
        cipher = NotingCipher(self._cipher)
        found = {row.id: payment_of(row, cipher) for row in rows}
        await alert_unreadable(self._engine, cipher.unreadable)
        return found

    async def orders(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Order]:
        return {row.id: order_of(row) for row in await self._by_id(orders, tenant_id, ids)}

    async def refunds(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Refund]:
        return {row.id: refund_of(row) for row in await self._by_id(refunds, tenant_id, ids)}

    async def disputes(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, Dispute]:
        return {row.id: dispute_of(row) for row in await self._by_id(disputes, tenant_id, ids)}

    async def order_by_reference(self, tenant_id: str, reference: str) -> Order | None:
        wanted = select(orders).where(
            orders.c.tenant_id == tenant_id, orders.c.reference == reference
        )
        async with reading(self._engine, tenant_id) as connection:
            row = (await connection.execute(wanted)).first()
        return None if row is None else order_of(row)

    async def payment_page(
        self, tenant_id: str, where: PaymentFilter, page: PageRequest
    ) -> Page[Payment]:
        rows = payments_where(tenant_id, where)
        cipher = NotingCipher(self._cipher)
        item_of = partial(payment_of, cipher=cipher)
        found = await self._page(tenant_id, rows, payments.c.id, page, item_of)
        await alert_unreadable(self._engine, cipher.unreadable)
        return found

    async def payment_count(self, tenant_id: str, where: PaymentFilter) -> int | None:
        return await self._count(tenant_id, payments_where(tenant_id, where))

    async def order_page(
        self, tenant_id: str, where: OrderFilter, page: PageRequest
    ) -> Page[Order]:
        rows = orders_where(tenant_id, where)
        return await self._page(tenant_id, rows, orders.c.id, page, order_of)

    async def order_count(self, tenant_id: str, where: OrderFilter) -> int | None:
        return await self._count(tenant_id, orders_where(tenant_id, where))

    async def refund_page(self, tenant_id: str, payment_id: str, page: PageRequest) -> Page[Refund]:
        rows = _refunds_of(tenant_id, payment_id)
        return await self._page(tenant_id, rows, refunds.c.id, page, refund_of)

    async def refund_count(self, tenant_id: str, payment_id: str) -> int | None:
        return await self._count(tenant_id, _refunds_of(tenant_id, payment_id))

    async def dispute_page(
        self, tenant_id: str, where: DisputeFilter, page: PageRequest
    ) -> Page[Dispute]:
        rows = disputes_where(tenant_id, where)
        return await self._page(tenant_id, rows, disputes.c.id, page, dispute_of)

    async def dispute_count(self, tenant_id: str, where: DisputeFilter) -> int | None:
        return await self._count(tenant_id, disputes_where(tenant_id, where))

    async def timeline_page(
        self, tenant_id: str, payment_id: str, page: PageRequest
    ) -> Page[PaymentEvent]:
        rows = _timeline(tenant_id, payment_id)
        return await self._page(tenant_id, rows, audit_log.c.id, page, _event_of)

    async def timeline_count(self, tenant_id: str, payment_id: str) -> int | None:
        return await self._count(tenant_id, _timeline(tenant_id, payment_id))

    async def fee_tiers(self, *, include_archived: bool) -> Sequence[FeeTier]:
        tiers = select(fee_tiers).order_by(fee_tiers.c.level, fee_tiers.c.id)
        if not include_archived:
            tiers = tiers.where(~fee_tiers.c.is_archived)
        async with connected(self._engine) as connection:
            return [tier_of(row) for row in await connection.execute(tiers)]

    async def fee_overrides(self, tenant_id: str, ids: Sequence[str]) -> Mapping[str, FeeOverride]:
        rows = await self._by_id(fee_overrides, tenant_id, ids)
        return {row.id: override_of(row) for row in rows}

    async def fee_overrides_of(self, tenant_id: str) -> Sequence[FeeOverride]:
        wanted = (
            select(fee_overrides)
            .where(fee_overrides.c.tenant_id == tenant_id)
            .order_by(fee_overrides.c.id.desc())
        )
        async with reading(self._engine, tenant_id) as connection:
            return [override_of(row) for row in await connection.execute(wanted)]

    async def _by_id(self, table: Table, tenant_id: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
        wanted = select(table).where(table.c.tenant_id == tenant_id, among(table.c.id, ids))
        async with reading(self._engine, tenant_id) as connection:
            return (await connection.execute(wanted)).all()

    async def _page(
        self,
        tenant_id: str,
        rows: Select[Any],
        key: ColumnElement[str],
        page: PageRequest,
        item_of: Callable[[Row[Any]], T],
    ) -> Page[T]:
        async with reading(self._engine, tenant_id) as connection:
            return await read_page(connection, rows, key, page, item_of)

    async def _count(self, tenant_id: str, rows: Select[Any]) -> int | None:
        async with reading(self._engine, tenant_id) as connection:
            return await count_rows(connection, rows)


def _refunds_of(tenant_id: str, payment_id: str) -> Select[Any]:
    return select(refunds).where(
        refunds.c.tenant_id == tenant_id, refunds.c.payment_id == payment_id
    )


def _timeline(tenant_id: str, payment_id: str) -> Select[Any]:
    """The payment's audit entries that tell a status and a message: its own and its refunds'."""
    after = audit_log.c.after
    return select(
        audit_log.c.id,
        audit_log.c.at,
        audit_log.c.actor_type,
        audit_log.c.actor_id,
        after["status"].astext.label("status"),
        after["message"].astext.label("message"),
        after["amount"].label("amount"),
    ).where(
        audit_log.c.tenant_id == tenant_id,
        audit_log.c.subject_id == payment_id,
        among(after["status"].astext, list(PaymentStatus)),
        after["message"].astext.is_not(None),
    )


def _event_of(row: Row[Any]) -> PaymentEvent:
    return PaymentEvent(
        id=row.id,
        status=PaymentStatus(row.status),
        amount=row.amount,
        source=AuditActorType(row.actor_type),
        actor=row.actor_id,
        message=row.message,
        created_at=row.at,
    )
