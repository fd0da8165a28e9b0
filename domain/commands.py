"""What a caller may ask for, as plain values; amounts are minor units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from domain.order import Order
from domain.payment import GatewayType, Payment, PaymentMethodType
from domain.refund import Refund, RefundReason

CHECKOUT_KEYS = "checkout"
"""What the remembered keys of shoppers' pages begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOrder:
    """Open an order. `reference` is the merchant's own name for it, unique per tenant."""

    reference: str
    total: int
    currency: str
    idempotency_key: str
    customer_email: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Close an order on which nothing is live or captured."""

    order_id: str
    idempotency_key: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPayment:
    """Authorize or charge exactly what the order has remaining. `payment_method_ref` is a token of
    the gateway, never a card number. `from_checkout`: a shopper's page asks, not the merchant."""

    order_id: str
    payment_method_type: PaymentMethodType
    payment_method_ref: str = field(repr=False)
    gateway_type: GatewayType
    idempotency_key: str
    return_url: str | None = field(default=None, repr=False)
    metadata: Mapping[str, str] = field(repr=False)
    from_checkout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePayment:
    """Take an authorized amount; without `amount` all that is capturable."""

    payment_id: str
    idempotency_key: str
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundPayment:
    """Give captured money back; without `amount` all that is refundable."""

    payment_id: str
    idempotency_key: str
    reason: RefundReason
    amount: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPayment:
    """Release a payment that was not captured."""

    payment_id: str
    idempotency_key: str
    reason: str | None = None


Command = CreateOrder | CancelOrder | StartPayment | CapturePayment | RefundPayment | CancelPayment
"""Everything that carries an idempotency key."""


def input_values(command: Command) -> dict[str, object]:
    """What the caller asks for, without the key: two calls are the same when this is the same."""
    values = asdict(command)
    del values["idempotency_key"]
    values.pop("from_checkout", None)  # it is part of the key: see `record_key`
    return values


def record_key(command: Command) -> str:
    """The key as it is remembered, unique per tenant and mutation.

    Pages of shoppers choose keys for each order apart from the merchant's and from one another's: a
    guessed key neither answers with what it did before nor takes it from who will need it. A caller
    cannot write such a key itself, since none of its keys holds a space.
    """
    if isinstance(command, StartPayment) and command.from_checkout:
        return f"{CHECKOUT_KEYS} {command.order_id} {command.idempotency_key}"
    return command.idempotency_key


@dataclass(frozen=True, slots=True)
class OrderDone:
    """The order after the call; `replayed` when an earlier call with the key did the work."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True)
class PaymentDone:
    """The payment after the call; `replayed` when an earlier call with the key did the work."""

    payment: Payment
    replayed: bool


@dataclass(frozen=True, slots=True)
class RefundDone:
    """The refund and its payment after the call."""

    refund: Refund
    payment: Payment
    replayed: bool
