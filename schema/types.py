"""Payments, orders, refunds, disputes and events, which refer to one another: one file."""

from __future__ import annotations

from datetime import datetime
from functools import partial

import strawberry

from domain import dispute, order, payment, refund
from domain.ids import Prefix
from domain.inbox_reading import EventFilter, EventRecord
from domain.order import OrderStatus
from domain.payment import DisputeState, GatewayType, PaymentAction, PaymentStatus, RefundState
from domain.refund import RefundReason, RefundStatus
from domain.reports import DisputeFilter, PaymentFilter
from resolvers import disputes, payments, refunds, webhook_events
from schema.connection import After, Connection, FirstOfAll, connect, page_request
from schema.context import Info
from schema.directives import Allow
from schema.dispute_parts import OpenedDispute
from schema.fees import FeeTerms
from schema.fields import computed
from schema.ledger import Booked
from schema.money import Money
from schema.node import Node
from schema.payment_parts import (
    PaymentEvent,
    PaymentFailure,
    PaymentMethod,
    PaymentNextAction,
    dashboard_url,
)
from schema.scalars import Json
from schema.webhook_event import ReceivedEvent


@strawberry.type(description="One attempt to collect what an order has remaining.")
class Payment(Booked):
    status: PaymentStatus = strawberry.field(description="Where it stands.")
    refund_status: RefundState = strawberry.field(description="Its refunds in one word.")
    dispute_status: DisputeState = strawberry.field(description="Its disputes in one word.")
    available_actions: list[PaymentAction] = strawberry.field(
        description="What its state allows now."
    )
    gateway_type: GatewayType = strawberry.field(description="The gateway that it goes through.")
    gateway_payment_id: str | None = strawberry.field(
        description="The gateway's id (pi_…), once the gateway knows it."
    )
    gateway_dashboard_url: str | None = strawberry.field(
        description="Its page at the gateway.", extensions=[Allow("Payment.gatewayDashboardUrl")]
    )
    payment_method: PaymentMethod = strawberry.field(description="What the payer paid with.")
    total_amount: Money = strawberry.field(description="What it was made for.")
    platform_fee: Money = strawberry.field(
        description="The platform's fee: expected until captured, then due; 0 if nothing came.",
        extensions=[Allow("Payment.platformFee")],
    )
    gateway_fee: Money = strawberry.field(
        description="The gateway's fee; an estimate until gatewayFeeIsFinal.",
        extensions=[Allow("Payment.gatewayFee")],
    )
    gateway_fee_is_final: bool = strawberry.field(
        description="Whether the gateway has told its fee.",
        extensions=[Allow("Payment.gatewayFeeIsFinal")],
    )
    net_amount: Money = strawberry.field(
        description="What the merchant keeps after refunds, fees and lost disputes.",
        extensions=[Allow("Payment.netAmount")],
    )
    dispute_loss: Money = strawberry.field(
        description="What lost disputes took.", extensions=[Allow("Payment.disputeLoss")]
    )
    dispute_fee: Money = strawberry.field(
        description="The gateway's fees for disputes, won or lost.",
        extensions=[Allow("Payment.disputeFee")],
    )
    authorized_amount: Money = strawberry.field(description="What was reserved.")
    captured_amount: Money = strawberry.field(description="What was taken.")
    refunded_amount: Money = strawberry.field(description="What went back.")
    capturable_amount: Money = strawberry.field(description="What a capture may still take.")
    refundable_amount: Money = strawberry.field(description="What a refund may still give back.")
    platform_fee_refunded: Money = strawberry.field(
        description="The part of the platform's fee that went back.",
        extensions=[Allow("Payment.platformFeeRefunded")],
    )
    fee_terms: FeeTerms = strawberry.field(
        description="The price, frozen at authorize.", extensions=[Allow("Payment.feeTerms")]
    )
    failure: PaymentFailure | None = strawberry.field(description="Why it failed, if it did.")
    next_action: PaymentNextAction | None = strawberry.field(
        description="What the payer must do, while it is REQUIRES_ACTION."
    )
    capture_before: datetime | None = strawberry.field(
        description="When the authorization runs out."
    )
    metadata: Json = strawberry.field(
        description="The caller's own keys.", extensions=[Allow("Payment.metadata")]
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    order_id: strawberry.Private[str]

    @classmethod
    def of(cls, paid: payment.Payment) -> Payment:
        """The payment as a client sees it."""
        money = partial(Money.of, currency=paid.currency)
        return cls(
            id=strawberry.ID(paid.id),
            status=paid.status,
            refund_status=paid.refund_status,
            dispute_status=paid.dispute_status,
            available_actions=list(paid.available_actions),
            gateway_type=paid.gateway_type,
            gateway_payment_id=paid.gateway_payment_id,
            gateway_dashboard_url=dashboard_url(paid),
            payment_method=PaymentMethod.of(paid.method),
            total_amount=money(paid.total),
            platform_fee=money(paid.expected_platform_fee),
            gateway_fee=money(paid.expected_gateway_fee),
            gateway_fee_is_final=paid.gateway_fee_is_final,
            net_amount=money(paid.net),
            dispute_loss=money(paid.dispute_lost),
            dispute_fee=money(paid.dispute_fee),
            authorized_amount=money(paid.authorized),
            captured_amount=money(paid.captured),
            refunded_amount=money(paid.refunded),
            capturable_amount=money(paid.capturable),
            refundable_amount=money(paid.refundable),
            platform_fee_refunded=money(paid.platform_fee_refunded),
            fee_terms=FeeTerms.of(paid.fee_terms, paid.currency),
            failure=PaymentFailure.of(paid.failure) if paid.failure else None,
            next_action=PaymentNextAction.of(paid.next_action) if paid.next_action else None,
            capture_before=paid.capture_before,
            metadata=Json(dict(paid.metadata)),
            created_at=paid.created_at,
            updated_at=paid.updated_at,
            order_id=paid.order_id,
        )

    @computed("The order that it pays.")
    async def order(self, info: Info) -> Order:
        found = await info.context.loaders.order.load(self.order_id)
        if found is None:
            raise LookupError(f"the order {self.order_id} of payment {self.id} is gone")
        return Order.of(found)

    @computed("What happened to it, newest first.", allow="Payment.timeline")
    async def timeline(
        self, info: Info, first: FirstOfAll = 50, after: After = None
    ) -> Connection[PaymentEvent]:
        asked = page_request(Prefix.AUDIT_ENTRY, first=first, after=after)
        page = await payments.timeline_page(info.context.base, self.id, asked)
        project = partial(PaymentEvent.of, currency=self.total_amount.currency)
        return connect(page, project, partial(payments.timeline_count, info.context.base, self.id))

    @computed("Its refunds, newest first.", allow="Payment.refunds")
    async def refunds(
        self, info: Info, first: FirstOfAll = 20, after: After = None
    ) -> Connection[Refund]:
        asked = page_request(Prefix.REFUND, first=first, after=after)
        page = await refunds.page(info.context.base, self.id, asked)
        return connect(page, Refund.of, partial(refunds.count, info.context.base, self.id))

    @computed("Its disputes, newest first.", allow="Payment.disputes")
    async def disputes(
        self, info: Info, first: FirstOfAll = 20, after: After = None
    ) -> Connection[Dispute]:
        asked = page_request(Prefix.DISPUTE, first=first, after=after)
        where = DisputeFilter(payment_id=self.id)
        page = await disputes.page(info.context.base, where, asked)
        return connect(page, Dispute.of, partial(disputes.count, info.context.base, where))

    @computed("The gateway's events about it, newest first.", allow="Payment.webhookEvents")
    async def webhook_events(
        self, info: Info, first: FirstOfAll = 20, after: After = None
    ) -> Connection[WebhookEvent]:
        asked = page_request(Prefix.WEBHOOK_EVENT, first=first, after=after)
        where = EventFilter(payment_id=self.id)
        page = await webhook_events.page(info.context.base, where, asked)
        count = partial(webhook_events.count, info.context.base, where)
        return connect(page, WebhookEvent.of, count)


@strawberry.type(description="Money going back to the payer.")
class Refund(Node):
    status: RefundStatus = strawberry.field(description="Where it stands.")
    amount: Money = strawberry.field(description="What goes back.")
    platform_fee_refunded: Money = strawberry.field(
        description="The part of the platform's fee that it returned."
    )
    reason: RefundReason = strawberry.field(description="Why the money goes back.")
    note: str | None = strawberry.field(description="The merchant's own note.")
    gateway_refund_id: str | None = strawberry.field(description="The gateway's id (re_…).")
    failure_reason: str | None = strawberry.field(description="The gateway's reason if it failed.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    payment_id: strawberry.Private[str]

    @classmethod
    def of(cls, given: refund.Refund) -> Refund:
        """The refund as a client sees it."""
        return cls(
            id=strawberry.ID(given.id),
            status=given.status,
            amount=Money.of(given.amount, given.currency),
            platform_fee_refunded=Money.of(given.platform_fee_refunded, given.currency),
            reason=given.reason,
            note=given.note,
            gateway_refund_id=given.gateway_refund_id,
            failure_reason=given.failure_reason,
            created_at=given.created_at,
            updated_at=given.updated_at,
            payment_id=given.payment_id,
        )

    @computed("The payment that it gives back.")
    async def payment(self, info: Info) -> Payment:
        found = await info.context.loaders.payment.load(self.payment_id)
        if found is None:
            raise LookupError(f"the payment {self.payment_id} of refund {self.id} is gone")
        return Payment.of(found)


@strawberry.type(description="A cardholder's objection to a payment at the bank.")
class Dispute(OpenedDispute):
    @classmethod
    def of(cls, given: dispute.Dispute) -> Dispute:
        """The dispute as a client sees it."""
        return cls.opened(given)

    @computed("The payment that it is about.")
    async def payment(self, info: Info) -> Payment:
        found = await info.context.loaders.payment.load(self.payment_id)
        if found is None:
            raise LookupError(f"the payment {self.payment_id} of dispute {self.id} is gone")
        return Payment.of(found)


@strawberry.type(description="What a merchant wants paid.")
class Order(Node):
    reference: str = strawberry.field(description="The merchant's own name for it.")
    status: OrderStatus = strawberry.field(description="What its payments amount to.")
    is_disputed: bool = strawberry.field(description="Whether a dispute is open on a payment.")
    total_amount: Money = strawberry.field(description="What is to be paid.")
    paid_amount: Money = strawberry.field(description="What was captured, refunds not taken off.")
    remaining_amount: Money = strawberry.field(
        description="What is left to pay, less what live payments hold."
    )
    customer_email: str | None = strawberry.field(description="The customer's e-mail address.")
    metadata: Json = strawberry.field(
        description="The caller's own keys.", extensions=[Allow("Order.metadata")]
    )
    created_at: datetime = strawberry.field(description="When it was opened.")
    updated_at: datetime = strawberry.field(description="When it last changed.")

    @classmethod
    def of(cls, wanted: order.Order) -> Order:
        """The order as a client sees it."""
        return cls(
            id=strawberry.ID(wanted.id),
            reference=wanted.reference,
            status=wanted.status,
            is_disputed=wanted.is_disputed,
            total_amount=Money.of(wanted.total, wanted.currency),
            paid_amount=Money.of(wanted.captured, wanted.currency),
            remaining_amount=Money.of(wanted.remaining, wanted.currency),
            customer_email=wanted.customer_email,
            metadata=Json(dict(wanted.metadata)),
            created_at=wanted.created_at,
            updated_at=wanted.updated_at,
        )

    @computed("Its payments, newest first.")
    async def payments(
        self, info: Info, first: FirstOfAll = 20, after: After = None
    ) -> Connection[Payment]:
        asked = page_request(Prefix.PAYMENT, first=first, after=after)
        where = PaymentFilter(order_id=self.id)
        page = await payments.page(info.context.base, where, asked)
        return connect(page, Payment.of, partial(payments.count, info.context.base, where))


@strawberry.type(
    description="What the gateway told of one change, as it was received, and what became of it."
)
class WebhookEvent(ReceivedEvent):
    @classmethod
    def of(cls, event: EventRecord) -> WebhookEvent:
        """The event as a client sees it."""
        return cls.received(event)

    @computed("The payment that it is about; null where it is about none.")
    async def payment(self, info: Info) -> Payment | None:
        if self.payment_id is None:
            return None
        found = await info.context.loaders.payment.load(self.payment_id)
        return Payment.of(found) if found else None
