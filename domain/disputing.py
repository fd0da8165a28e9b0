"""Disputes written down: each picture of the gateway applied to its dispute and its payment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.alert_rules import AlertRule
from domain.alerting import open_alert
from domain.audit_lines import dispute_entry
from domain.caller import Actor
from domain.dispute import Dispute, apply_dispute, count_disputes, opened_dispute
from domain.errors import SnapshotMismatch
from domain.order import Order, settle_order
from domain.payment import Payment, PaymentStatus
from domain.ports import Work
from domain.posting import post_dispute
from domain.recording import Recorded, TooEarly, lock_payment, save_order
from domain.snapshot import DisputeSnapshot


class DisputeTooEarly(TooEarly):
    """A dispute arrived before its payment's capture was recorded."""


@dataclass(frozen=True, slots=True)
class RecordedDispute(Recorded):
    """The dispute beside its payment."""

    dispute: Dispute | None = None


async def record_dispute(
    work: Work,
    tenant_id: str,
    payment_id: str,
    snapshot: DisputeSnapshot,
    *,
    actor: Actor,
    now: datetime,
) -> RecordedDispute:
    """Applies a dispute as the gateway reports it, with one effect however often it is reported.

    A dispute has no version at the gateway, so every change of one raises the payment's: who read
    the gateway before that and locks after it sees the payment moved, and reads again.

    Raises NotFound, SnapshotMismatch, and DisputeTooEarly while the payment is not PAID.
    """
    order, payment = await lock_payment(work, tenant_id, payment_id)
    if payment.status is not PaymentStatus.PAID:
        raise DisputeTooEarly("The dispute's payment is not captured yet.")
    _check_same(payment, snapshot)
    before = await work.disputes.find_by_gateway_id(tenant_id, snapshot.gateway_dispute_id)
    if before is None:
        opened = opened_dispute(payment, snapshot, now)
        await work.disputes.add(opened)
        await _alert(work, opened, now)
        return await _save(work, order, payment, None, opened, actor=actor, now=now)
    if before.payment_id != payment.id:
        raise SnapshotMismatch(f"dispute {before.id} belongs to another payment")
    after = apply_dispute(before, snapshot, now)
    if after is None:
        return RecordedDispute(payment, superseded=True, dispute=before)
    if after == before:
        return RecordedDispute(payment, dispute=before)
    await work.disputes.save(after)
    return await _save(work, order, payment, before, after, actor=actor, now=now)


async def _save(
    work: Work,
    order: Order,
    payment: Payment,
    before: Dispute | None,
    after: Dispute,
    *,
    actor: Actor,
    now: datetime,
) -> RecordedDispute:
    """What a moved dispute makes of payment and order, and its audit entry. All are locked."""
    disputes = await work.disputes.of_payment(payment.tenant_id, payment.id)
    counted = replace(count_disputes(payment, disputes), updated_at=now)
    await work.payments.save(counted)
    saved = replace(counted, version=payment.version + 1)
    await post_dispute(work, saved, after, now)
    await work.audit.append(dispute_entry(before, after, saved, actor, now))
    if not after.is_open:
        await work.alerts.close(after.tenant_id, AlertRule.DISPUTE_OPENED, after.id, now)
    payments = await work.payments.of_order(payment.tenant_id, order.id)
    await save_order(work, order, settle_order(order, payments, now), actor=actor, now=now)
    return RecordedDispute(saved, dispute=after)


def _check_same(payment: Payment, snapshot: DisputeSnapshot) -> None:
    recorded = (payment.gateway_payment_id, payment.livemode)
    reported = (snapshot.gateway_payment_id, snapshot.livemode)
    if snapshot.gateway_payment_id is None:
        recorded = (payment.gateway_charge_id, payment.livemode)
        reported = (snapshot.gateway_charge_id, snapshot.livemode)
    if recorded != reported:
        raise SnapshotMismatch(f"recorded {recorded}, the gateway reports {reported}")


async def _alert(work: Work, dispute: Dispute, now: datetime) -> None:
    due = dispute.evidence_due_at
    until = f"; evidence is due by {due:%Y-%m-%d}" if due and dispute.is_open else ""
    await open_alert(
        work,
        AlertRule.DISPUTE_OPENED,
        subject_id=dispute.id,
        message=(
            f"{dispute.gateway_dispute_id} ({dispute.reason}) disputes {dispute.amount}"
            f" {dispute.currency} minor units of {dispute.payment_id}{until}."
        ),
        tenant_id=dispute.tenant_id,
        now=now,
    )
