"""Refunds written down: reserved before the call, moved by snapshots, reversed when they fail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.audit_lines import refund_entry
from domain.caller import Actor
from domain.errors import SnapshotMismatch
from domain.fee_returning import plan_fee_refund
from domain.fees import returned_fee
from domain.ids import Prefix, new_id
from domain.order import Order, settle_order
from domain.payment import Payment, PaymentStatus
from domain.ports import Work
from domain.posting import post_refunds
from domain.recording import Recorded, TooEarly, lock_payment, save_order
from domain.refund import (
    RESERVING,
    TRANSITIONS,
    Refund,
    RefundOrigin,
    RefundReason,
    RefundStatus,
)
from domain.snapshot import GatewayRefundStatus, RefundSnapshot

_STATUSES = {
    GatewayRefundStatus.PENDING: RefundStatus.PENDING,
    GatewayRefundStatus.REQUIRES_ACTION: RefundStatus.PENDING,
    GatewayRefundStatus.SUCCEEDED: RefundStatus.SUCCEEDED,
    GatewayRefundStatus.FAILED: RefundStatus.FAILED,
    GatewayRefundStatus.CANCELED: RefundStatus.CANCELED,
}
_REASONS = {
    "duplicate": RefundReason.DUPLICATE,
    "fraudulent": RefundReason.FRAUDULENT,
    "requested_by_customer": RefundReason.REQUESTED_BY_CUSTOMER,
}


class RefundTooEarly(TooEarly):
    """A refund arrived before what makes room for it, its capture or another refund's failure."""


@dataclass(frozen=True, slots=True)
class RecordedRefund(Recorded):
    """The refund beside its payment."""

    refund: Refund | None = None


async def record_refund(
    work: Work,
    tenant_id: str,
    payment_id: str,
    snapshot: RefundSnapshot,
    *,
    actor: Actor,
    now: datetime,
) -> RecordedRefund:
    """Applies a refund as the gateway reports it; one made outside Tollgate gets its own row.

    Raises NotFound, SnapshotMismatch, and RefundTooEarly while the payment is not PAID or has no
    room left for it.
    """
    order, payment = await lock_payment(work, tenant_id, payment_id)
    if payment.status is not PaymentStatus.PAID:
        raise RefundTooEarly("The refund's payment is not captured yet.")
    refund = await _find(work, payment, snapshot)
    if refund is None:
        refund = refund_of_gateway(payment, snapshot, now)
        await work.refunds.add(refund)
        if snapshot.tollgate_refund_id is not None:
            await _note_unforeseen(work, refund, snapshot, now)
    moved = apply_refund(refund, snapshot)
    if moved is None:
        return RecordedRefund(payment, superseded=True, refund=refund)
    return await save_refund(work, order, payment, refund, moved, actor=actor, now=now)


def apply_refund(refund: Refund, snapshot: RefundSnapshot) -> Refund | None:
    """The refund as the gateway's picture makes it; None for a picture that is behind.

    Raises SnapshotMismatch when amount or currency differ.
    """
    if (refund.amount, refund.currency) != (snapshot.amount, snapshot.currency):
        raise SnapshotMismatch(f"refund {refund.id} differs in amount or currency")
    status = _STATUSES[snapshot.status]
    if status is not refund.status and status not in TRANSITIONS[refund.status]:
        return None
    return replace(
        refund,
        status=status,
        gateway_refund_id=snapshot.gateway_refund_id,
        failure_reason=snapshot.failure_reason or refund.failure_reason,
        settlement=snapshot.settlement or refund.settlement,
    )


async def save_refund(
    work: Work,
    order: Order,
    payment: Payment,
    before: Refund,
    after: Refund,
    *,
    actor: Actor,
    now: datetime,
) -> RecordedRefund:
    """Saves a moved refund and what it makes of payment, order and books. All must be locked.

    Raises RefundTooEarly when more went back, as far as is known, than was captured.
    """
    stored = await work.refunds.of_payment(payment.tenant_id, payment.id)
    known = {refund.id: refund for refund in stored} | {before.id: before}
    settled, counted = settle_refunds(payment, [*(known | {after.id: after}).values()])
    moved = [refund for refund in settled if refund != known[refund.id]]
    if not moved and counted == payment:
        return RecordedRefund(payment, refund=before)
    (result,) = [refund for refund in settled if refund.id == after.id]
    saved = replace(counted, updated_at=now)
    for refund in moved or [result]:
        # A line in the audit for each version of the payment.
        await work.payments.save(saved)
        saved = replace(saved, version=saved.version + 1)
        await work.refunds.save(replace(refund, updated_at=now))
        await work.audit.append(refund_entry(known[refund.id], refund, saved, actor, now))
    await post_refunds(work, saved, settled, known, now)
    payments = await work.payments.of_order(payment.tenant_id, order.id)
    await save_order(work, order, settle_order(order, payments, now), actor=actor, now=now)
    return RecordedRefund(
        saved,
        operation_ids=await plan_fee_refund(work, saved, now),
        refund=replace(result, updated_at=now),
    )


