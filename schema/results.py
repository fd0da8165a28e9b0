"""What the mutations answer: one success, or a failure that a client should expect."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from domain import checkout, commands
from schema.errors import (
    GatewayError,
    IdempotencyError,
    InvalidStateError,
    NotFoundError,
    PaymentDeclinedError,
    ValidationError,
)
from schema.types import Order, Payment, Refund

_REPLAYED = "Whether an earlier call with the same key did the work."


@strawberry.type(description="The payment after the call.")
class PaymentSuccess:
    payment: Payment = strawberry.field(
        description="The payment. It may ask for more: see status and nextAction."
    )
    replayed: bool = strawberry.field(description=_REPLAYED)

    @classmethod
    def of(cls, done: commands.PaymentDone) -> PaymentSuccess:
        """The success as a client sees it."""
        return cls(payment=Payment.of(done.payment), replayed=done.replayed)


@strawberry.type(description="The refund and its payment after the call.")
class RefundSuccess:
    refund: Refund = strawberry.field(description="The refund. It may still be on its way.")
    payment: Payment = strawberry.field(description="The payment that it gives back.")
    replayed: bool = strawberry.field(description=_REPLAYED)

    @classmethod
    def of(cls, done: commands.RefundDone) -> RefundSuccess:
        """The success as a client sees it."""
        return cls(
            refund=Refund.of(done.refund),
            payment=Payment.of(done.payment),
            replayed=done.replayed,
        )


@strawberry.type(description="The order after the call.")
class OrderSuccess:
    order: Order = strawberry.field(description="The order.")
    replayed: bool = strawberry.field(description=_REPLAYED)

    @classmethod
    def of(cls, done: commands.OrderDone) -> OrderSuccess:
        """The success as a client sees it."""
        return cls(order=Order.of(done.order), replayed=done.replayed)


@strawberry.type(description="A token with which a shopper's page pays one order.")
class CheckoutToken:
    token: str = strawberry.field(
        description="A bearer token with the role CHECKOUT. Whoever holds it may pay the order."
    )
    order: Order = strawberry.field(description="The order that it is bound to.")
    expires_at: datetime = strawberry.field(description="When it ends.")

    @classmethod
    def of(cls, made: checkout.CheckoutToken) -> CheckoutToken:
        """The token as a client sees it."""
        return cls(token=made.token, order=Order.of(made.order), expires_at=made.expires_at)


AuthorizePaymentResult = Annotated[
    PaymentSuccess
    | PaymentDeclinedError
    | GatewayError
    | ValidationError
    | NotFoundError
    | InvalidStateError
    | IdempotencyError,
    strawberry.union("AuthorizePaymentResult", description="What authorizePayment answers."),
]
ChargePaymentResult = Annotated[
    PaymentSuccess
    | PaymentDeclinedError
    | GatewayError
    | ValidationError
    | NotFoundError
    | InvalidStateError
    | IdempotencyError,
    strawberry.union("ChargePaymentResult", description="What chargePayment answers."),
]
CapturePaymentResult = Annotated[
    PaymentSuccess
    | GatewayError
    | ValidationError
    | NotFoundError
    | InvalidStateError
    | IdempotencyError,
    strawberry.union("CapturePaymentResult", description="What capturePayment answers."),
]
CancelPaymentResult = Annotated[
    PaymentSuccess
    | GatewayError
    | ValidationError
    | NotFoundError
    | InvalidStateError
    | IdempotencyError,
    strawberry.union("CancelPaymentResult", description="What cancelPayment answers."),
]
RefundPaymentResult = Annotated[
    RefundSuccess
    | GatewayError
    | ValidationError
    | NotFoundError
    | InvalidStateError
    | IdempotencyError,
    strawberry.union("RefundPaymentResult", description="What refundPayment answers."),
]
CreateOrderResult = Annotated[
    OrderSuccess | ValidationError | IdempotencyError,
    strawberry.union("CreateOrderResult", description="What createOrder answers."),
]
CancelOrderResult = Annotated[
    OrderSuccess | ValidationError | NotFoundError | InvalidStateError | IdempotencyError,
    strawberry.union("CancelOrderResult", description="What cancelOrder answers."),
]
CheckoutTokenResult = Annotated[
    CheckoutToken | ValidationError | NotFoundError | InvalidStateError,
    strawberry.union("CheckoutTokenResult", description="What createCheckoutToken answers."),
]
