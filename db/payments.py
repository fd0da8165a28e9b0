"""Payments: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.payment_rows import payment_columns, payment_of
from db.statements import find_by_id, of_key, save_by_id
from db.tables import payments
from domain.errors import NotFound
from domain.payment import Payment
from domain.ports import Cipher, StaleWrite

_FIND = find_by_id(payments)
_LOCK = _FIND.with_for_update()
_ADD = insert(payments)
_SAVE = save_by_id(payments).where(payments.c.version == bindparam("of_version"))
_OF_ORDER = (
    select(payments)
    .where(
        payments.c.tenant_id == bindparam("of_tenant_id"),
        payments.c.order_id == bindparam("of_order_id"),
    )
    .order_by(payments.c.id)
)


@dataclass(frozen=True, slots=True)
class SqlPaymentStore:
    """Implements `domain.ports.PaymentStore`."""

    connection: AsyncConnection
    cipher: Cipher

    async def add(self, payment: Payment) -> None:
        await self.connection.execute(_ADD, payment_columns(payment, self.cipher))

    async def find(self, tenant_id: str, payment_id: str) -> Payment | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, payment_id))
        row = found.first()
        return None if row is None else payment_of(row, self.cipher)

    async def lock(self, tenant_id: str, payment_id: str) -> Payment:
        found = await self.connection.execute(_LOCK, of_key(tenant_id, payment_id))
        row = found.first()
        if row is None:
            raise NotFound(payment_id)
        return payment_of(row, self.cipher)

    async def of_order(self, tenant_id: str, order_id: str) -> Sequence[Payment]:
        found = await self.connection.execute(
            _OF_ORDER, {"of_tenant_id": tenant_id, "of_order_id": order_id}
        )
        return [payment_of(row, self.cipher) for row in found]

    async def save(self, payment: Payment) -> None:
        saved = await self.connection.execute(
            _SAVE,
            {
                **of_key(payment.tenant_id, payment.id),
                "of_version": payment.version,
                **payment_columns(payment, self.cipher),
                "version": payment.version + 1,
            },
        )
        if saved.rowcount == 0:
            raise StaleWrite(payment.id)