def settle_refunds(payment: Payment, refunds: Iterable[Refund]) -> tuple[Sequence[Refund], Payment]:
    """The refunds, each with its part of the fee, and what they make of the payment.

    Raises RefundTooEarly when more went back, as far as is known, than was captured.
    """
    settled = with_fee_parts(payment, refunds)
    counted = count_refunds(payment, settled)
    if counted.refunded > payment.captured:
        raise RefundTooEarly(
            "More went back than was captured: an earlier refund must have failed."
        )
    return settled, counted


def with_fee_parts(payment: Payment, refunds: Iterable[Refund]) -> Sequence[Refund]:
    """The refunds in the order of their ids, each with the part of the platform's fee that it
    returns: what is due in all up to it, less what is due up to the one before. So the parts sum to
    the whole whichever of them fail, and an earlier one that fails may move a later one's part by a
    unit."""
    settled: list[Refund] = []
    refunded = returned = 0
    for refund in sorted(refunds, key=lambda refund: refund.id):
        part = 0
        if refund.status is RefundStatus.SUCCEEDED:
            refunded += refund.amount
            policy = payment.fee_terms.refund_policy
            due = returned_fee(policy, payment.platform_fee, refunded, payment.captured)
            part, returned = due - returned, due
        settled.append(replace(refund, platform_fee_refunded=part))
    return settled


def count_refunds(payment: Payment, refunds: Iterable[Refund]) -> Payment:
    """The payment with its refund amounts counted anew; they are caches of the refunds."""
    refunds = tuple(refunds)
    done = [refund for refund in refunds if refund.status is RefundStatus.SUCCEEDED]
    return replace(
        payment,
        refunded=sum(refund.amount for refund in done),
        refund_pending=sum(refund.amount for refund in refunds if refund.status in RESERVING),
        platform_fee_refunded=sum(refund.platform_fee_refunded for refund in done),
    )


async def _find(work: Work, payment: Payment, snapshot: RefundSnapshot) -> Refund | None:
    """The refund's row: the one linked to it, else ours that waits for its answer. One that ended
    unanswered, or was answered with another refund, is not it: this is money of its own."""
    refund = await work.refunds.find_by_gateway_id(payment.tenant_id, snapshot.gateway_refund_id)
    if refund is None and snapshot.tollgate_refund_id is not None:
        named = await work.refunds.find(payment.tenant_id, snapshot.tollgate_refund_id)
        refund = named if named and named.status is RefundStatus.REQUESTED else None
    if refund is not None and refund.payment_id != payment.id:
        raise SnapshotMismatch(f"refund {refund.id} belongs to another payment")
    return refund


async def _note_unforeseen(
    work: Work, refund: Refund, snapshot: RefundSnapshot, now: datetime
) -> None:
    message = (
        f"{snapshot.gateway_refund_id} took effect for {snapshot.tollgate_refund_id},"
        " which had ended: it is booked as a refund of its own."
    )
    await open_alert(
        work,
        AlertRule.REFUND_UNFORESEEN,
        subject_id=refund.id,
        message=message,
        tenant_id=refund.tenant_id,
        now=now,
    )


def refund_of_gateway(payment: Payment, snapshot: RefundSnapshot, now: datetime) -> Refund:
    """The row of a refund that was made outside Tollgate."""
    return Refund(
        id=new_id(Prefix.REFUND),
        tenant_id=payment.tenant_id,
        payment_id=payment.id,
        status=RefundStatus.REQUESTED,
        amount=snapshot.amount,
        currency=payment.currency,
        reason=_REASONS.get(snapshot.reason or "", RefundReason.OTHER),
        origin=RefundOrigin.GATEWAY,
        created_at=now,
        updated_at=now,
        gateway_refund_id=snapshot.gateway_refund_id,
    )
