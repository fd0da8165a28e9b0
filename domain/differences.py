"""A payment on record held against the gateway's picture of it, and every difference by name.

What a fresh picture would change if it were recorded is what we missed: `apply_snapshot` and its
like say so, the same that record it. Only where they would change nothing are the sums compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.applying import Applied, apply_snapshot
from domain.dispute import Dispute, apply_dispute, funds_of
from domain.errors import SnapshotMismatch
from domain.event_reading import Picture, is_release
from domain.fees import GatewayFeeSchedule
from domain.ledger import LedgerTransaction
from domain.movement_sums import booked_sums, in_words, without_fee_refunds
from domain.operation import Operation
from domain.payment import VOIDED, Payment, PaymentStatus
from domain.refund import Refund, RefundStatus
from domain.refunding import apply_refund
from domain.snapshot import (
    DisputeSnapshot,
    GatewayRefundStatus,
    IntentSnapshot,
    IntentStatus,
    RefundSnapshot,
)


class Label(StrEnum):
    """What kind of difference it is. MISSED: the gateway has it, we do not."""

    MISSED_AUTHORIZATION = "missed_authorization"
    MISSED_CAPTURE = "missed_capture"
    MISSED_END = "missed_end"
    MISSED_REFUND = "missed_refund"
    MISSED_DISPUTE = "missed_dispute"
    MISSED_FEE_REFUND = "missed_fee_refund"
    MISSING_FEE = "missing_fee"
    MISSING_AT_GATEWAY = "missing_at_gateway"
    UNREADABLE = "unreadable"
    UNKNOWN_PAYMENT = "unknown_payment"
    SECOND_INTENT = "second_intent"
    LATE_MONEY = "late_money"
    STATUS = "status"
    CAPTURED_AMOUNT = "captured_amount"
    FEE_AMOUNT = "fee_amount"
    REFUND = "refund"
    DISPUTE = "dispute"
    BALANCE = "balance"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. The subject is our payment, or, where none of ours is known, the gateway's
    object; `ours` and `theirs` are for people. `gateway_payment_id` is the intent that a payment
    was compared with."""

    label: Label
    subject_id: str
    tenant_id: str | None
    ours: str
    theirs: str
    gateway_payment_id: str | None = None

    def __str__(self) -> str:
        return f"{self.subject_id} {self.label}: {self.ours} here, {self.theirs} at the gateway"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """A payment with all that is written down of it."""

    payment: Payment
    schedule: GatewayFeeSchedule
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    booked: Sequence[LedgerTransaction]
    open_operations: Sequence[Operation]


_Told = tuple[Label, object, object]
_NOTHING = "nothing"


def is_moving(record: OnRecord, picture: Picture, since: datetime) -> bool:
    """Whether anything of it was begun after that moment: its answer or its event may still come,
    and only later can be told what was missed."""
    sent = (each.last_sent_at or each.created_at for each in record.open_operations)
    returned = (each.created for each in picture.refunds)
    disputed = (each.created for each in picture.disputes)
    return any(at > since for at in (*sent, *returned, *disputed))


def differences(record: OnRecord, picture: Picture, now: datetime) -> tuple[Difference, ...]:
    """Every difference; sums are only held against each other where nothing else differs."""
    payment = record.payment
    return tuple(
        Difference(
            label,
            payment.id,
            payment.tenant_id,
            str(ours),
            str(theirs),
            None if picture.intent is None else picture.intent.gateway_payment_id,
        )
        for label, ours, theirs in _told(record, picture, now)
    )


def _told(record: OnRecord, picture: Picture, now: datetime) -> list[_Told]:
    payment, intent = record.payment, picture.intent
    if intent is None:
        return []
    try:
        applied = apply_snapshot(payment, intent, record.schedule, now)
        found = list(_of_intent(payment, applied, intent, picture.refunds))
        if applied.payment.status is PaymentStatus.PAID and not applied.superseded:
            found += _of_refunds(record, applied.payment, picture.refunds)
            found += _of_disputes(record, picture.disputes, now)
        return found or list(_of_balance(record, intent, picture))
    except SnapshotMismatch as mismatch:
        return [(Label.CONTRADICTION, "what is recorded", mismatch)]


def _of_intent(
    payment: Payment, applied: Applied, intent: IntentSnapshot, refunds: Sequence[RefundSnapshot]
) -> Iterator[_Told]:
    after = applied.payment
    if applied.superseded:
        yield from _superseded(payment, intent, refunds)
    elif after.status is not payment.status:
        yield _missed(after.status), payment.status, after.status
    elif after.captured != payment.captured:
        yield Label.CAPTURED_AMOUNT, payment.captured, after.captured
    elif after.settlement != payment.settlement or after.gateway_fee != payment.gateway_fee:
        label = Label.FEE_AMOUNT if payment.gateway_fee_is_final else Label.MISSING_FEE
        yield label, payment.gateway_fee, after.gateway_fee


