"""capturePayment, refundPayment and cancelPayment: what is decided under the payment's lock."""

from __future__ import annotations

from dataclasses import replace

from domain.answers import WITHDRAWN
from domain.audit_lines import asked_entry, refund_entry
from domain.commands import CancelPayment, CapturePayment, RefundPayment
from domain.deciding import (
    Deciding,
    account_of,
    application_fee,
    check_amount,
    check_idle,
    check_not_wished,
    creating_operation,
    in_progress,
    new_operation,
)
from domain.errors import AttemptedOperation, InvalidState
from domain.idempotency import IdempotencyOutcome
from domain.ids import Prefix, new_id
from domain.operation import GatewayRequest, Operation, OperationKind, OperationState
from domain.order import Order
from domain.payment import CANCELABLE, Payment, PaymentStatus, fee_on_capture
from domain.recording import lock_payment, save_payment
from domain.refund import Refund, RefundOrigin, RefundStatus
from domain.refunding import count_refunds
from domain.tenant import GatewayAccount


async def decide_capture(at: Deciding, command: CapturePayment) -> tuple[Operation, GatewayAccount]:
    """Take all or a part of an authorized amount; the rest is released."""
    _, payment = await lock_payment(at.work, at.tenant_id, command.payment_id)
    if payment.status is not PaymentStatus.AUTHORIZED:
        raise InvalidState(
            f"A payment that is {payment.status} cannot be captured.",
            detail_code="PAYMENT_NOT_AUTHORIZED",
            attempted=AttemptedOperation.CAPTURE,
            payment=payment,
        )
    if payment.capture_before is not None and payment.capture_before <= at.now:
        raise InvalidState(
            "The authorization has run out.",
            detail_code="AUTHORIZATION_EXPIRED",
            attempted=AttemptedOperation.CAPTURE,
            payment=payment,
        )
    await check_idle(at, payment, AttemptedOperation.CAPTURE)
    amount = payment.capturable if command.amount is None else command.amount
    check_amount(amount, payment.capturable, payment.currency, "EXCEEDS_CAPTURABLE")
    account = await account_of(at, payment)
    fee = application_fee(account, fee_on_capture(payment, amount), payment.currency)
    request = at.gateway.capture_request(payment, amount, application_fee=fee)
    await at.work.audit.append(asked_entry("capture", payment, at.actor, at.now, amount=amount))
    return new_operation(at, OperationKind.CAPTURE, payment, request, amount=amount), account


async def decide_refund(at: Deciding, command: RefundPayment) -> tuple[Operation, GatewayAccount]:
    """Reserve what goes back, so that two refunds can never pass the limit together."""
    _, payment = await lock_payment(at.work, at.tenant_id, command.payment_id)
    _check_refundable(payment)
    amount = payment.refundable if command.amount is None else command.amount
    check_amount(amount, payment.refundable, payment.currency, "EXCEEDS_REFUNDABLE")
    refund = Refund(
        id=new_id(Prefix.REFUND),
        tenant_id=at.tenant_id,
        payment_id=payment.id,
        status=RefundStatus.REQUESTED,
        amount=amount,
        currency=payment.currency,
        reason=command.reason,
        note=command.note,
        origin=RefundOrigin.API,
        created_at=at.now,
        updated_at=at.now,
    )
    account = await account_of(at, payment)
    request = at.gateway.refund_request(payment, refund)
    await at.work.refunds.add(refund)
    refunds = await at.work.refunds.of_payment(at.tenant_id, payment.id)
    reserved = replace(count_refunds(payment, refunds), updated_at=at.now)
    await at.work.payments.save(reserved)
    await at.work.audit.append(refund_entry(None, refund, reserved, at.actor, at.now))
    operation = new_operation(
        at, OperationKind.REFUND, payment, request, amount=amount, refund_id=refund.id
    )
    return operation, account


async def decide_cancel(at: Deciding, command: CancelPayment) -> tuple[Operation, GatewayAccount]:
    """Release a payment that was not captured.

    While it is not known whether the gateway has an intent, the wish is written down (CREATED, not
    sent) and the settler obeys it.
    """
    order, payment = await lock_payment(at.work, at.tenant_id, command.payment_id)
    if payment.status not in CANCELABLE:
        raise InvalidState(
            f"A payment that is {payment.status} cannot be canceled.",
            detail_code="PAYMENT_NOT_CANCELABLE",
            attempted=AttemptedOperation.CANCEL,
            payment=payment,
        )
    account = await account_of(at, payment)
    asked = asked_entry("cancel", payment, at.actor, at.now, reason=command.reason)
    await at.work.audit.append(asked)
    operation = new_operation(at, OperationKind.CANCEL, payment, GatewayRequest("", {}))
    creating = await creating_operation(at, payment)
    if creating is None:
        await check_idle(at, payment, AttemptedOperation.CANCEL)
        request = at.gateway.cancel_request(payment, abandoned=False)
        return replace(operation, request=request), account
    if creating.state is OperationState.CREATED:
        await _withdraw(at, order, payment, creating)
        return replace(operation, state=OperationState.SUCCEEDED), account
    if creating.state is OperationState.SENDING:
        raise in_progress(payment, AttemptedOperation.CANCEL)
    await check_not_wished(at, payment)
    wish = replace(
        operation,
        state=OperationState.CREATED,
        attempts=0,
        first_sent_at=None,
        last_sent_at=None,
    )
    return wish, account


async def _withdraw(at: Deciding, order: Order, payment: Payment, creating: Operation) -> None:
    """Ends a payment whose request provably never reached the gateway: there is no intent."""
    canceled = replace(
        payment, status=PaymentStatus.CANCELED, intent_closed_at=at.now, updated_at=at.now
    )
    await save_payment(at.work, order, payment, canceled, actor=at.actor, now=at.now)
    rejected = replace(creating, state=OperationState.REJECTED, updated_at=at.now)
    await at.work.operations.save(rejected)
    if creating.idempotency_record_id is None:
        return
    record = await at.work.keys.find(at.tenant_id, creating.idempotency_record_id)
    if record is not None:
        await at.work.keys.save(
            replace(
                record,
                outcome=IdempotencyOutcome.REJECTED,
                detail_code=WITHDRAWN,
                message="The payment was canceled before it reached the gateway.",
                finished_at=at.now,
            )
        )


def _check_refundable(payment: Payment) -> None:
    if payment.status is not PaymentStatus.PAID:
        detail_code, message = "PAYMENT_NOT_PAID", "Only a paid payment can be refunded."
    elif payment.refunds_blocked:
        detail_code, message = "DISPUTE_OPEN", "A dispute is open that allows no refund."
    elif payment.refundable == 0:
        detail_code, message = "NOTHING_REFUNDABLE", "Nothing is left to refund."
    else:
        return
    raise InvalidState(
        message,
        detail_code=detail_code,
        attempted=AttemptedOperation.REFUND,
        payment=payment,
    )
