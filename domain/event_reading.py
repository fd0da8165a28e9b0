"""What an event makes us ask the gateway, and the answer written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.caller import Actor
from domain.dispute_reading import read_disputes
from domain.disputing import record_dispute
from domain.errors import SnapshotMismatch
from domain.event_types import Subject, UseCase
from domain.gateway import GatewayReader
from domain.payment import Payment, PaymentStatus
from domain.ports import Work
from domain.recording import record_intent
from domain.refunding import record_refund
from domain.snapshot import DisputeSnapshot, IntentSnapshot, RefundSnapshot
from domain.tenant import GatewayAccount

READ_TIMEOUT_SECONDS = 6.0
"""How long one read of the gateway may take in a job."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the gateway said when it was asked; `intent` is None where it was not asked for."""

    intent: IntentSnapshot | None = None
    refunds: tuple[RefundSnapshot, ...] = ()
    disputes: tuple[DisputeSnapshot, ...] = ()


class IntentUnknown(Exception):
    """Neither the event nor the payment names the gateway's intent yet."""


async def read_picture(
    gateway: GatewayReader,
    account: GatewayAccount,
    payment: Payment,
    subject: Subject,
    use_case: UseCase,
) -> Picture:
    """Reads what the use case needs, each object once, with no lock and no transaction open.

    Raises GatewayProblem, IntentUnknown, and SnapshotMismatch for a refund or a dispute of another
    intent than the payment's, or than the event claims.
    """
    intent_id = subject.gateway_payment_id or payment.gateway_payment_id
    refunds = await _read_refunds(gateway, account, intent_id, subject, use_case)
    if intent_id is None and refunds:
        intent_id = refunds[0].gateway_payment_id
    if intent_id is None:
        raise IntentUnknown("The payment's intent is not known here yet.")
    expected = {None, payment.gateway_payment_id or intent_id}
    if any(refund.gateway_payment_id not in expected for refund in refunds):
        raise SnapshotMismatch(f"refund {subject.gateway_refund_id} is not of {intent_id}")
    disputes = await read_disputes(gateway, account, intent_id, subject, use_case)
    if use_case is not UseCase.INTENT and payment.status is PaymentStatus.PAID:
        return Picture(None, tuple(refunds), disputes)
    # a refund or a dispute may be heard of before its payment's capture: the intent comes first
    intent = await gateway.read_intent(account, intent_id, timeout_seconds=READ_TIMEOUT_SECONDS)
    return Picture(intent, tuple(refunds), disputes)


async def read_everything(
    gateway: GatewayReader, account: GatewayAccount, gateway_payment_id: str
) -> Picture:
    """The intent, its refunds and its disputes as they are now. Raises GatewayProblem."""
    seconds = READ_TIMEOUT_SECONDS
    intent = await gateway.read_intent(account, gateway_payment_id, timeout_seconds=seconds)
    refunds = await gateway.list_refunds(account, gateway_payment_id, timeout_seconds=seconds)
    disputes = await gateway.list_disputes(account, gateway_payment_id, timeout_seconds=seconds)
    return Picture(intent, tuple(refunds), tuple(disputes))


async def _read_refunds(
    gateway: GatewayReader,
    account: GatewayAccount,
    intent_id: str | None,
    subject: Subject,
    use_case: UseCase,
) -> Sequence[RefundSnapshot]:
    if use_case is UseCase.REFUNDS and intent_id is not None:
        return await gateway.list_refunds(account, intent_id, timeout_seconds=READ_TIMEOUT_SECONDS)
    if use_case is UseCase.REFUND and subject.gateway_refund_id is not None:
        refund_id = subject.gateway_refund_id
        return [await gateway.read_refund(account, refund_id, timeout_seconds=READ_TIMEOUT_SECONDS)]
    return []


async def record_picture(
    work: Work, payment: Payment, picture: Picture, *, actor: Actor, now: datetime
) -> list[str]:
    """Records the picture; the payment must be locked. Returns operations to wake after the commit.

    Raises SnapshotMismatch, and TooEarly for a refund or dispute whose capture may still come.
    """
    woken: list[str] = []
    if picture.intent is not None:
        recorded = await record_intent(
            work, payment.tenant_id, payment.id, picture.intent, actor=actor, now=now
        )
        payment = recorded.payment
        woken += recorded.operation_ids
    # A listing begins with the newest; what failed must make room for what came after it.
    for refund in sorted(
        picture.refunds, key=lambda refund: (not refund.has_failed, refund.created)
    ):
        if is_release(payment, refund):
            continue
        counted = await record_refund(
            work, payment.tenant_id, payment.id, refund, actor=actor, now=now
        )
        woken += counted.operation_ids
    for dispute in picture.disputes:
        await record_dispute(work, payment.tenant_id, payment.id, dispute, actor=actor, now=now)
    return woken


def is_release(payment: Payment, refund: RefundSnapshot) -> bool:
    """Whether it is no refund but the rest of an authorization let go, by a cancel, an expiry or a
    partial capture. Stripe lists it as a refund, without the balance transaction that a movement
    of money has (docs.stripe.com/api/payment_intents/cancel)."""
    return (
        refund.gateway_balance_transaction_id is None
        and refund.tollgate_refund_id is None
        and refund.amount == payment.total - payment.captured
    )
