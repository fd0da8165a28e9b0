"""Application fees that went back, written down, and what follows an operation for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.answers import NOT_NEEDED, NOT_PERFORMED, Answer
from domain.caller import Actor
from domain.errors import SnapshotMismatch
from domain.fee_returning import due_fee_refund, plan_fee_refund
from domain.operation import Operation, OperationState
from domain.payment import Payment
from domain.ports import Work
from domain.posting import post_fee_refunds
from domain.recording import Recorded, lock_payment, save_payment
from domain.snapshot import FeeRefundSnapshot


async def record_fee_refunds(
    work: Work,
    tenant_id: str,
    payment_id: str,
    returned: Sequence[FeeRefundSnapshot],
    *,
    actor: Actor,
    now: datetime,
) -> Recorded:
    """Books those that are not booked yet. Raises NotFound, and SnapshotMismatch where one is of
    another fee or currency."""
    order, payment = await lock_payment(work, tenant_id, payment_id)
    fee = payment.settlement.application_fee if payment.settlement else None
    for each in returned:
        if fee is None or each.gateway_application_fee_id != fee.id:
            raise SnapshotMismatch(f"{each.gateway_fee_refund_id} is of another fee")
        if each.currency != payment.currency:
            raise SnapshotMismatch(f"{each.gateway_fee_refund_id} is in {each.currency}")
    booked = {found.fact for found in await work.ledger.of_payment(tenant_id, payment_id)}
    new = [each for each in returned if f"fee_refund:{each.gateway_fee_refund_id}" not in booked]
    if not new:
        return Recorded(payment)
    total = payment.application_fee_refunded + sum(each.amount for each in new)
    after = replace(payment, application_fee_refunded=total, updated_at=now)
    saved = await save_payment(work, order, payment, after, actor=actor, now=now)
    await post_fee_refunds(work, saved, new, now)
    return Recorded(saved)


async def follow_fee_refund(
    work: Work, operation: Operation, payment: Payment, answer: Answer, now: datetime
) -> tuple[str, ...]:
    """Plans what is due by now. What the gateway refuses though nothing changed is left to people:
    it stays in the books as to be returned. The payment must be locked."""
    is_refused = operation.state is OperationState.REJECTED
    is_ours = answer.code in {NOT_NEEDED, NOT_PERFORMED}
    if not is_refused or is_ours or due_fee_refund(payment) != operation.amount:
        return await plan_fee_refund(work, payment, now)
    await open_alert(
        work,
        AlertRule.FEE_REFUND_REFUSED,
        subject_id=payment.id,
        message=f"The gateway does not return {operation.amount} of the fee: {answer.message}",
        tenant_id=payment.tenant_id,
        now=now,
    )
    return ()