def _missed(status: PaymentStatus) -> Label:
    if status is PaymentStatus.PAID:
        return Label.MISSED_CAPTURE
    if status is PaymentStatus.AUTHORIZED:
        return Label.MISSED_AUTHORIZATION
    return Label.MISSED_END if status in VOIDED else Label.STATUS


def _superseded(
    payment: Payment, intent: IntentSnapshot, refunds: Sequence[RefundSnapshot]
) -> Iterator[_Told]:
    """The payment has ended here, and not at the gateway; or there otherwise."""
    returned = sum(each.amount for each in refunds if not each.has_failed)
    if payment.status not in VOIDED:
        yield Label.STATUS, payment.status, intent.status
    elif intent.status is IntentStatus.SUCCEEDED and intent.amount_received > returned:
        yield Label.LATE_MONEY, payment.status, intent.amount_received - returned
    elif intent.status is IntentStatus.REQUIRES_CAPTURE:
        yield Label.LATE_MONEY, payment.status, intent.amount_capturable
    elif intent.status not in {IntentStatus.SUCCEEDED, IntentStatus.CANCELED}:
        yield Label.STATUS, payment.status, intent.status


def _of_refunds(
    record: OnRecord, payment: Payment, theirs: Sequence[RefundSnapshot]
) -> Iterator[_Told]:
    listed = {each.gateway_refund_id for each in theirs}
    for told in theirs:
        if not is_release(payment, told):
            yield from _of_refund(_ours_of(record.refunds, told), told)
    for ours in record.refunds:
        if ours.status is RefundStatus.SUCCEEDED and ours.gateway_refund_id not in listed:
            yield Label.REFUND, _named(ours.gateway_refund_id, ours.amount), _NOTHING


def _ours_of(refunds: Sequence[Refund], told: RefundSnapshot) -> Refund | None:
    linked = (each for each in refunds if each.gateway_refund_id == told.gateway_refund_id)
    return next(linked, None)


def _of_refund(ours: Refund | None, told: RefundSnapshot) -> Iterator[_Told]:
    theirs = _named(told.gateway_refund_id, told.amount, told.status)
    if ours is None:
        yield Label.MISSED_REFUND, _NOTHING, theirs
        return
    after = apply_refund(ours, told)
    if after is None or after.status is not ours.status:
        yield Label.REFUND, _named(ours.gateway_refund_id, ours.amount, ours.status), theirs
    elif after.settlement != ours.settlement:
        yield Label.REFUND, ours.settlement, after.settlement


def _of_disputes(
    record: OnRecord, theirs: Sequence[DisputeSnapshot], now: datetime
) -> Iterator[_Told]:
    known = {each.gateway_dispute_id: each for each in record.disputes}
    for told in theirs:
        named = _named(told.gateway_dispute_id, told.amount, told.status)
        ours = known.pop(told.gateway_dispute_id, None)
        if ours is None:
            yield Label.MISSED_DISPUTE, _NOTHING, named
            continue
        after = apply_dispute(ours, told, now)
        if after is None or (after.status, after.funds) != (ours.status, ours.funds):
            yield Label.DISPUTE, _named(ours.gateway_dispute_id, ours.amount, ours.status), named
    for ours in known.values():
        yield Label.DISPUTE, _named(ours.gateway_dispute_id, ours.amount), _NOTHING


def _named(gateway_id: str | None, amount: int, status: str = "") -> str:
    return f"{gateway_id} {amount} {status.lower()}".rstrip()


def _of_balance(record: OnRecord, intent: IntentSnapshot, picture: Picture) -> Iterator[_Told]:
    """What the gateway says it moved, against what stands in the books of its account."""
    settled, payment = intent.settlement, record.payment
    if payment.status is not PaymentStatus.PAID or settled is None or payment.settlement is None:
        return
    sums = Counter({settled.currency: settled.amount - settled.fee})
    if settled.application_fee is not None:
        sums[settled.currency] -= settled.application_fee.settled
    for refund in picture.refunds:
        if not is_release(payment, refund):
            _add_refund(sums, refund)
    for dispute in picture.disputes:
        funds = funds_of(dispute.balance_transactions)
        if funds is not None:
            sums[funds.currency] += funds.reinstated - funds.withdrawn - funds.fee
    ours = booked_sums(without_fee_refunds(record.booked), payment.gateway_id)
    if ours != sums:
        yield Label.BALANCE, in_words(ours), in_words(sums)


def _add_refund(sums: Counter[str], refund: RefundSnapshot) -> None:
    taken = refund.settlement
    if taken is not None:
        sums[taken.currency] += (taken.returned or 0) - taken.amount - refund.gateway_fee
        if refund.has_failed and taken.returned is None:
            sums[taken.currency] += taken.amount  # on its way back; nothing is booked of it
    elif refund.status is GatewayRefundStatus.SUCCEEDED:
        sums[refund.currency] -= refund.amount
