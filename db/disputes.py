"""Disputes: rows and domain objects, and the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from db.statements import of_key, save_by_id
from db.tables import disputes
from domain.dispute import Dispute, DisputeFunds, DisputeStatus
from domain.errors import NotFound

_SAVE = save_by_id(disputes)
_ADD = insert(disputes)
_OF_TENANT = select(disputes).where(disputes.c.tenant_id == bindparam("of_tenant_id"))
_FIND_BY_GATEWAY_ID = _OF_TENANT.where(
    disputes.c.gateway_dispute_id == bindparam("of_gateway_dispute_id")
)
_OF_PAYMENT = _OF_TENANT.where(disputes.c.payment_id == bindparam("of_payment_id")).order_by(
    disputes.c.id
)


def dispute_of(row: Row[Any]) -> Dispute:
    """The dispute that a row of `disputes` holds."""
    return Dispute(
        id=row.id,
        tenant_id=row.tenant_id,
        payment_id=row.payment_id,
        gateway_dispute_id=row.gateway_dispute_id,
        status=DisputeStatus(row.dispute_status),
        reason=row.reason,
        amount=row.amount_cents,
        currency=row.currency,
        is_charge_refundable=row.is_charge_refundable,
        created_at=row.created_at,
        updated_at=row.updated_at,
        evidence_due_at=row.evidence_due_at,
        closed_at=row.closed_at,
        funds=_funds(row),
    )


def _funds(row: Row[Any]) -> DisputeFunds | None:
    if row.funds_currency is None:
        return None
    return DisputeFunds(
        row.funds_currency, row.withdrawn_cents, row.reinstated_cents, row.fee_cents
    )


def _columns(dispute: Dispute) -> Mapping[str, object]:
    funds = dispute.funds
    return {
        "tenant_id": dispute.tenant_id,
        "id": dispute.id,
        "payment_id": dispute.payment_id,
        "gateway_dispute_id": dispute.gateway_dispute_id,
        "dispute_status": dispute.status.value,
        "reason": dispute.reason,
        "currency": dispute.currency,
        "amount_cents": dispute.amount,
        "is_charge_refundable": dispute.is_charge_refundable,
        "evidence_due_at": dispute.evidence_due_at,
        "funds_currency": funds.currency if funds else None,
        "withdrawn_cents": funds.withdrawn if funds else None,
        "reinstated_cents": funds.reinstated if funds else None,
        "fee_cents": funds.fee if funds else None,
        "closed_at": dispute.closed_at,
        "created_at": dispute.created_at,
        "updated_at": dispute.updated_at,
    }


@dataclass(frozen=True, slots=True)
class SqlDisputeStore:
    """Implements `domain.dispute_ports.DisputeStore`."""

    connection: AsyncConnection

    async def add(self, dispute: Dispute) -> None:
        await self.connection.execute(_ADD, _columns(dispute))

    async def find_by_gateway_id(self, tenant_id: str, gateway_dispute_id: str) -> Dispute | None:
        found = await self.connection.execute(
            _FIND_BY_GATEWAY_ID,
            {"of_tenant_id": tenant_id, "of_gateway_dispute_id": gateway_dispute_id},
        )
        row = found.first()
        return None if row is None else dispute_of(row)

    async def of_payment(self, tenant_id: str, payment_id: str) -> Sequence[Dispute]:
        found = await self.connection.execute(
            _OF_PAYMENT, {"of_tenant_id": tenant_id, "of_payment_id": payment_id}
        )
        return [dispute_of(row) for row in found]

    async def save(self, dispute: Dispute) -> None:
        key = of_key(dispute.tenant_id, dispute.id)
        saved = await self.connection.execute(_SAVE, {**key, **_columns(dispute)})
        if saved.rowcount == 0:
            raise NotFound(dispute.id)
