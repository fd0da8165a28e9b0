"""What a client may ask."""

from __future__ import annotations

from asyncio import gather
from functools import partial
from typing import Annotated

import strawberry

from domain import audit_reading, reports
from domain.fee_report import MetricsInterval
from domain.ids import Prefix
from domain.inbox_reading import EventFilter
from domain.reports import PAGE_SIZE_MAX
from resolvers import (
    alerts,
    audit,
    disputes,
    fees,
    gateways,
    ledger,
    metrics,
    orders,
    payments,
    tenants,
    webhook_events,
)
from schema.alert import Alert
from schema.audit import AuditEntry, AuditFilter
from schema.codes import BadInput
from schema.connection import (
    After,
    Before,
    Connection,
    First,
    FirstOfMany,
    Last,
    connect,
    page_request,
)
from schema.context import Info
from schema.fee_tier import FeeTier
from schema.fees import FeeOverride, FeeQuote
from schema.fields import computed
from schema.filters import DateTimeRange, DisputeFilter, OrderBy, OrderFilter, PaymentFilter
from schema.gateway import PaymentGateway
from schema.ledger import FeeReport
from schema.metrics import PaymentMetrics, WebhookMetrics
from schema.node import Node
from schema.nodes import load_node
from schema.scalars import Cents, Currency
from schema.tenant import Tenant, Viewer
from schema.types import Dispute, Order, Payment, WebhookEvent
from schema.webhook_event import WebhookEventFilter

_id = strawberry.argument(description="The id.")
_ids = strawberry.argument(description=f"Up to {PAGE_SIZE_MAX} ids.")
_filter = strawberry.argument(description="Which ones; all when left out.")
_by = strawberry.argument(description="Which one.")
_archived = strawberry.argument(description="Whether to list those that are no longer assigned.")
_made_in = strawberry.argument(description="When they were made; both ends are needed.")
_open_only = strawberry.argument(description="Whether to leave out those that are over.")
_range = strawberry.argument(description="When it was booked; both ends are needed.")
_interval = strawberry.argument(description="How long each span is.")
_of_tenant = strawberry.argument(description="Whose they are.")
_amount = strawberry.argument(description="The amount to be paid.")
_currency = strawberry.argument(description="Its currency.")


