"""Snapshots written down: locked, applied, audited, the order settled, all in one transaction.

Lock order: order, then payment (`ports` has the rest). Whoever calls commits, and wakes the
operations named in the result after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.applying import apply_snapshot
from domain.audit_lines import order_entry, payment_entry, review_entry
from domain.caller import Actor, AuditActorType
from domain.dispute import Dispute, count_disputes
from domain.errors import NotFound
from domain.fee_returning import plan_fee_refund
from domain.operation import Operation, OperationKind, OperationState
from domain.order import Order, settle_order
from domain.payment import VOIDED, Payment
from domain.ports import Work
from domain.posting import post_payment
from domain.progress import unsent_operation
from domain.snapshot import IntentSnapshot, IntentStatus

SETTLER = Actor(AuditActorType.SYSTEM, "settler")
_MONEY = frozenset({IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE})


class TooEarly(Exception):
    """Something arrived before what it builds on. Nothing was written; it is to be tried later."""


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
    disputes = await _reckoned_anew(work, payment, applied.payment)
    after = count_disputes(applied.payment, disputes) if disputes else applied.payment
    saved = await save_payment(work, order, payment, after, actor=actor, now=now)
    await post_payment(work, payment, saved, disputes, gateway.mode, now)
    if not applied.closes_intent:
        return Recorded(saved, operation_ids=await plan_fee_refund(work, saved, now))
    closing = unsent_operation(OperationKind.CLOSE_INTENT, saved, now)
    await work.operations.add(closing)
    return Recorded(saved, operation_ids=(closing.id,))


async def _reckoned_anew(work: Work, before: Payment, after: Payment) -> Sequence[Dispute]:
    """The payment's disputes, where their money is reckoned by another rate now."""
    if after.settlement == before.settlement:
        return ()
    return await work.disputes.of_payment(after.tenant_id, after.id)


async def save_payment(
    work: Work, order: Order, before: Payment, after: Payment, *, actor: Actor, now: datetime
) -> Payment:
    """Saves the payment, its audit entry and the order it belongs to. Both must be locked."""
    await work.payments.save(after)
    saved = replace(after, version=before.version + 1)
    await work.audit.append(payment_entry(before, after, actor, now))
    payments = await work.payments.of_order(after.tenant_id, order.id)
    await save_order(work, order, settle_order(order, payments, now), actor=actor, now=now)
    return saved


async def save_order(
    work: Work, before: Order, after: Order, *, actor: Actor, now: datetime
) -> None:
    """Saves what its payments made of an order, if anything, and the audit entry where its status
    or its money moved; what a payment only holds stands in that payment's own entry. It must be
    locked."""
    if after == before:
        return
    await work.orders.save(after)
    if after.status is not before.status:
        await work.audit.append(order_entry(before, after, actor, now))
    elif _money(after) != _money(before):
        await work.audit.append(order_entry(before, after, actor, now, verb="updated"))


async def save_operation(work: Work, before: Operation, after: Operation, now: datetime) -> None:
    """Saves an operation, which must be locked, and calls for people where it has become theirs."""
    await work.operations.save(after)
    review = OperationState.MANUAL_REVIEW
    if after.state is review and before.state is not review:
        payment = await work.payments.find(after.tenant_id, after.payment_id)
        if payment is None:
            raise NotFound(after.payment_id)
        await work.audit.append(review_entry(after, payment, SETTLER, now))
        await open_alert(
            work,
            AlertRule.OPERATION_MANUAL_REVIEW,
            subject_id=after.id,
            message=f"Nobody knows what became of a {after.kind.value} of {after.payment_id}.",
            tenant_id=after.tenant_id,
            now=now,
        )


def _money(order: Order) -> tuple[int, int, bool]:
    return order.captured, order.refunded, order.is_disputed


async def _note_superseded(
    work: Work, payment: Payment, snapshot: IntentSnapshot, now: datetime
) -> None:
    # Money taken or held for a payment that has ended is never passed over in silence. An intent
    # that was canceled holds nothing any more: a picture in which it does is an older one.
    holds = snapshot.status is IntentStatus.REQUIRES_CAPTURE
    is_older = holds and payment.gateway_payment_id is not None
    if snapshot.status in _MONEY and payment.status in VOIDED and not is_older:
        await open_alert(
            work,
            AlertRule.PAYMENT_LATE_MONEY,
            subject_id=payment.id,
            message=f"The gateway reports money for a payment that is {payment.status.value}.",
            tenant_id=payment.tenant_id,
            now=now,
        )
