"""A payment: its states, what may be done to it, and what its amounts mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.fees import FeeTerms, captured_platform_fee


class PaymentStatus(StrEnum):
    """Where the payment stands, by the gateway's word."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    AUTHORIZED = "AUTHORIZED"
    PAID = "PAID"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


_S = PaymentStatus
TRANSITIONS: Mapping[PaymentStatus, frozenset[PaymentStatus]] = {
    _S.PENDING: frozenset(set(PaymentStatus) - {_S.PENDING}),
    _S.REQUIRES_ACTION: frozenset(
        {_S.PROCESSING, _S.AUTHORIZED, _S.PAID, _S.FAILED, _S.CANCELED, _S.EXPIRED}
    ),
    _S.PROCESSING: frozenset(
        {_S.REQUIRES_ACTION, _S.AUTHORIZED, _S.PAID, _S.FAILED, _S.CANCELED, _S.EXPIRED}
    ),
    _S.AUTHORIZED: frozenset({_S.PAID, _S.CANCELED, _S.EXPIRED}),
    _S.FAILED: frozenset({_S.AUTHORIZED, _S.PAID}),
    _S.PAID: frozenset(),
    _S.CANCELED: frozenset(),
    _S.EXPIRED: frozenset(),
}
"""Forward jumps are legal, since middle events get lost. FAILED leaves only while its intent is
open (`may_become` adds that condition, and the one for an intent that was abandoned)."""

LIVE = frozenset({_S.PENDING, _S.REQUIRES_ACTION, _S.PROCESSING, _S.AUTHORIZED})
"""Statuses that hold the order's amount; FAILED does too until its intent is closed."""

VOIDED = frozenset({_S.FAILED, _S.CANCELED, _S.EXPIRED})
"""Statuses in which no fee is due."""


class CaptureMethod(StrEnum):
    """Whether the money moves at once (charge) or after a capture (authorize)."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class GatewayType(StrEnum):
    """The gateways that really work."""

    STRIPE = "STRIPE"


class PaymentMethodType(StrEnum):
    """What the payer pays with; bank debits wait for mandates."""

    CARD = "CARD"
    WALLET = "WALLET"


class PaymentAction(StrEnum):
    """What may be done to a payment now."""

    CAPTURE = "CAPTURE"
    REFUND = "REFUND"
    CANCEL = "CANCEL"


class RefundState(StrEnum):
    """The payment's `refund_status`: nothing, something on its way, a part, or all of it."""

    NONE = "NONE"
    PENDING = "PENDING"
    PARTIAL = "PARTIAL"
    FULL = "FULL"


class DisputeState(StrEnum):
    """The payment's `dispute_status`."""

    NONE = "NONE"
    OPEN = "OPEN"
    WON = "WON"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """The payment method as a receipt shows it. `brand` and the rest come from the gateway."""

    type: PaymentMethodType
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentFailure:
    """Why the payment failed. `user_message` is fit to be shown to the payer."""

    decline_code: str | None
    gateway_message: str | None
    user_message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the payer must do next (3-D Secure). `client_secret`, which `redirect_url` may hold too,
    is for the payer's browser only."""

    type: str
    redirect_url: str | None = field(repr=False)
    client_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApplicationFee:
    """The platform's fee as the gateway took it from a connected account: `amount` in minor units
    of the payment's currency, `settled` in those of the settlement's."""

    id: str
    amount: int
    settled: int


