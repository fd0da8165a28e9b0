"""What is held of payers, found by their e-mail address, and blanked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Text, bindparam, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from db.operations import REQUEST
from db.tables import operations, orders, tenants, webhook_events
from domain.inbox import WebhookEventStatus, without_payer
from domain.operation import CREATES_INTENT
from domain.ports import Cipher

_TENANTS = select(tenants.c.id).order_by(tenants.c.id)
# The function on the address's side only: the column is folded already, by the same function.
_FOLDED = func.lower(bindparam("email", type_=Text()))
_OF_PAYER = (
    orders.c.tenant_id == bindparam("of_tenant_id"),
    orders.c.customer_email_folded == _FOLDED,
)
_COUNT = select(func.count()).select_from(orders).where(*_OF_PAYER)
_ORDER_IDS = (
    select(orders.c.id)
    .where(*_OF_PAYER, orders.c.id > bindparam("after"))
    .order_by(orders.c.id)
    .limit(bindparam("at_most"))
)
_REQUESTS = select(operations.c.id).where(
    operations.c.tenant_id == bindparam("of_tenant_id"),
    operations.c.payment_id == bindparam("of_payment_id"),
    operations.c.kind.in_(sorted(CREATES_INTENT)),
)
_SET_REQUEST = update(operations).where(
    operations.c.tenant_id == bindparam("of_tenant_id"), operations.c.id == bindparam("of_id")
)
_EVENTS = (
    select(webhook_events.c.id, webhook_events.c.status, webhook_events.c.payload)
    .where(
        webhook_events.c.tenant_id == bindparam("of_tenant_id"),
        webhook_events.c.payment_id == bindparam("of_payment_id"),
        or_(text("payload <> '{}'::jsonb"), webhook_events.c.body.is_not(None)),
    )
    .order_by(webhook_events.c.id)
    .with_for_update()
)
_SET_PAYLOAD = update(webhook_events).where(
    webhook_events.c.tenant_id == bindparam("of_tenant_id"),
    webhook_events.c.id == bindparam("of_id"),
)
_WORKED_OFF = frozenset({WebhookEventStatus.PROCESSED, WebhookEventStatus.IGNORED})


@dataclass(frozen=True, slots=True)
class SqlPayerStore:
    """Implements `domain.erasing.PayerStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def tenant_ids(self) -> Sequence[str]:
        return list((await self.connection.execute(_TENANTS)).scalars())

    async def order_count(self, tenant_id: str, email: str) -> int:
        counted = await self.connection.execute(_COUNT, {"of_tenant_id": tenant_id, "email": email})
        return int(counted.scalar_one())

    async def order_ids(
        self, tenant_id: str, email: str, *, after: str, limit: int
    ) -> Sequence[str]:
        asked = {"of_tenant_id": tenant_id, "email": email, "after": after, "at_most": limit}
        return list((await self.connection.execute(_ORDER_IDS, asked)).scalars())

    async def forget_requests(self, tenant_id: str, payment_id: str) -> None:
        asked = {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        found = await self.connection.execute(_REQUESTS, asked)
        for operation_id in found.scalars().all():
            empty = REQUEST.seal(
                self.cipher, tenant_id, operation_id, {"path": "erased", "parameters": {}}
            )
            await self.connection.execute(
                _SET_REQUEST,
                {"of_tenant_id": tenant_id, "of_id": operation_id, "request": empty},
            )

    async def forget_payloads(self, tenant_id: str, payment_id: str) -> int:
        asked = {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        found = (await self.connection.execute(_EVENTS, asked)).all()
        for row in found:
            kept = {} if row.status in _WORKED_OFF else dict(without_payer(row.payload))
            key = {"of_tenant_id": tenant_id, "of_id": row.id}
            await self.connection.execute(_SET_PAYLOAD, {**key, "payload": kept, "body": None})
        return len(found)
