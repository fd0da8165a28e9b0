"""`apply_snapshot`: the only writer of payment state.

The mutation's answer, a webhook and the settler all end here, in any order and any number of
times, with one effect.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.declines import failure_from, latest_failure
from domain.errors import SnapshotMismatch
from domain.fees import (
    GatewayFeeSchedule,
    captured_platform_fee,
    gateway_fee_estimate,
    settled_gateway_fee,
)
from domain.payment import (
    Payment,
    PaymentMethod,
    PaymentStatus,
    SettlementFacts,
    may_become,
)
from domain.snapshot import Decline, IntentSnapshot, IntentStatus, Settlement

_STATUSES = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: PaymentStatus.FAILED,
    IntentStatus.REQUIRES_CONFIRMATION: PaymentStatus.FAILED,
    IntentStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    IntentStatus.PROCESSING: PaymentStatus.PROCESSING,
    IntentStatus.REQUIRES_CAPTURE: PaymentStatus.AUTHORIZED,
    IntentStatus.SUCCEEDED: PaymentStatus.PAID,
}
_EXPIRY_REASONS = frozenset({"automatic", "expired"})
ABANDONED = "abandoned"
"""The cancellation reason that Tollgate uses for nothing but closing a failed payment's intent."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The payment after a snapshot. `superseded`: the snapshot was behind what is recorded.
    `closes_intent`: the payment has just failed and its intent is still open at the gateway."""

    payment: Payment
    superseded: bool = False
    closes_intent: bool = False


def apply_snapshot(
    payment: Payment, snapshot: IntentSnapshot, schedule: GatewayFeeSchedule, now: datetime
) -> Applied:
    """The payment as the gateway's intent makes it.

    Raises SnapshotMismatch when the intent is not the recorded one, or its amount or currency
    differ from the payment's.
    """
    _check_same(payment, snapshot)
    status = status_of(snapshot)
    abandoned = _is_abandoned(snapshot)
    if payment.status is PaymentStatus.FAILED and snapshot.status is IntentStatus.CANCELED:
        status = PaymentStatus.FAILED  # whoever closed the intent, the payment had failed before
    moves = status is not payment.status
    if moves and not may_become(payment, status, abandoned=abandoned):
        return Applied(payment, superseded=True)
    applied = _with_facts(replace(payment, status=status), snapshot)
    if status is PaymentStatus.FAILED:
        applied = _failed(applied, snapshot, now)
    if status is PaymentStatus.AUTHORIZED:
        applied = replace(applied, authorized=snapshot.amount_capturable)
    if status is PaymentStatus.PAID:
        applied = _paid(applied, snapshot, schedule)
    closes = moves and status is PaymentStatus.FAILED and applied.intent_closed_at is None
    if applied == payment:
        return Applied(payment)
    return Applied(replace(applied, updated_at=now), closes_intent=closes)


def fail_without_intent(payment: Payment, decline: Decline | None, now: datetime) -> Payment:
    """The payment when the gateway provably holds no intent for it."""
    return replace(
        payment,
        status=PaymentStatus.FAILED,
        failure=failure_from(decline, now),
        intent_closed_at=now,
        updated_at=now,
    )


def status_of(snapshot: IntentSnapshot) -> PaymentStatus:
    """The status that an intent gives its payment."""
    if snapshot.status is not IntentStatus.CANCELED:
        return _STATUSES[snapshot.status]
    if _is_abandoned(snapshot):
        return PaymentStatus.FAILED
    if snapshot.cancellation_reason in _EXPIRY_REASONS:
        return PaymentStatus.EXPIRED
    return PaymentStatus.CANCELED


def _is_abandoned(snapshot: IntentSnapshot) -> bool:
    canceled = snapshot.status is IntentStatus.CANCELED
    return canceled and snapshot.cancellation_reason == ABANDONED


def _check_same(payment: Payment, snapshot: IntentSnapshot) -> None:
    recorded = (
        payment.gateway_payment_id or snapshot.gateway_payment_id,
        payment.id,
        payment.total,
        payment.currency,
        payment.livemode,
    )
    reported = (
        snapshot.gateway_payment_id,
        snapshot.tollgate_payment_id or payment.id,
        snapshot.amount,
        snapshot.currency,
        snapshot.livemode,
    )
    if recorded != reported:
        raise SnapshotMismatch(f"recorded {recorded}, the gateway reports {reported}")


def _with_facts(payment: Payment, snapshot: IntentSnapshot) -> Payment:
    card = snapshot.card
    method = payment.method
    if card is not None:
        method = PaymentMethod(method.type, card.brand, card.last4, card.exp_month, card.exp_year)
    waits = payment.status is PaymentStatus.REQUIRES_ACTION
    return replace(
        payment,
        gateway_payment_id=snapshot.gateway_payment_id,
        gateway_charge_id=snapshot.gateway_charge_id or payment.gateway_charge_id,
        method=method,
        capture_before=snapshot.capture_before or payment.capture_before,
        next_action=(snapshot.next_action or payment.next_action) if waits else None,
    )


def _failed(payment: Payment, snapshot: IntentSnapshot, now: datetime) -> Payment:
    closed_at = payment.intent_closed_at
    if closed_at is None and snapshot.status is IntentStatus.CANCELED:
        closed_at = snapshot.canceled_at or now
    failure = latest_failure(payment.failure, snapshot.decline, now)
    return replace(payment, failure=failure, intent_closed_at=closed_at)


def _paid(payment: Payment, snapshot: IntentSnapshot, schedule: GatewayFeeSchedule) -> Payment:
    captured = snapshot.amount_received
    paid = replace(
        payment,
        authorized=snapshot.amount,
        captured=captured,
        platform_fee=captured_platform_fee(payment.fee_terms, captured),
        failure=None,
    )
    if snapshot.settlement is not None:
        return _settled(paid, snapshot.settlement)
    if paid.gateway_fee_is_final:
        return paid
    return replace(paid, gateway_fee=gateway_fee_estimate(schedule, captured))


def _settled(payment: Payment, settlement: Settlement) -> Payment:
    same_currency = settlement.currency == payment.currency
    fee = settlement.fee
    if not same_currency and settlement.amount == 0:
        return payment  # too little to be converted: there is no rate to reckon the fee by
    if not same_currency:
        fee = settled_gateway_fee(settlement.fee, settlement.amount, payment.captured)
    return replace(
        payment,
        gateway_fee=fee,
        gateway_fee_is_final=True,
        settlement=SettlementFacts(
            settlement.amount,
            settlement.fee,
            settlement.currency,
            settlement.exchange_rate,
            settlement.application_fee,
        ),
    )
