"""An order: what a merchant wants paid, and the status that its payments give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.payment import Payment, PaymentStatus


class OrderStatus(StrEnum):
    """What the order's payments amount to; CANCELED only by cancelOrder."""

    OPEN = "OPEN"
    AUTHORIZED = "AUTHORIZED"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be paid, in minor units of `currency`. `reference` is the merchant's own name.

    `status`, `captured` and `refunded` are what `settle_order` made of the payments.
    """

    id: str
    tenant_id: str
    reference: str
    currency: str
    total: int
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    status: OrderStatus = OrderStatus.OPEN
    captured: int = 0
    refunded: int = 0
    remaining: int
    is_disputed: bool = False
    customer_email: str | None = field(default=None, repr=False)
    canceled_at: datetime | None = None


def remaining_amount(total: int, payments: Iterable[Payment]) -> int:
    """What is left to pay: total, less what was captured, less what live payments hold."""
    held = sum(
        payment.captured if payment.status is PaymentStatus.PAID else payment.total
        for payment in payments
        if payment.status is PaymentStatus.PAID or payment.is_live
    )
    return max(0, total - held)


def derive_status(order: Order, payments: Iterable[Payment]) -> OrderStatus:
    """The order's status; the only place that decides it."""
    payments = tuple(payments)
    paid = [payment for payment in payments if payment.status is PaymentStatus.PAID]
    captured = sum(payment.captured for payment in paid)
    refunded = sum(payment.refunded for payment in paid)
    if order.canceled_at is not None:
        return OrderStatus.CANCELED
    if refunded:
        full = refunded >= captured
        return OrderStatus.REFUNDED if full else OrderStatus.PARTIALLY_REFUNDED
    if captured >= order.total:
        return OrderStatus.PAID
    if captured:
        return OrderStatus.PARTIALLY_PAID
    if any(payment.status is PaymentStatus.AUTHORIZED for payment in payments):
        return OrderStatus.AUTHORIZED
    return OrderStatus.OPEN


def settle_order(order: Order, payments: Iterable[Payment], now: datetime) -> Order:
    """The order as its payments make it."""
    payments = tuple(payments)
    paid = [payment for payment in payments if payment.status is PaymentStatus.PAID]
    settled = replace(
        order,
        status=derive_status(order, payments),
        captured=sum(payment.captured for payment in paid),
        refunded=sum(payment.refunded for payment in paid),
        remaining=remaining_amount(order.total, payments),
        is_disputed=any(payment.dispute_status == "OPEN" for payment in payments),
    )
    return order if settled == order else replace(settled, updated_at=now)