@dataclass(frozen=True, slots=True)
class SettlementFacts:
    """What the gateway settled for this payment, in minor units of the settlement currency.
    `fee` is the gateway's own; `application_fee` is what it took for the platform, if anything."""

    amount: int
    fee: int
    currency: str
    exchange_rate: str | None
    application_fee: ApplicationFee | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One attempt to collect an order's remaining amount. Amounts are minor units of `currency`.

    What refunds and disputes come to is cached here, counted anew whenever one of them moves.
    `dispute_fee` is the gateway's for handling disputes, whatever their outcome; `refunds_blocked`
    tells that an open dispute forbids refunds. `version` grows with each write and tells a reader
    whether the row moved.
    """

    id: str
    tenant_id: str
    order_id: str
    gateway_id: str
    gateway_type: GatewayType
    livemode: bool
    capture_method: CaptureMethod
    status: PaymentStatus
    currency: str
    total: int
    fee_terms: FeeTerms
    platform_fee: int
    gateway_fee: int
    method: PaymentMethod
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    refund_pending: int = 0
    platform_fee_refunded: int = 0
    gateway_fee_is_final: bool = False
    dispute_lost: int = 0
    dispute_fee: int = 0
    dispute_status: DisputeState = DisputeState.NONE
    refunds_blocked: bool = False
    settlement: SettlementFacts | None = None
    application_fee_refunded: int = 0
    failure: PaymentFailure | None = None
    next_action: NextAction | None = None
    gateway_payment_id: str | None = None
    gateway_charge_id: str | None = None
    capture_before: datetime | None = None
    intent_closed_at: datetime | None = None
    version: int = 1

    @property
    def is_live(self) -> bool:
        """Whether the payment still holds the order's amount."""
        return self.status in LIVE or (
            self.status is PaymentStatus.FAILED and self.intent_closed_at is None
        )

    @property
    def capturable(self) -> int:
        """What a capture may still take."""
        return self.authorized if self.status is PaymentStatus.AUTHORIZED else 0

    @property
    def refundable(self) -> int:
        """Captured, less refunds that are asked for, under way or done, less lost disputes."""
        lost = min(self.dispute_lost, self.captured)
        return max(0, self.captured - self.refunded - self.refund_pending - lost)

    @property
    def is_refund_allowed(self) -> bool:
        """Whether a refund may be asked for now."""
        is_paid = self.status is PaymentStatus.PAID
        return is_paid and self.refundable > 0 and not self.refunds_blocked

    @property
    def expected_platform_fee(self) -> int:
        """The platform's fee: expected until captured, due when paid, 0 when nothing came of it."""
        return 0 if self.status in VOIDED else self.platform_fee

    @property
    def expected_gateway_fee(self) -> int:
        """The gateway's fee, estimated until `gateway_fee_is_final`; 0 when nothing came of it."""
        return 0 if self.status in VOIDED else self.gateway_fee

    @property
    def net(self) -> int:
        """What the merchant keeps: an expectation on the total until captured."""
        if self.status in VOIDED:
            return 0
        if self.status is not PaymentStatus.PAID:
            return self.total - self.platform_fee - self.gateway_fee
        kept_fee = self.platform_fee - self.platform_fee_refunded
        disputed = self.dispute_lost + self.dispute_fee
        return self.captured - self.refunded - kept_fee - self.gateway_fee - disputed

    @property
    def fee_to_return(self) -> int:
        """What the gateway took for the platform beyond the fee that is due, and did not return."""
        taken = self.settlement.application_fee if self.settlement else None
        if taken is None:
            return 0
        due = self.platform_fee - self.platform_fee_refunded
        return max(0, taken.amount - self.application_fee_refunded - due)

    @property
    def refund_status(self) -> RefundState:
        """The payment's refunds in one word."""
        if self.refund_pending:
            return RefundState.PENDING
        if self.refunded == 0:
            return RefundState.NONE
        return RefundState.FULL if self.refunded >= self.captured else RefundState.PARTIAL

    @property
    def available_actions(self) -> tuple[PaymentAction, ...]:
        """What the state allows now."""
        actions = []
        if self.status is PaymentStatus.AUTHORIZED:
            actions.append(PaymentAction.CAPTURE)
        if self.is_refund_allowed:
            actions.append(PaymentAction.REFUND)
        if self.status in CANCELABLE:
            actions.append(PaymentAction.CANCEL)
        return tuple(actions)


CANCELABLE = LIVE
"""Statuses in which a cancel may be asked for; the gateway has the last word."""


def may_become(payment: Payment, status: PaymentStatus, *, abandoned: bool = False) -> bool:
    """Whether the payment may move to `status`.

    An abandoned intent (canceled by us after a decline) makes the payment FAILED from any state
    that has not ended; a FAILED payment with a closed intent has ended.
    """
    if payment.status is PaymentStatus.FAILED and payment.intent_closed_at is not None:
        return False
    if abandoned and payment.status is PaymentStatus.AUTHORIZED:
        return status is PaymentStatus.FAILED
    return status in TRANSITIONS[payment.status]


def fee_on_capture(payment: Payment, captured: int) -> int:
    """The platform's fee when `captured` minor units are taken under the payment's frozen terms."""
    return captured_platform_fee(payment.fee_terms, captured)
