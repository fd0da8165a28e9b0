"""What a client may change."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import checkout, gateways, orders, payments
from schema import gateway, inputs, results
from schema.context import Info
from schema.fields import computed

MONEY_MUTATIONS = frozenset(
    {"authorizePayment", "chargePayment", "capturePayment", "refundPayment", "cancelPayment"}
)
"""Mutations that move money; a document may hold one of them."""

GATEWAY_MUTATIONS = MONEY_MUTATIONS | {"configurePaymentGateway"}
"""Mutations that call the gateway. A document may hold one, so that none tries many keys."""

_input = strawberry.argument(description="What to do.")
_order = strawberry.argument(description="The order that the token is bound to.")
_ttl = strawberry.argument(description="Seconds that it is good for: 60 to 86400.")


@strawberry.type(description="What a client may change.")
class Mutation:
    @computed("Opens an order.", allow="Mutation.createOrder")
    async def create_order(
        self, info: Info, input: Annotated[inputs.CreateOrderInput, _input]
    ) -> results.CreateOrderResult:
        command = input.to_command()
        return results.OrderSuccess.of(await orders.create(info.context.base, command))

    @computed("Closes an order on which nothing is live or captured.", allow="Mutation.cancelOrder")
    async def cancel_order(
        self, info: Info, input: Annotated[inputs.CancelOrderInput, _input]
    ) -> results.CancelOrderResult:
        command = input.to_command()
        return results.OrderSuccess.of(await orders.cancel(info.context.base, command))

    @computed(
        "Makes a token with which a shopper's page pays one order, and sees no other.",
        allow="Mutation.createCheckoutToken",
    )
    async def create_checkout_token(
        self,
        info: Info,
        order_id: Annotated[strawberry.ID, _order],
        ttl_seconds: Annotated[int, _ttl] = 1800,
    ) -> results.CheckoutTokenResult:
        made = await checkout.create_token(info.context.base, order_id, ttl_seconds)
        return results.CheckoutToken.of(made)

    @computed(
        "Reserves what an order has remaining, to be captured later.",
        allow="Mutation.authorizePayment",
    )
    async def authorize_payment(
        self, info: Info, input: Annotated[inputs.AuthorizePaymentInput, _input]
    ) -> results.AuthorizePaymentResult:
        command = input.to_command()
        return results.PaymentSuccess.of(await payments.authorize(info.context.base, command))

    @computed("Takes what an order has remaining at once.", allow="Mutation.chargePayment")
    async def charge_payment(
        self, info: Info, input: Annotated[inputs.ChargePaymentInput, _input]
    ) -> results.ChargePaymentResult:
        command = input.to_command()
        return results.PaymentSuccess.of(await payments.charge(info.context.base, command))

    @computed("Takes an authorized amount, or a part of it.", allow="Mutation.capturePayment")
    async def capture_payment(
        self, info: Info, input: Annotated[inputs.CapturePaymentInput, _input]
    ) -> results.CapturePaymentResult:
        command = input.to_command()
        return results.PaymentSuccess.of(await payments.capture(info.context.base, command))

    @computed("Gives captured money back, or a part of it.", allow="Mutation.refundPayment")
    async def refund_payment(
        self, info: Info, input: Annotated[inputs.RefundPaymentInput, _input]
    ) -> results.RefundPaymentResult:
        command = input.to_command()
        return results.RefundSuccess.of(await payments.refund(info.context.base, command))

    @computed("Releases a payment that was not captured.", allow="Mutation.cancelPayment")
    async def cancel_payment(
        self, info: Info, input: Annotated[inputs.CancelPaymentInput, _input]
    ) -> results.CancelPaymentResult:
        command = input.to_command()
        return results.PaymentSuccess.of(await payments.cancel(info.context.base, command))

    @computed(
        "Sets whose gateway account takes the tenant's money from now on. The account is tried "
        "before it is stored; payments that were begun through another finish there. The same "
        "input again changes nothing.",
        allow="Mutation.configurePaymentGateway",
    )
    async def configure_payment_gateway(
        self, info: Info, input: Annotated[gateway.ConfigurePaymentGatewayInput, _input]
    ) -> gateway.PaymentGatewayResult:
        command = input.to_command()
        return gateway.PaymentGateway.of(await gateways.configure(info.context.base, command))
