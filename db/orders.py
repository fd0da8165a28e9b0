"""Orders: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import find_by_id, of_key, save_by_id
from db.tables import orders
from domain.errors import NotFound
from domain.order import Order, OrderStatus
from domain.ports import ReferenceTaken

_FIND = find_by_id(orders)
_LOCK = _FIND.with_for_update()
_SAVE = save_by_id(orders)
_ADD = (
    insert(orders)
    .on_conflict_do_nothing(index_elements=["tenant_id", "reference"])
    .returning(orders.c.id)
)


def order_of(row: Row[Any]) -> Order:
    """The order that a row of `orders` holds."""
    return Order(
        id=row.id,
        tenant_id=row.tenant_id,
        reference=row.reference,
        currency=row.currency,
        total=row.total_amount_cents,
        metadata=row.metadata,
        created_at=row.created_at,
        updated_at=row.updated_at,
        status=OrderStatus(row.order_status),
        captured=row.captured_amount_cents,
        refunded=row.refunded_amount_cents,
        remaining=row.remaining_amount_cents,
        is_disputed=row.is_disputed,
        customer_email=row.customer_email,
        canceled_at=row.canceled_at,
    )


def _columns(order: Order) -> Mapping[str, object]:
    return {
        "tenant_id": order.tenant_id,
        "id": order.id,
        "reference": order.reference,
        "order_status": order.status.value,
        "currency": order.currency,
        "total_amount_cents": order.total,
        "captured_amount_cents": order.captured,
        "refunded_amount_cents": order.refunded,
        "remaining_amount_cents": order.remaining,
        "is_disputed": order.is_disputed,
        "customer_email": order.customer_email,
        "metadata": dict(order.metadata),
        "canceled_at": order.canceled_at,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


@dataclass(frozen=True, slots=True)
class SqlOrderStore:
    """Implements `domain.ports.OrderStore`."""

    connection: AsyncConnection

    async def add(self, order: Order) -> None:
        added = await self.connection.execute(_ADD, _columns(order))
        if added.first() is None:
            raise ReferenceTaken(order.reference)

    async def find(self, tenant_id: str, order_id: str) -> Order | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, order_id))
        row = found.first()
        return None if row is None else order_of(row)

    async def lock(self, tenant_id: str, order_id: str) -> Order:
        found = await self.connection.execute(_LOCK, of_key(tenant_id, order_id))
        row = found.first()
        if row is None:
            raise NotFound(order_id)
        return order_of(row)

    async def save(self, order: Order) -> None:
        key = of_key(order.tenant_id, order.id)
        saved = await self.connection.execute(_SAVE, {**key, **_columns(order)})
        if saved.rowcount == 0:
            raise NotFound(order.id)
