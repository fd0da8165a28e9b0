"""Refunds: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import find_by_id, of_key, save_by_id
from db.tables import refunds
from domain.errors import NotFound
from domain.refund import (
    Refund,
    RefundOrigin,
    RefundReason,
    RefundSettlement,
    RefundStatus,
)

_FIND = find_by_id(refunds)
_SAVE = save_by_id(refunds)
_ADD = insert(refunds)
_OF_TENANT = select(refunds).where(refunds.c.tenant_id == bindparam("of_tenant_id"))
_FIND_BY_GATEWAY_ID = _OF_TENANT.where(
    refunds.c.gateway_refund_id == bindparam("of_gateway_refund_id")
)
_OF_PAYMENT = _OF_TENANT.where(refunds.c.payment_id == bindparam("of_payment_id")).order_by(
    refunds.c.id
)


def refund_of(row: Row[Any]) -> Refund:
    """The refund that a row of `refunds` holds."""
    return Refund(
        id=row.id,
        tenant_id=row.tenant_id,
        payment_id=row.payment_id,
        status=RefundStatus(row.refund_status),
        amount=row.amount_cents,
        currency=row.currency,
        reason=RefundReason(row.reason),
        origin=RefundOrigin(row.origin),
        created_at=row.created_at,
        updated_at=row.updated_at,
        note=row.note,
        platform_fee_refunded=row.platform_fee_refunded_cents,
        gateway_refund_id=row.gateway_refund_id,
        failure_reason=row.failure_reason,
        settlement=_settlement(row),
    )


def _settlement(row: Row[Any]) -> RefundSettlement | None:
    if row.settlement_currency is None:
        return None
    return RefundSettlement(
        row.settlement_cents, row.settlement_returned_cents, row.settlement_currency
    )


def _columns(refund: Refund) -> Mapping[str, object]:
    settled = refund.settlement
    return {
        "tenant_id": refund.tenant_id,
        "id": refund.id,
        "payment_id": refund.payment_id,
        "refund_status": refund.status.value,
        "currency": refund.currency,
        "amount_cents": refund.amount,
        "platform_fee_refunded_cents": refund.platform_fee_refunded,
        "reason": refund.reason.value,
        "origin": refund.origin.value,
        "note": refund.note,
        "gateway_refund_id": refund.gateway_refund_id,
        "failure_reason": refund.failure_reason,
        "settlement_cents": settled.amount if settled else None,
        "settlement_returned_cents": settled.returned if settled else None,
        "settlement_currency": settled.currency if settled else None,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
    }


@dataclass(frozen=True, slots=True)
class SqlRefundStore:
    """Implements `domain.ports.RefundStore`."""

    connection: AsyncConnection

    async def add(self, refund: Refund) -> None:
        await self.connection.execute(_ADD, _columns(refund))

    async def find(self, tenant_id: str, refund_id: str) -> Refund | None:
        found = await self.connection.execute(_FIND, of_key(tenant_id, refund_id))
        row = found.first()
        return None if row is None else refund_of(row)

    async def find_by_gateway_id(self, tenant_id: str, gateway_refund_id: str) -> Refund | None:
        found = await self.connection.execute(
            _FIND_BY_GATEWAY_ID,
            {"of_tenant_id": tenant_id, "of_gateway_refund_id": gateway_refund_id},
        )
        row = found.first()
        return None if row is None else refund_of(row)

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Refund]:
        found = await self.connection.execute(
            _OF_PAYMENT, {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        )
        return [refund_of(row) for row in found]

    async def save(self, refund: Refund) -> None:
        key = of_key(refund.tenant_id, refund.id)
        saved = await self.connection.execute(_SAVE, {**key, **_columns(refund)})
        if saved.rowcount == 0:
            raise NotFound(refund.id)
