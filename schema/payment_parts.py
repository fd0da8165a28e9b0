"""The parts of a payment that refer to no other object."""

from __future__ import annotations

from datetime import datetime

import strawberry

from domain import payment, reports
from domain.caller import AuditActorType
from domain.payment import PaymentMethodType, PaymentStatus
from schema.directives import Allow
from schema.money import Money
from schema.node import Node


@strawberry.type(description="What the payer paid with, as a receipt shows it.")
class PaymentMethod:
    type: PaymentMethodType = strawberry.field(description="Its kind.")
    brand: str | None = strawberry.field(description="The card's brand, by the gateway's word.")
    last4: str | None = strawberry.field(description="The card's last four digits.")
    exp_month: int | None = strawberry.field(description="The month in which the card expires.")
    exp_year: int | None = strawberry.field(description="The year in which the card expires.")

    @classmethod
    def of(cls, method: payment.PaymentMethod) -> PaymentMethod:
        """The method as a client sees it."""
        return cls(
            type=method.type,
            brand=method.brand,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
        )


@strawberry.type(description="Why a payment failed.")
class PaymentFailure:
    decline_code: str | None = strawberry.field(
        description="The gateway's decline code; null for a shopper's page.",
        extensions=[Allow("PaymentFailure.declineCode")],
    )
    gateway_message: str | None = strawberry.field(
        description="The gateway's own words; null for a shopper's page.",
        extensions=[Allow("PaymentFailure.gatewayMessage")],
    )
    user_message: str = strawberry.field(description="A sentence fit to be shown to the payer.")
    at: datetime = strawberry.field(description="When it failed.")

    @classmethod
    def of(cls, failure: payment.PaymentFailure) -> PaymentFailure:
        """The failure as a client sees it."""
        return cls(
            decline_code=failure.decline_code,
            gateway_message=failure.gateway_message,
            user_message=failure.user_message,
            at=failure.at,
        )


@strawberry.type(description="What the payer must do before the payment can go on.")
class PaymentNextAction:
    type: str = strawberry.field(description="The gateway's name for it, such as redirect_to_url.")
    redirect_url: str | None = strawberry.field(description="Where to send the payer's browser.")
    client_secret: str | None = strawberry.field(
        description="For the gateway's library in the payer's browser; never store or log it. "
        "Null for a token without one of the roles.",
        extensions=[Allow("PaymentNextAction.clientSecret")],
    )

    @classmethod
    def of(cls, action: payment.NextAction) -> PaymentNextAction:
        """The action as a client sees it."""
        return cls(
            type=action.type, redirect_url=action.redirect_url, client_secret=action.client_secret
        )


@strawberry.type(
    description="One line of a payment's timeline. It is read with its payment, never by its id."
)
class PaymentEvent(Node):
    status: PaymentStatus = strawberry.field(description="The payment's status after it.")
    amount: Money | None = strawberry.field(description="The amount it was about, if any.")
    source: AuditActorType = strawberry.field(description="Who caused it.")
    actor: str | None = strawberry.field(description="The name of who caused it.")
    message: str = strawberry.field(description="What happened, in words.")
    created_at: datetime = strawberry.field(description="When it happened.")

    @classmethod
    def of(cls, event: reports.PaymentEvent, currency: str) -> PaymentEvent:
        """An event of a payment in `currency`."""
        return cls(
            id=strawberry.ID(event.id),
            status=event.status,
            amount=None if event.amount is None else Money.of(event.amount, currency),
            source=event.source,
            actor=event.actor,
            message=event.message,
            created_at=event.created_at,
        )


def dashboard_url(of: payment.Payment) -> str | None:
    """The payment's page at the gateway; None until the gateway knows the payment."""
    if of.gateway_payment_id is None:
        return None
    mode = "" if of.livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}payments/{of.gateway_payment_id}"
