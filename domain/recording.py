"""Snapshots written down: locked, applied, audited, the order settled, all in one transaction.

Lock order: order, then payment (`ports` has the rest). Whoever calls commits, and wakes the
operations named in the result after the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.applying import apply_snapshot
from domain.audit import Alert, AlertSeverity, AuditEntry
from domain.caller import Actor
from domain.errors import NotFound
from domain.ids import Prefix, new_id
from domain.operation import GatewayRequest, Operation, OperationKind, OperationState
from domain.order import Order, settle_order
from domain.payment import VOIDED, Payment
from domain.ports import Work
from domain.snapshot import IntentSnapshot, IntentStatus


@dataclass(frozen=True, slots=True)
class Recorded:
    """The payment as it now stands. `operation_ids` were added: wake them after the commit."""

    payment: Payment
    superseded: bool = False
    operation_ids: tuple[str, ...] = ()


async def lock_payment(work: Work, tenant_id: str, payment_id: str) -> tuple[Order, Payment]:
    """The payment and its order, both locked in the lock order. Raises NotFound."""
    found = await work.payments.find(tenant_id, payment_id)
    if found is None:
        raise NotFound(payment_id)
    order = await work.orders.lock(tenant_id, found.order_id)
    return order, await work.payments.lock(tenant_id, payment_id)


async def record_intent(
    work: Work,
    tenant_id: str,
    payment_id: str,
    snapshot: IntentSnapshot,
    *,
    actor: Actor,
    now: datetime,
) -> Recorded:
    """Applies the snapshot to the payment. Raises NotFound and SnapshotMismatch."""
    order, payment = await lock_payment(work, tenant_id, payment_id)
    gateway = await work.tenants.gateway_by_id(payment.gateway_id)
    if gateway is None:
        raise NotFound(payment.gateway_id)
    applied = apply_snapshot(payment, snapshot, gateway.fee_schedule, now)
    if applied.superseded:
        await _note_superseded(work, payment, snapshot, now)
        return Recorded(payment, superseded=True)
    if applied.payment == payment:
        return Recorded(payment)
    saved = await save_payment(work, order, payment, applied.payment, actor=actor, now=now)
    if not applied.closes_intent:
        return Recorded(saved)
    closing = unsent_operation(OperationKind.CLOSE_INTENT, saved, now)
    await work.operations.add(closing)
    return Recorded(saved, operation_ids=(closing.id,))


def unsent_operation(kind: OperationKind, payment: Payment, now: datetime) -> Operation:
    """A cancel that the worker is to send by itself; its request is made when it is sent."""
    operation_id = new_id(Prefix.OPERATION)
    return Operation(
        id=operation_id,
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        gateway_id=payment.gateway_id,
        kind=kind,
        state=OperationState.CREATED,
        gateway_key=operation_id,
        request=GatewayRequest("", {}),
        created_at=now,
        updated_at=now,
        due_at=now,
    )


async def save_payment(
    work: Work, order: Order, before: Payment, after: Payment, *, actor: Actor, now: datetime
) -> Payment:
    """Saves the payment, its audit entry and the order it belongs to. Both must be locked."""
    await work.payments.save(after)
    saved = replace(after, version=before.version + 1)
    await work.audit.append(_payment_entry(before, after, actor, now))
    payments = await work.payments.of_order(after.tenant_id, order.id)
    settled = settle_order(order, payments, now)
    if settled != order:
        await work.orders.save(settled)
    return saved


def _payment_entry(before: Payment, after: Payment, actor: Actor, now: datetime) -> AuditEntry:
    moved = before.status is not after.status
    verb = after.status.lower() if moved else "updated"
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=after.tenant_id,
        at=now,
        actor=actor,
        action=f"payment.{verb}",
        subject_id=after.id,
        before=_picture(before),
        after=_picture(after) | {"message": _message(before, after)},
    )


def created_entry(payment: Payment, actor: Actor, now: datetime) -> AuditEntry:
    """The first line of a payment's timeline."""
    return AuditEntry(
        id=new_id(Prefix.AUDIT_ENTRY),
        tenant_id=payment.tenant_id,
        at=now,
        actor=actor,
        action="payment.created",
        subject_id=payment.id,
        before=None,
        after=_picture(payment) | {"message": "The payment was sent to the gateway."},
    )


def _picture(payment: Payment) -> dict[str, object]:
    return {
        "status": payment.status.value,
        "amount": payment.captured or payment.total,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "platform_fee": payment.platform_fee,
        "gateway_fee": payment.gateway_fee,
        "gateway_payment_id": payment.gateway_payment_id,
        "decline_code": payment.failure.decline_code if payment.failure else None,
    }


def _message(before: Payment, after: Payment) -> str:
    if before.status is not after.status:
        return f"The payment became {after.status.value}."
    if after.intent_closed_at is not None and before.intent_closed_at is None:
        return "The gateway's intent was closed."
    if after.gateway_fee_is_final and not before.gateway_fee_is_final:
        return "The gateway's fee became known."
    return "The payment's details were updated."


async def _note_superseded(
    work: Work, payment: Payment, snapshot: IntentSnapshot, now: datetime
) -> None:
    # Money for a payment that has ended is never passed over in silence.
    if snapshot.status is IntentStatus.SUCCEEDED and payment.status in VOIDED:
        await work.alerts.open(
            Alert(
                id=new_id(Prefix.ALERT),
                rule="payment.late_money",
                severity=AlertSeverity.CRITICAL,
                subject_id=payment.id,
                message=f"The gateway reports money for a payment that is {payment.status.value}.",
                tenant_id=payment.tenant_id,
                opened_at=now,
            )
        )