@strawberry.type(description="What a client may ask.")
class Query:
    @computed("The caller.", allow="Query.viewer")
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.base.caller)

    @computed(
        "The object with this id; null where there is none for the caller.", allow="Query.node"
    )
    async def node(self, info: Info, id: Annotated[strawberry.ID, _id]) -> Node | None:
        return await load_node(info.context, id)

    @computed(
        "The objects with these ids, in this order; null for each that there is not.",
        allow="Query.nodes",
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], _ids]
    ) -> list[Node | None]:
        if len(ids) > PAGE_SIZE_MAX:
            raise BadInput(f"nodes takes at most {PAGE_SIZE_MAX} ids.")
        return list(await gather(*(load_node(info.context, id) for id in ids)))

    @computed("The payment with this id.", allow="Query.payment")
    async def payment(self, info: Info, id: Annotated[strawberry.ID, _id]) -> Payment | None:
        found = await info.context.loaders.payment.load(id)
        if found is None:
            return None
        await payments.look_soon(info.context.base, found)
        return Payment.of(found)

    @computed("The tenant's payments, newest first.", allow="Query.payments")
    async def payments(
        self,
        info: Info,
        filter: Annotated[PaymentFilter | None, _filter] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Payment]:
        where = filter.to_filter() if filter else reports.PaymentFilter()
        asked = page_request(Prefix.PAYMENT, first=first, after=after, last=last, before=before)
        page = await payments.page(info.context.base, where, asked)
        return connect(page, Payment.of, partial(payments.count, info.context.base, where))

    @computed("The order with this id or reference.", allow="Query.order")
    async def order(self, info: Info, by: Annotated[OrderBy, _by]) -> Order | None:
        if by.id is not None:
            found = await info.context.loaders.order.load(by.id.value)
        elif by.reference is not None:
            found = await orders.by_reference(info.context.base, by.reference.value)
        else:
            raise BadInput("Give the order's id or its reference.")
        return Order.of(found) if found else None

    @computed("The tenant's orders, newest first.", allow="Query.orders")
    async def orders(
        self,
        info: Info,
        filter: Annotated[OrderFilter | None, _filter] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Order]:
        where = filter.to_filter() if filter else reports.OrderFilter()
        asked = page_request(Prefix.ORDER, first=first, after=after, last=last, before=before)
        page = await orders.page(info.context.base, where, asked)
        return connect(page, Order.of, partial(orders.count, info.context.base, where))

    @computed("The tenant's disputes, newest first.", allow="Query.disputes")
    async def disputes(
        self,
        info: Info,
        filter: Annotated[DisputeFilter | None, _filter] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Dispute]:
        where = filter.to_filter() if filter else reports.DisputeFilter()
        asked = page_request(Prefix.DISPUTE, first=first, after=after, last=last, before=before)
        page = await disputes.page(info.context.base, where, asked)
        return connect(page, Dispute.of, partial(disputes.count, info.context.base, where))

    @computed(
        "The tenant's audit log, newest first; for the platform's people who name no tenant, the "
        "platform's own, which has the changes of tiers.",
        allow="Query.auditEntries",
    )
    async def audit_entries(
        self,
        info: Info,
        filter: Annotated[AuditFilter | None, _filter] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AuditEntry]:
        where = filter.to_filter() if filter else audit_reading.AuditFilter()
        asked = page_request(Prefix.AUDIT_ENTRY, first=first, after=after, last=last, before=before)
        page = await audit.page(info.context.base, where, asked)
        return connect(page, AuditEntry.of, partial(audit.count, info.context.base, where))

    @computed("The webhook event with this id.", allow="Query.webhookEvent")
    async def webhook_event(
        self, info: Info, id: Annotated[strawberry.ID, _id]
    ) -> WebhookEvent | None:
        found = await info.context.loaders.webhook_event.load(id)
        return WebhookEvent.of(found) if found else None

    @computed(
        "The gateway's events about the tenant's payments, newest first.",
        allow="Query.webhookEvents",
    )
    async def webhook_events(
        self,
        info: Info,
        filter: Annotated[WebhookEventFilter | None, _filter] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[WebhookEvent]:
        where = filter.to_filter() if filter else EventFilter()
        prefix = Prefix.WEBHOOK_EVENT
        asked = page_request(prefix, first=first, after=after, last=last, before=before)
        page = await webhook_events.page(info.context.base, where, asked)
        count = partial(webhook_events.count, info.context.base, where)
        return connect(page, WebhookEvent.of, count)

    @computed("The platform's price lists, by level.", allow="Query.feeTiers")
    async def fee_tiers(
        self, info: Info, *, include_archived: Annotated[bool, _archived] = False
    ) -> list[FeeTier]:
        tiers = await fees.tiers(info.context.base, include_archived=include_archived)
        return [FeeTier.of(tier) for tier in tiers]

    @computed(
        "Tenants' own prices, newest first, those that have ended too: of one tenant, or of all "
        "where the platform's people name none.",
        allow="Query.feeOverrides",
    )
    async def fee_overrides(
        self, info: Info, tenant_id: Annotated[strawberry.ID | None, _of_tenant] = None
    ) -> list[FeeOverride]:
        found = await fees.overrides(info.context.base, tenant_id)
        return [FeeOverride.of(override) for override in found]

    @computed(
        "What somebody must look at: of the tenant that is named, or of all tenants and of the "
        "platform. Open ones first, the most severe of them first; at most 100.",
        allow="Query.alerts",
    )
    async def alerts(
        self, info: Info, *, open_only: Annotated[bool, _open_only] = True
    ) -> list[Alert]:
        found = await alerts.listed(info.context.base, open_only=open_only)
        return [Alert.of(alert) for alert in found]

    @computed(
        "How the tenant's payments went that were made in a range of whole hours: an hour in which "
        "it starts or ends counts as a whole. At most 31 days by HOUR, 400 by DAY.",
        allow="Query.paymentMetrics",
    )
    async def payment_metrics(
        self,
        info: Info,
        range: Annotated[DateTimeRange, _made_in],
        currency: Annotated[Currency, _currency],
        interval: Annotated[MetricsInterval, _interval] = MetricsInterval.DAY,
    ) -> PaymentMetrics:
        span = range.to_range()
        found = await metrics.of_payments(info.context.base, span, interval, currency)
        return PaymentMetrics.of(found)

    @computed(
        "How the tenant's webhook events went that came in a range of whole hours, of 400 days at "
        "most.",
        allow="Query.webhookMetrics",
    )
    async def webhook_metrics(
        self, info: Info, range: Annotated[DateTimeRange, _made_in]
    ) -> WebhookMetrics:
        found = await metrics.of_events(info.context.base, range.to_range())
        return WebhookMetrics.of(found)

    @computed("The platform's tenants, newest first.", allow="Query.tenants")
    async def tenants(
        self, info: Info, first: FirstOfMany = None, after: After = None
    ) -> Connection[Tenant]:
        asked = page_request(Prefix.TENANT, first=first, after=after)
        page = await tenants.page(info.context.base, asked)
        return connect(page, Tenant.of, partial(tenants.count, info.context.base))

    @computed(
        "The tenant's accounts at gateways, oldest first, those that are switched off too.",
        allow="Query.paymentGateways",
    )
    async def payment_gateways(self, info: Info) -> list[PaymentGateway]:
        found = await gateways.of_tenant(info.context.base)
        return [PaymentGateway.of(shown) for shown in found]

    @computed("What a payment would cost the tenant now.", allow="Query.feeQuote")
    async def fee_quote(
        self,
        info: Info,
        amount_cents: Annotated[Cents, _amount],
        currency: Annotated[Currency, _currency],
    ) -> FeeQuote:
        return FeeQuote.of(await fees.quote(info.context.base, amount_cents, currency))

    @computed(
        "What was taken, kept and paid in fees: of the tenant, or for the platform's people of any "
        "or of all. At most 31 days by HOUR, 400 by DAY.",
        allow="Query.feeReport",
    )
    async def fee_report(
        self,
        info: Info,
        range: Annotated[DateTimeRange, _range],
        currency: Annotated[Currency, _currency],
        interval: Annotated[MetricsInterval, _interval] = MetricsInterval.DAY,
        tenant_id: Annotated[strawberry.ID | None, _of_tenant] = None,
    ) -> FeeReport:
        span = range.to_range()
        report = await ledger.fee_report(info.context.base, span, interval, currency, tenant_id)
        return FeeReport.of(report)
