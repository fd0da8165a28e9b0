"""The domain's enums as the schema shows them. Annotations elsewhere use the domain's own names."""

from __future__ import annotations

from collections.abc import Mapping
from enum import EnumMeta

import strawberry
from strawberry.types.enum import has_enum_definition

from domain.alert import AlertSeverity
from domain.caller import AuditActorType, Role
from domain.dispute import DisputeStatus
from domain.errors import AttemptedOperation, ErrorCode
from domain.fee_report import MetricsInterval
from domain.fees import FeeRefundPolicy
from domain.inbox import WebhookEventStatus
from domain.order import OrderStatus
from domain.payment import (
    DisputeState,
    GatewayType,
    PaymentAction,
    PaymentMethodType,
    PaymentStatus,
    RefundState,
)
from domain.refund import RefundReason, RefundStatus
from domain.tenant import GatewayMode

DESCRIPTIONS: Mapping[EnumMeta, tuple[str, Mapping[str, str]]] = {
    AlertSeverity: (
        "How soon somebody must look at an alert.",
        {
            "CRITICAL": "At once.",
            "HIGH": "Within 15 minutes.",
            "MEDIUM": "Within an hour.",
        },
    ),
    Role: (
        "What a token may do.",
        {
            "CHECKOUT": "A shopper's checkout page: reads and pays the one order of its token.",
            "VIEWER": "Reads orders, payments, refunds and disputes.",
            "DEVELOPER": "VIEWER, and webhook events and metrics.",
            "OPERATOR": "VIEWER, and orders and all payment mutations.",
            "FINANCE": "VIEWER, and refunds, fees, quotes and reports.",
            "ADMIN": "Everything within the tenant but fee changes.",
            "PLATFORM_ADMIN": "The platform's own administrators.",
        },
    ),
    GatewayType: ("A payment gateway.", {"STRIPE": "Stripe."}),
    GatewayMode: (
        "Whose account at the gateway takes a tenant's money.",
        {
            "PLATFORM": "The platform's.",
            "OWN": "The tenant's own, with the tenant's key.",
            "CONNECT": "One of the tenant's that is connected to the platform.",
        },
    ),
    PaymentMethodType: (
        "What the payer pays with.",
        {"CARD": "A card.", "WALLET": "A wallet such as Apple Pay or Google Pay."},
    ),
    PaymentStatus: (
        "Where a payment stands, by the gateway's word.",
        {
            "PENDING": "Recorded; the gateway's answer is not known yet.",
            "REQUIRES_ACTION": "The payer must do something first, such as 3-D Secure.",
            "PROCESSING": "The gateway is working on it.",
            "AUTHORIZED": "The amount is reserved and can be captured or canceled.",
            "PAID": "The money was captured.",
            "FAILED": "The issuer or the gateway refused.",
            "CANCELED": "Released before it was captured.",
            "EXPIRED": "The authorization ran out before it was captured.",
        },
    ),
    RefundState: (
        "A payment's refunds in one word.",
        {
            "NONE": "Nothing was refunded.",
            "PENDING": "A refund is on its way.",
            "PARTIAL": "A part of what was captured was refunded.",
            "FULL": "All that was captured was refunded.",
        },
    ),
    DisputeState: (
        "A payment's disputes in one word.",
        {
            "NONE": "There is no dispute, or none but inquiries and closed ones.",
            "OPEN": "At least one dispute, inquiries aside, is open.",
            "WON": "A dispute was won, none is open or lost.",
            "LOST": "A dispute was lost, none is open.",
        },
    ),
    DisputeStatus: (
        "Where a dispute stands.",
        {
            "INQUIRY": "The bank asks a question first; no money has moved.",
            "NEEDS_RESPONSE": "The money has left, and the bank waits for evidence.",
            "UNDER_REVIEW": "The bank looks at the evidence.",
            "WON": "The bank decided for the merchant.",
            "LOST": "The bank decided for the cardholder.",
            "CLOSED": "It ended as neither: an inquiry that was dropped, or it was prevented.",
        },
    ),
    PaymentAction: (
        "What may be done to a payment in its present state.",
        {"CAPTURE": "capturePayment.", "REFUND": "refundPayment.", "CANCEL": "cancelPayment."},
    ),
    AttemptedOperation: (
        "What was tried when a state refused it.",
        {
            "AUTHORIZE": "To authorize a payment.",
            "CHARGE": "To charge a payment.",
            "CAPTURE": "To capture a payment.",
            "REFUND": "To refund a payment.",
            "CANCEL": "To cancel a payment.",
            "CANCEL_ORDER": "To cancel an order.",
            "CREATE_CHECKOUT_TOKEN": "To make a checkout token.",
            "CONFIGURE": "To configure a gateway.",
            "ARCHIVE": "To archive a fee tier.",
            "ASSIGN": "To assign a fee tier.",
            "REPLAY": "To replay a webhook event.",
        },
    ),
    OrderStatus: (
        "What an order's payments amount to.",
        {
            "OPEN": "Nothing is authorized or captured.",
            "AUTHORIZED": "A payment is authorized and not yet captured.",
            "PARTIALLY_PAID": "A part of the total was captured.",
            "PAID": "The total was captured.",
            "PARTIALLY_REFUNDED": "A part of what was captured was refunded.",
            "REFUNDED": "All that was captured was refunded.",
            "CANCELED": "Closed by cancelOrder.",
        },
    ),
    RefundStatus: (
        "Where a refund stands.",
        {
            "REQUESTED": "Reserved; the gateway's answer is not known yet.",
            "PENDING": "The gateway is working on it.",
            "SUCCEEDED": "The money went back. It can still fail later.",
            "FAILED": "The money did not go back.",
            "CANCELED": "Stopped before the money went back.",
        },
    ),
    RefundReason: (
        "Why money goes back.",
        {
            "REQUESTED_BY_CUSTOMER": "The customer asked for it.",
            "DUPLICATE": "The customer was charged twice.",
            "FRAUDULENT": "The payment was fraud; the gateway may block the customer.",
            "OTHER": "Anything else; the gateway is told no reason.",
        },
    ),
    WebhookEventStatus: (
        "Where a webhook event stands.",
        {
            "RECEIVED": "Stored, and not looked at yet; or replayed.",
            "PROCESSING": "It is being worked off.",
            "PROCESSED": "What it tells of is recorded.",
            "IGNORED": "It changes nothing here; errorMessage says why.",
            "RETRY": "It could not be worked off yet, and is tried again.",
            "DEAD": "It could not be worked off; only a replay tries it again.",
        },
    ),
    MetricsInterval: (
        "How long the spans of a report are; they start by UTC.",
        {
            "HOUR": "An hour.",
            "DAY": "A day.",
            "WEEK": "Seven days, from Monday on.",
            "MONTH": "A calendar month.",
        },
    ),
    FeeRefundPolicy: (
        "What becomes of the platform's fee when money goes back.",
        {
            "RETURN_PROPORTIONALLY": "The fee goes back in the proportion of the refund.",
            "RETAIN": "The platform keeps the fee.",
        },
    ),
    AuditActorType: (
        "Who caused a change.",
        {
            "USER": "A person or a server with a token.",
            "SYSTEM": "Tollgate itself.",
            "GATEWAY": "The payment gateway.",
        },
    ),
    ErrorCode: (
        "The kind of failure, a closed list; detailCode is the open, finer one.",
        {
            "VALIDATION_FAILED": "The input breaks a rule; nothing was written.",
            "NOT_FOUND": "There is no such object for this tenant.",
            "INVALID_STATE": "The object's state does not allow the action now.",
            "PAYMENT_DECLINED": "The issuer refused; the payment is stored as FAILED.",
            "GATEWAY_UNAVAILABLE": "Nothing reached the gateway; repeat the call.",
            "GATEWAY_REJECTED": "The gateway refused the request as such.",
            "OUTCOME_UNKNOWN": "It may have taken effect. Repeat with the same key, or wait.",
            "IDEMPOTENCY_KEY_REUSED": "The key was first used with another input.",
            "IDEMPOTENCY_IN_PROGRESS": "The first call with the key is still running.",
        },
    ),
}
"""Enum to its description and its values' descriptions."""


def register(enum: EnumMeta, description: str, values: Mapping[str, str]) -> None:
    """Makes the enum known to Strawberry. Raises KeyError where a value has no description.

    The domain's members stay what they are: only the class gets a definition, on the side.
    """
    strawberry.enum(enum, description=description)
    if has_enum_definition(enum):
        for value in enum.__strawberry_definition__.values:
            value.description = values[value.name]


def register_all() -> None:
    """Registers every enum of `DESCRIPTIONS`."""
    for enum, (description, values) in DESCRIPTIONS.items():
        register(enum, description, values)
