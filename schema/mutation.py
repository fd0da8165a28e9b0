"""What a client may change."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.inbox_reading import EventFilter
from domain.replaying import REPLAYS_MAX
from resolvers import alerts, checkout, gateways, orders, payments, pricing, webhook_events
from schema import alert, gateway, inputs, replays, results
from schema import pricing as prices
from schema.context import Info
from schema.fee_tier import FeeTier
from schema.fees import FeeOverride
from schema.fields import computed
from schema.tenant import Tenant
from schema.types import WebhookEvent
from schema.webhook_event import WebhookEventFilter

MONEY_MUTATIONS = frozenset(
    {"authorizePayment", "chargePayment", "capturePayment", "refundPayment", "cancelPayment"}
)
"""Mutations that move money; a document may hold one of them."""

GATEWAY_MUTATIONS = MONEY_MUTATIONS | {"configurePaymentGateway"}
"""Mutations that call the gateway. A document may hold one, so that none tries many keys."""

BULK_MUTATIONS = frozenset({"replayDeadWebhookEvents"})
"""Mutations of which one sets the worker to many things: they cost accordingly."""

_input = strawberry.argument(description="What to do.")
_tier = strawberry.argument(description="The tier.")
_tenant = strawberry.argument(description="The tenant.")
_override = strawberry.argument(description="The override.")
_alert = strawberry.argument(description="The alert.")
_event = strawberry.argument(description="The event.")
_which = strawberry.argument(description="Which of the DEAD events; all when left out.")
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

    @computed(
        "Has a webhook event that has ended worked off once more. Whatever of it took effect "
        "already has no effect again.",
        allow="Mutation.replayWebhookEvent",
    )
    async def replay_webhook_event(
        self, info: Info, id: Annotated[strawberry.ID, _event]
    ) -> replays.ReplayWebhookEventResult:
        return WebhookEvent.of(await webhook_events.replay(info.context.base, id))

    @computed(
        f"Has the tenant's DEAD webhook events worked off once more, at most {REPLAYS_MAX} in one "
        "call: call it again while remainingCount is above 0.",
        allow="Mutation.replayDeadWebhookEvents",
    )
    async def replay_dead_webhook_events(
        self, info: Info, filter: Annotated[WebhookEventFilter | None, _which] = None
    ) -> replays.ReplayWebhookEventsResult:
        where = filter.to_filter() if filter else EventFilter()
        done = await webhook_events.replay_dead(info.context.base, where)
        return replays.ReplayWebhookEventsSuccess.of(done)

    @computed(
        "Takes on a tenant: on the default tier, paid through the platform's own account.",
        allow="Mutation.createTenant",
    )
    async def create_tenant(
        self, info: Info, input: Annotated[prices.CreateTenantInput, _input]
    ) -> prices.CreateTenantResult:
        return Tenant.of(await pricing.create_tenant(info.context.base, input.to_tenant()))

    @computed(
        "Makes a price list, which nobody pays by until it is assigned.",
        allow="Mutation.createFeeTier",
    )
    async def create_fee_tier(
        self, info: Info, input: Annotated[prices.FeeTierInput, _input]
    ) -> prices.FeeTierResult:
        return FeeTier.of(await pricing.create_tier(info.context.base, input.to_tier()))

    @computed(
        "Changes a price list for all who pay by it, from their next payments on; those that were "
        "authorized before keep their terms.",
        allow="Mutation.updateFeeTier",
    )
    async def update_fee_tier(
        self,
        info: Info,
        id: Annotated[strawberry.ID, _tier],
        input: Annotated[prices.FeeTierInput, _input],
    ) -> prices.FeeTierResult:
        return FeeTier.of(await pricing.update_tier(info.context.base, id, input.to_tier()))

    @computed(
        "Has a price list no longer assigned. Refused for the default one (TIER_IS_DEFAULT), and "
        "while a tenant pays by it (TIER_IN_USE).",
        allow="Mutation.archiveFeeTier",
    )
    async def archive_fee_tier(
        self, info: Info, id: Annotated[strawberry.ID, _tier]
    ) -> prices.FeeTierResult:
        return FeeTier.of(await pricing.archive_tier(info.context.base, id))

    @computed(
        "Has a tenant pay by a tier from its next payment on. An override in force goes before it.",
        allow="Mutation.assignFeeTier",
    )
    async def assign_fee_tier(
        self,
        info: Info,
        tenant_id: Annotated[strawberry.ID, _tenant],
        fee_tier_id: Annotated[strawberry.ID, _tier],
    ) -> prices.TenantResult:
        return Tenant.of(await pricing.assign_tier(info.context.base, tenant_id, fee_tier_id))

    @computed(
        "Gives a tenant a price of its own for a time. Refused where another is in force within it "
        "(OVERRIDE_OVERLAPS).",
        allow="Mutation.setFeeOverride",
    )
    async def set_fee_override(
        self, info: Info, input: Annotated[prices.SetFeeOverrideInput, _input]
    ) -> prices.FeeOverrideResult:
        return FeeOverride.of(await pricing.set_override(info.context.base, input.to_override()))

    @computed(
        "Ends a tenant's own price now and keeps it for the record; one that has not begun will "
        "not begin.",
        allow="Mutation.endFeeOverride",
    )
    async def end_fee_override(
        self, info: Info, id: Annotated[strawberry.ID, _override]
    ) -> prices.FeeOverrideResult:
        return FeeOverride.of(await pricing.end_override(info.context.base, id))

    @computed(
        "Says that the caller looks after an alert: it escalates no more. One that tells of "
        "something past is over with that. The first who said so stays.",
        allow="Mutation.acknowledgeAlert",
    )
    async def acknowledge_alert(
        self, info: Info, id: Annotated[strawberry.ID, _alert]
    ) -> alert.AlertResult:
        return alert.Alert.of(await alerts.acknowledge(info.context.base, id))
