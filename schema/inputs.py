"""What the mutations take, and how it becomes a command of the domain.

`to_command` raises ValidationFailed with every broken rule that needs no database.
"""

from __future__ import annotations

import strawberry

from domain import commands
from domain.metadata import read_metadata
from domain.payment import GatewayType, PaymentMethodType
from domain.refund import RefundReason
from schema.rules import (
    check_email,
    check_idempotency_key,
    check_payment_method_token,
    check_reference,
    check_return_url,
    refuse,
)
from schema.scalars import Cents, Currency, Json, SafeText

_KEY = "One key for each intent, the same for each retry: 1 to 255 visible ASCII characters."
_METADATA = (
    "The caller's own keys: an object of up to 40 strings of at most 500 characters; keys have at "
    "most 40 characters, no square brackets, and do not start with tollgate_."
)


@strawberry.input(description="What the payer pays with.")
class PaymentMethodInput:
    type: PaymentMethodType = strawberry.field(description="Its kind.")
    token: SafeText = strawberry.field(
        description="A token of the gateway such as pm_card_visa. A card number is refused."
    )


@strawberry.input(description="An order to open.")
class CreateOrderInput:
    reference: SafeText = strawberry.field(
        description="The merchant's own name for it, unique within the tenant."
    )
    total_amount_cents: Cents = strawberry.field(description="What is to be paid.")
    currency: Currency = strawberry.field(description="The currency.")
    customer_email: SafeText | None = strawberry.field(
        description="The customer's e-mail address.", default=None
    )
    metadata: Json | None = strawberry.field(description=_METADATA, default=None)
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.CreateOrder:
        """The command. Raises ValidationFailed."""
        metadata, issues = read_metadata(self.metadata)
        refuse(
            (
                *check_reference(self.reference),
                *check_email(self.customer_email),
                *issues,
                *check_idempotency_key(self.idempotency_key),
            )
        )
        return commands.CreateOrder(
            reference=self.reference,
            total=self.total_amount_cents,
            currency=self.currency,
            customer_email=self.customer_email,
            metadata=metadata,
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="An order to close.")
class CancelOrderInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    reason: SafeText | None = strawberry.field(description="Why, for the audit.", default=None)
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.CancelOrder:
        """The command. Raises ValidationFailed."""
        refuse(check_idempotency_key(self.idempotency_key))
        return commands.CancelOrder(
            order_id=self.order_id, reason=self.reason, idempotency_key=self.idempotency_key
        )


@strawberry.input(description="A payment to start.")
class StartPaymentInput:
    order_id: strawberry.ID = strawberry.field(description="The order to pay.")
    payment_method: PaymentMethodInput = strawberry.field(description="What the payer pays with.")
    gateway_type: GatewayType = strawberry.field(
        description="The gateway to go through.", default=GatewayType.STRIPE
    )
    return_url: SafeText | None = strawberry.field(
        description="Where the payer's browser comes back to after 3-D Secure; https, or http to "
        "localhost. Left out, the payer stays on the page: nextAction is for the gateway's library "
        "there.",
        default=None,
    )
    metadata: Json | None = strawberry.field(description=_METADATA, default=None)
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.StartPayment:
        """The command. Raises ValidationFailed."""
        metadata, issues = read_metadata(self.metadata)
        refuse(
            (
                *check_payment_method_token(self.payment_method.token),
                *check_return_url(self.return_url),
                *issues,
                *check_idempotency_key(self.idempotency_key),
            )
        )
        return commands.StartPayment(
            order_id=self.order_id,
            payment_method_type=self.payment_method.type,
            payment_method_ref=self.payment_method.token,
            gateway_type=self.gateway_type,
            return_url=self.return_url,
            metadata=metadata,
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="An order to authorize a payment for: what it has remaining.")
class AuthorizePaymentInput(StartPaymentInput):
    pass


@strawberry.input(description="An order to charge: what it has remaining.")
class ChargePaymentInput(StartPaymentInput):
    pass


@strawberry.input(description="An authorized payment to capture.")
class CapturePaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")
    amount_cents: Cents | None = strawberry.field(
        description="How much; left out, all that is capturable. The rest is released.",
        default=None,
    )
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.CapturePayment:
        """The command. Raises ValidationFailed."""
        refuse(check_idempotency_key(self.idempotency_key))
        return commands.CapturePayment(
            payment_id=self.payment_id,
            amount=self.amount_cents,
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="A captured payment to refund.")
class RefundPaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")
    amount_cents: Cents | None = strawberry.field(
        description="How much; left out, all that is refundable.", default=None
    )
    reason: RefundReason = strawberry.field(
        description="Why.", default=RefundReason.REQUESTED_BY_CUSTOMER
    )
    note: SafeText | None = strawberry.field(description="The merchant's own note.", default=None)
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.RefundPayment:
        """The command. Raises ValidationFailed."""
        refuse(check_idempotency_key(self.idempotency_key))
        return commands.RefundPayment(
            payment_id=self.payment_id,
            amount=self.amount_cents,
            reason=self.reason,
            note=self.note,
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="A payment to release before it is captured.")
class CancelPaymentInput:
    payment_id: strawberry.ID = strawberry.field(description="The payment.")
    reason: SafeText | None = strawberry.field(description="Why, for the audit.", default=None)
    idempotency_key: SafeText = strawberry.field(description=_KEY)

    def to_command(self) -> commands.CancelPayment:
        """The command. Raises ValidationFailed."""
        refuse(check_idempotency_key(self.idempotency_key))
        return commands.CancelPayment(
            payment_id=self.payment_id, reason=self.reason, idempotency_key=self.idempotency_key
        )
