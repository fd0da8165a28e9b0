"""What the gateway reports about its own objects, in Tollgate's units and words.

A snapshot is a full picture at one moment. An adapter makes it; `apply_snapshot` is what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.payment import ApplicationFee, NextAction
from domain.refund import RefundSettlement


class IntentStatus(StrEnum):
    """Stripe's PaymentIntent statuses (docs.stripe.com/payments/paymentintents/lifecycle)."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


class GatewayRefundStatus(StrEnum):
    """Stripe's refund statuses (docs.stripe.com/api/refunds/object)."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CardDetails:
    """The only card data Tollgate ever sees."""

    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


@dataclass(frozen=True, slots=True)
class Decline:
    """Why the issuer or the gateway refused the last attempt."""

    code: str | None
    decline_code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A balance transaction: `amount` and `fee` in minor units of the settlement `currency`;
    `exchange_rate` is shown and never reckoned with, None without conversion. `fee` is what the
    gateway keeps for itself, the `application_fee` what it took for the platform."""

    gateway_balance_transaction_id: str
    amount: int
    fee: int
    currency: str
    exchange_rate: str | None
    application_fee: ApplicationFee | None = None


@dataclass(frozen=True, slots=True)
class IntentSnapshot:
    """A PaymentIntent with its latest charge. Amounts are ISO 4217 minor units."""

    gateway_payment_id: str
    status: IntentStatus
    amount: int
    amount_capturable: int
    amount_received: int
    currency: str
    livemode: bool
    created: datetime
    tollgate_payment_id: str | None
    cancellation_reason: str | None
    canceled_at: datetime | None
    decline: Decline | None
    next_action: NextAction | None
    gateway_charge_id: str | None
    card: CardDetails | None
    capture_before: datetime | None
    settlement: Settlement | None
    tollgate_tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """A refund at the gateway. `amount` is in ISO 4217 minor units. Where no money moved there is
    no balance transaction: an authorization that was let go looks like a refund otherwise.
    `gateway_fee` is what the gateway charged for it, in minor units of the settlement's currency.
    """

    gateway_refund_id: str
    status: GatewayRefundStatus
    amount: int
    currency: str
    gateway_payment_id: str | None
    gateway_charge_id: str | None
    tollgate_refund_id: str | None
    failure_reason: str | None
    reason: str | None
    created: datetime
    gateway_balance_transaction_id: str | None = None
    settlement: RefundSettlement | None = None
    gateway_fee: int = 0

    @property
    def has_failed(self) -> bool:
        """Whether the money stayed, or came back."""
        return self.status in {GatewayRefundStatus.FAILED, GatewayRefundStatus.CANCELED}


@dataclass(frozen=True, slots=True)
class FeeRefundSnapshot:
    """A part of an application fee that went back to its connected account: `amount` in minor
    units of `currency`, the payment's; `settled` is what reached the account, in those of its
    settlement, None where the gateway does not show it. It never fails later
    (docs.stripe.com/api/fee_refunds)."""

    gateway_fee_refund_id: str
    gateway_application_fee_id: str
    amount: int
    currency: str
    tollgate_operation_id: str | None
    settled: int | None = None


class GatewayDisputeStatus(StrEnum):
    """Stripe's dispute statuses (docs.stripe.com/api/disputes/object). A warning is an inquiry."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


@dataclass(frozen=True, slots=True)
class BalanceTransaction:
    """Money that a dispute moved, in minor units of the account's `currency`: a negative `amount`
    left the account, a positive one came back. `fee` was charged beside it; negative, returned.
    `net` is what the balance changed by."""

    gateway_balance_transaction_id: str
    amount: int
    fee: int
    net: int
    currency: str


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """A dispute at the gateway with all the money that it moved. `amount` is in minor units of
    `currency` (ISO 4217). `evidence_due_at` is None where no answer is possible."""

    gateway_dispute_id: str
    status: GatewayDisputeStatus
    reason: str
    amount: int
    currency: str
    livemode: bool
    is_charge_refundable: bool
    gateway_payment_id: str | None
    gateway_charge_id: str
    evidence_due_at: datetime | None
    created: datetime
    balance_transactions: tuple[BalanceTransaction, ...] = ()
