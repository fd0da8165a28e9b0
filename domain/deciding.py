"""What every decision shares: its surroundings, its checks, and the operation it hands over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.caller import Actor
from domain.currency import (
    UnsupportedAmount,
    check_gateway_amount,
    floor_to_gateway,
    to_gateway,
)
from domain.errors import AttemptedOperation, InvalidState, Issue, NotFound, ValidationFailed
from domain.gateway import PaymentGateway
from domain.operation import (
    CREATES_INTENT,
    GatewayRequest,
    Operation,
    OperationKind,
)
from domain.payment import Payment
from domain.ports import Work
from domain.progress import mark_sent, unsent_operation
from domain.tenant import GatewayAccount, GatewayMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What a decision needs beside its command."""

    work: Work
    gateway: PaymentGateway
    tenant_id: str
    actor: Actor
    now: datetime
    record_id: str


def new_operation(
    at: Deciding,
    kind: OperationKind,
    payment: Payment,
    request: GatewayRequest,
    *,
    amount: int | None = None,
    refund_id: str | None = None,
) -> Operation:
    """An operation as it is while this process sends it. Its key at the gateway comes from our id
    alone, never from the amount, the card or the caller's key."""
    sent = mark_sent(unsent_operation(kind, payment, at.now), at.now)
    return replace(
        sent,
        request=request,
        amount=amount,
        refund_id=refund_id,
        idempotency_record_id=at.record_id,
    )


async def account_of(at: Deciding, payment: Payment) -> GatewayAccount:
    """The account that the payment was made through, whatever the tenant uses today."""
    account = await at.work.tenants.gateway_by_id(payment.gateway_id)
    if account is None:
        raise NotFound(payment.gateway_id)
    return account


async def creating_operation(at: Deciding, payment: Payment) -> Operation | None:
    """The operation that is still to bring forth the payment's intent, if there is one, locked: its
    caller may be sending it again at this moment."""
    open_operations = await at.work.operations.open_of_payment(at.tenant_id, payment.id)
    creating = next((found for found in open_operations if found.kind in CREATES_INTENT), None)
    return creating and await at.work.operations.lock(at.tenant_id, creating.id)


async def check_idle(at: Deciding, payment: Payment, attempted: AttemptedOperation) -> None:
    """Raises InvalidState while another operation than a refund is open on the payment."""
    open_operations = await at.work.operations.open_of_payment(at.tenant_id, payment.id)
    if any(found.kind is not OperationKind.REFUND for found in open_operations):
        raise in_progress(payment, attempted)


async def check_not_wished(at: Deciding, payment: Payment) -> None:
    """Raises InvalidState when a cancel of the payment is written down already."""
    open_operations = await at.work.operations.open_of_payment(at.tenant_id, payment.id)
    if any(found.kind is OperationKind.CANCEL for found in open_operations):
        raise in_progress(payment, AttemptedOperation.CANCEL)


def in_progress(payment: Payment, attempted: AttemptedOperation) -> InvalidState:
    """Something is under way on the payment; the same call may succeed when it is done."""
    return InvalidState(
        "Another operation on this payment is under way.",
        detail_code="OPERATION_IN_PROGRESS",
        attempted=attempted,
        payment=payment,
        retryable=True,
    )


def check_amount(amount: int, limit: int, currency: str, rule: str) -> None:
    """Raises ValidationFailed unless 0 < amount <= limit and the gateway can express it."""
    if amount <= 0:
        raise invalid("amountCents", "AMOUNT_TOO_SMALL", "The amount must be above 0.")
    if amount > limit:
        raise invalid("amountCents", rule, f"At most {limit} {currency} minor units are left.")
    try:
        to_gateway(amount, currency)
    except UnsupportedAmount as unsupported:
        raise invalid("amountCents", unsupported.rule, str(unsupported)) from unsupported


def check_payable(amount: int, currency: str, field: str) -> None:
    """Raises ValidationFailed for the input's field unless the gateway can charge this many minor
    units: within the currency's minimum and maximum, and a sum that it has."""
    try:
        check_gateway_amount(amount, currency)
    except UnsupportedAmount as unsupported:
        raise invalid(field, unsupported.rule, str(unsupported)) from unsupported


def application_fee(account: GatewayAccount, fee: int, currency: str) -> int | None:
    """The fee that the gateway keeps for the platform: on connected accounts only, and no more of
    it than the gateway can express. The rest stays due."""
    return floor_to_gateway(fee, currency) if account.mode is GatewayMode.CONNECT else None


def invalid(field: str, rule: str, message: str) -> ValidationFailed:
    """One broken rule of one input field."""
    return ValidationFailed(Issue(("input", field), rule, message))
