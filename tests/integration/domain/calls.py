"""Calls on a shop's payments, each with a key of its own."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable

from domain.commands import CancelPayment, CapturePayment, PaymentDone, RefundPayment, StartPayment
from domain.errors import DomainError
from domain.payment import Payment
from domain.refund import RefundReason
from tests.integration.webhooks.shop import USER, Shop


def capture(payment: Payment, amount: int | None = None) -> CapturePayment:
    """A capture with a key of its own."""
    return CapturePayment(
        payment_id=payment.id, amount=amount, idempotency_key=secrets.token_hex(8)
    )


def refund(payment: Payment, amount: int | None = None) -> RefundPayment:
    """A refund with a key of its own."""
    return RefundPayment(
        payment_id=payment.id,
        amount=amount,
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        idempotency_key=secrets.token_hex(8),
    )


def cancel(payment: Payment) -> CancelPayment:
    """A cancel with a key of its own."""
    return CancelPayment(payment_id=payment.id, idempotency_key=secrets.token_hex(8))


async def charge(shop: Shop, command: StartPayment) -> PaymentDone:
    """The charge, as a caller asks for it."""
    return await shop.payments.charge(USER, shop.tenant.id, command)


async def outcome(call: Awaitable[PaymentDone]) -> PaymentDone | DomainError:
    """What the call came to, errors included."""
    try:
        return await call
    except DomainError as error:
        return error
